"""Evaluation with 5x3 views of each video: decoded once for all views, or once per view.

Ours is `videomae2 evaluate` end to end, from the list to the report. The other way is what the
released test program does: every view is a sample of its own, for which the video is opened and
all frames of the stride are decoded, as many reading processes as ours, the same model, batches,
precision, pixels and crops; no report is written for it. It is run with our reader, which leaves
out frames that nobody wants, and with a plain one, which decodes them all.

Both are run in turn and must agree on the probabilities. Videos are made up: 200 of 10 s at 30
frames a second and 320x240, which cost little to decode; or those of a folder, again and again.

    python benchmarks/evaluate_views.py            # a tiny model, so that reading counts
    python benchmarks/evaluate_views.py --size small --side 112 --videos 50
    python benchmarks/natural_videos.py ../shared/data/repetitions natural/ --count 52
    python benchmarks/evaluate_views.py --folder natural/
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command line does, and before torch

# reading processes find `view_by_view` there
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
)

import numpy as np
import torch
from view_by_view import ViewRequest
from views_to_judge import link_videos, make_model, make_videos

from videomae2.data.manifest import Entry
from videomae2.data.pool import Pool
from videomae2.jobs.evaluate import EvaluateConfig, evaluate, prepare_evaluation
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.jobs.evaluation.settings import ReadingConfig
from videomae2.jobs.view_settings import ViewsWish
from videomae2.models.sizes import SIZES
from videomae2.tensors.merging import probabilities

VIEWS = ViewsWish(clips=5, crops=3)


def per_view(scoring: Scoring, entries: list[Entry], *, plain: bool) -> tuple[np.ndarray, int]:
    """The probabilities of videos whose every view is read for itself, and how often one was."""
    grid, limits, opened = scoring.shape.grid, scoring.shape.limits, 0
    requests = [
        ViewRequest(entry, scoring.shape, clip, plain)
        for entry in entries
        for clip in range(grid.clips)
        for _ in range(grid.crops)
    ]
    found, waiting = [], []
    pool = Pool(
        "view_by_view:read_view",
        workers=scoring.workers,
        deadline_seconds=limits.seconds,
        memory_bytes=limits.max_bytes,
    )
    with pool:
        for number, answer in enumerate(pool.map(requests)):
            if answer.arrays is None:
                raise SystemExit(str(answer.error))
            opened += 1
            place = np.arange(scoring.shape.frames)[None]
            view = scoring.covered({"frames": answer.arrays["frames"], "place": place})
            waiting.append(view.view(number % grid.crops))
            if len(waiting) == grid.views:
                found.append(
                    probabilities(scoring.scorer.of_views(torch.stack(waiting))).mean(axis=0)
                )
                waiting = []
    return np.stack(found), opened


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured."""

    videos: int
    views: int
    seconds_once: float
    seconds_per_view: float
    seconds_per_view_plain: float
    decodings_once: int
    decodings_per_view: int
    ratio: float
    ratio_plain: float
    largest_difference: float
    """Of probabilities; beyond rounding it would be another evaluation."""


def measure(folder: Path, config: EvaluateConfig) -> Outcome:
    """Run both ways on what `make_videos` and `make_model` wrote."""
    started = time.perf_counter()
    once = evaluate(
        folder / "model", folder / "videos", out=folder / "out", config=config, say=print
    )
    seconds_once = time.perf_counter() - started
    plan = prepare_evaluation(folder / "model", folder / "videos", config=config)
    entries, seconds, differences = list(plan.questions.manifest), [], []
    for plain in (False, True):
        started = time.perf_counter()
        found, opened = per_view(plan.scoring(), entries, plain=plain)
        seconds.append(time.perf_counter() - started)
        differences.append(float(np.abs(found - once.probabilities).max()))
    return Outcome(
        videos=once.listed,
        views=plan.views.grid.views,
        seconds_once=seconds_once,
        seconds_per_view=seconds[0],
        seconds_per_view_plain=seconds[1],
        decodings_once=once.work.decodings,
        decodings_per_view=opened,
        ratio=seconds[0] / seconds_once,
        ratio_plain=seconds[1] / seconds_once,
        largest_difference=max(differences),
    )


def main() -> None:
    """Make the videos, measure, print."""
    words = parser().parse_args()
    config = EvaluateConfig(
        views=VIEWS, device=words.device, reading=ReadingConfig(workers=words.workers), batch=15
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if words.folder:
            link_videos(folder / "videos", videos=words.videos, source=words.folder)
        else:
            made = {"frames": words.frames, "size": tuple(words.video_size)}
            make_videos(folder / "videos", videos=words.videos, **made)
        make_model(folder / "model", size=words.size, side=words.side, frames=words.clip_frames)
        found = measure(folder, replace(config, views=VIEWS))
    if words.json:
        print(json.dumps(asdict(found)))
        return
    print(
        f"decoded once            {found.seconds_once:.1f} s, {found.decodings_once} opened\n"
        f"per view, our reader    {found.seconds_per_view:.1f} s, {found.decodings_per_view} "
        f"opened, ratio {found.ratio:.1f}\n"
        f"per view, plain reader  {found.seconds_per_view_plain:.1f} s, ratio "
        f"{found.ratio_plain:.1f}\n"
        f"probabilities           differ by {found.largest_difference:.1e} at most"
    )


def parser() -> argparse.ArgumentParser:
    """All flags."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--videos", type=int, default=200)
    made.add_argument("--folder", type=Path, help="videos to take; made up if not given")
    made.add_argument("--frames", type=int, default=300)
    made.add_argument("--size", default="tiny", choices=sorted(SIZES))
    made.add_argument("--side", type=int, default=64)
    made.add_argument("--clip-frames", type=int, default=16, help="8: clips as the demo's")
    made.add_argument("--video-size", type=int, nargs=2, default=(240, 320))
    made.add_argument("--device", default="auto")
    made.add_argument("--workers", type=int)
    made.add_argument("--json", action="store_true")
    return made


if __name__ == "__main__":
    main()
