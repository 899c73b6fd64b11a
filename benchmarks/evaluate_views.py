"""Evaluation with 5x3 views of each video: decoded once for all views, or once per view.

Ours is `videomae2 evaluate` end to end, from the list to the report. The other way is what the
released test program does: every view is a sample of its own, for which the video is opened and
all frames of the stride are decoded, as many reading processes as ours, the same model, batches,
precision, pixels and crops; no report is written for it.

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

import av
import numpy as np
import torch
from view_by_view import ViewRequest

from videomae2.data.manifest import Entry
from videomae2.data.pool import Pool
from videomae2.engine.runlog import duration
from videomae2.jobs.evaluate import EvaluateConfig, evaluate, prepare_evaluation
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.jobs.evaluation.settings import ReadingConfig
from videomae2.jobs.view_settings import ViewsWish
from videomae2.models.cards import ClassifierCard, ClipSpan
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.initial import initialise_classifier
from videomae2.models.saved import save_model
from videomae2.models.sizes import SIZES
from videomae2.tensors.merging import probabilities
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

CLASSES = ("one", "two")
VIEWS = ViewsWish(clips=5, crops=3)


def per_view(scoring: Scoring, entries: list[Entry]) -> tuple[np.ndarray, int]:
    """The probabilities of videos whose every view is read for itself, and how often one was."""
    grid, limits, opened = scoring.shape.grid, scoring.shape.limits, 0
    requests = [
        ViewRequest(entry, scoring.shape, clip)
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


def make_videos(folder: Path, *, videos: int, frames: int, size: tuple[int, int]) -> None:
    """Write videos of moving noise, half of them in each class."""
    height, width = size
    for number in range(videos):
        path = folder / CLASSES[number % 2] / f"{number:04}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        ground = small.repeat(8, axis=0).repeat(8, axis=1)
        with av.open(str(path), "w") as box:
            stream = box.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for i in range(frames):
                picture = np.roll(ground, (i, 2 * i), axis=(0, 1))
                box.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            box.mux(stream.encode(None))


def link_videos(folder: Path, *, videos: int, source: Path) -> None:
    """Name the videos of a folder, as often as it takes, half of them in each class."""
    found = sorted(path.resolve() for path in source.rglob("*.mp4"))
    if not found:
        raise SystemExit(f"{source} holds no .mp4 files")
    for number in range(videos):
        path = folder / CLASSES[number % 2] / f"{number:04}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(found[number % len(found)])


def make_model(folder: Path, *, size: str, side: int) -> None:
    """Save a classifier with random weights."""
    assert size in SIZES
    encoder = EncoderConfig(size=size, frames=16, height=side, width=side)
    model = Classifier(ClassifierConfig(encoder=encoder, outputs=len(CLASSES), head_scale=1.0))
    initialise_classifier(model, torch.Generator().manual_seed(0))
    card = ClassifierCard(
        model=model.config, classes=CLASSES, span=ClipSpan(), mean=IMAGENET_MEAN, std=IMAGENET_STD
    )
    folder.mkdir(parents=True)
    save_model(folder, model.state_dict(), card)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured."""

    videos: int
    views: int
    seconds_once: float
    seconds_per_view: float
    decodings_once: int
    decodings_per_view: int
    ratio: float
    largest_difference: float
    """Of probabilities; beyond rounding it would be another evaluation."""


def measure(folder: Path, config: EvaluateConfig) -> Outcome:
    """Run both ways on what `make_videos` and `make_model` wrote."""
    started = time.perf_counter()
    once = evaluate(
        folder / "model", folder / "videos", out=folder / "out", config=config, say=print
    )
    seconds_once = time.perf_counter() - started
    started = time.perf_counter()
    plan = prepare_evaluation(folder / "model", folder / "videos", config=config)
    found, opened = per_view(plan.scoring(), list(plan.questions.manifest))
    seconds = time.perf_counter() - started
    return Outcome(
        videos=once.listed,
        views=plan.views.grid.views,
        seconds_once=seconds_once,
        seconds_per_view=seconds,
        decodings_once=once.work.decodings,
        decodings_per_view=opened,
        ratio=seconds / seconds_once,
        largest_difference=float(np.abs(found - once.probabilities).max()),
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
        make_model(folder / "model", size=words.size, side=words.side)
        found = measure(folder, replace(config, views=VIEWS))
    if words.json:
        print(json.dumps(asdict(found)))
        return
    print(
        f"decoded once      {duration(found.seconds_once)}, {found.decodings_once} videos opened\n"
        f"decoded per view  {duration(found.seconds_per_view)}, {found.decodings_per_view} opened\n"
        f"ratio             {found.ratio:.1f}\n"
        f"probabilities     differ by {found.largest_difference:.1e} at most"
    )


def parser() -> argparse.ArgumentParser:
    """All flags."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--videos", type=int, default=200)
    made.add_argument("--folder", type=Path, help="videos to take; made up if not given")
    made.add_argument("--frames", type=int, default=300)
    made.add_argument("--size", default="tiny", choices=sorted(SIZES))
    made.add_argument("--side", type=int, default=64)
    made.add_argument("--video-size", type=int, nargs=2, default=(240, 320))
    made.add_argument("--device", default="auto")
    made.add_argument("--workers", type=int)
    made.add_argument("--json", action="store_true")
    return made


if __name__ == "__main__":
    main()
