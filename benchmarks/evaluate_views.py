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

import av
import numpy as np
import torch
from view_by_view import ViewRequest

from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.run import evaluate, prepare_evaluation
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Entry
from videomae2.inference.scorer import VideoScorer
from videomae2.inference.views import EvalViews
from videomae2.metrics.classification import compute_probabilities
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import SIZES, EncoderConfig
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD
from videomae2.training.runtime import resolve_num_workers

TEST_VIEWS = EvalViews(clips=5, crops=3)
CLASSES = ("one", "two")


def score_per_view(
    scoring: VideoScorer, entries: list[Entry], *, decode_all: bool
) -> tuple[np.ndarray, int]:
    """The probabilities of videos whose every view is read for itself, and how often one was."""
    views, opened = scoring.views, 0
    requests = [
        ViewRequest(entry, views, clip, decode_all)
        for entry in entries
        for clip in range(views.clips)
        for _ in range(views.crops)
    ]
    scores, pending_views = [], []
    num_workers = resolve_num_workers(scoring.reading.num_workers, scoring.classifier.runtime)
    with scoring.reading.pool("view_by_view:read_view", num_workers=num_workers) as pool:
        for number, result in enumerate(pool.map(requests)):
            if result.arrays is None:
                raise SystemExit(str(result.error))
            opened += 1
            frame_index = np.arange(views.frames)[None]
            arrays = {"frames": result.arrays["frames"], "frame_index": frame_index}
            view = scoring.resize_video(arrays)
            pending_views.append(view.cut_view(number % views.crops))
            if len(pending_views) == views.num_views:
                view_scores = scoring.score_views(torch.stack(pending_views))
                scores.append(compute_probabilities(view_scores).mean(axis=0))
                pending_views = []
    return np.stack(scores), opened


@dataclass(frozen=True, slots=True)
class ViewTimings:
    """What was measured."""

    videos: int
    views: int
    seconds_once: float
    seconds_per_view: float
    seconds_per_view_decode_all: float
    decodings_once: int
    decodings_per_view: int
    ratio: float
    ratio_decode_all: float
    largest_difference: float
    """Of probabilities; beyond rounding it would be another evaluation."""


def measure(folder: Path, config: EvaluateConfig) -> ViewTimings:
    """Run both ways on what `make_videos` and `save_random_classifier` wrote."""
    started = time.perf_counter()
    once = evaluate(folder / "model", folder / "videos", out=folder / "out", config=config)
    seconds_once = time.perf_counter() - started
    plan = prepare_evaluation(folder / "model", folder / "videos", config=config)
    entries, seconds, differences = list(plan.dataset.manifest), [], []
    for decode_all in (False, True):
        started = time.perf_counter()
        scores, opened = score_per_view(plan.scorer, entries, decode_all=decode_all)
        seconds.append(time.perf_counter() - started)
        differences.append(float(np.abs(scores - once.probabilities).max()))
    return ViewTimings(
        videos=once.num_listed,
        views=plan.scorer.views.num_views,
        seconds_once=seconds_once,
        seconds_per_view=seconds[0],
        seconds_per_view_decode_all=seconds[1],
        decodings_once=once.run_stats.num_decodings,
        decodings_per_view=opened,
        ratio=seconds[0] / seconds_once,
        ratio_decode_all=seconds[1] / seconds_once,
        largest_difference=max(differences),
    )


def write_noise_videos(folder: Path, *, videos: int, frames: int, size: tuple[int, int]) -> None:
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
    paths = sorted(path.resolve() for path in source.rglob("*.mp4"))
    if not paths:
        raise SystemExit(f"{source} holds no .mp4 files")
    for number in range(videos):
        path = folder / CLASSES[number % 2] / f"{number:04}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(paths[number % len(paths)])


def save_random_classifier(folder: Path, *, size: str, side: int, frames: int) -> None:
    """Save a classifier with random weights."""
    assert size in SIZES
    encoder = EncoderConfig(size=size, frames=frames, height=side, width=side)
    model = Classifier(
        ClassifierConfig(encoder=encoder, num_classes=len(CLASSES), head_init_scale=1.0)
    )
    init_classifier_weights(model, torch.Generator().manual_seed(0))
    card = SavedClassifierConfig(
        model=model.config,
        class_names=CLASSES,
        frame_sampling=FrameSampling(),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    folder.mkdir(parents=True)
    save_model(folder, model.state_dict(), card)


def main() -> None:
    """Make the videos, measure, print."""
    options = build_parser().parse_args()
    config = EvaluateConfig(
        views=TEST_VIEWS,
        device=options.device,
        reading=ReadingConfig(num_workers=options.workers),
        batch_size=15,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.folder:
            link_videos(folder / "videos", videos=options.videos, source=options.folder)
        else:
            video_settings = {"frames": options.frames, "size": tuple(options.video_size)}
            write_noise_videos(folder / "videos", videos=options.videos, **video_settings)
        save_random_classifier(
            folder / "model", size=options.size, side=options.side, frames=options.clip_frames
        )
        timings = measure(folder, replace(config, views=TEST_VIEWS))
    if options.json:
        print(json.dumps(asdict(timings)))
        return
    print(
        f"decoded once            {timings.seconds_once:.1f} s, {timings.decodings_once} opened\n"
        f"per view, our reader    {timings.seconds_per_view:.1f} s, {timings.decodings_per_view} "
        f"opened, ratio {timings.ratio:.1f}\n"
        f"per view, plain reader  {timings.seconds_per_view_decode_all:.1f} s, ratio "
        f"{timings.ratio_decode_all:.1f}\n"
        f"probabilities           differ by {timings.largest_difference:.1e} at most"
    )


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    argument_parser.add_argument("--videos", type=int, default=200)
    argument_parser.add_argument("--folder", type=Path, help="videos to take; made up if not given")
    argument_parser.add_argument("--frames", type=int, default=300)
    argument_parser.add_argument("--size", default="tiny", choices=sorted(SIZES))
    argument_parser.add_argument("--side", type=int, default=64)
    argument_parser.add_argument(
        "--clip-frames", type=int, default=16, help="8: clips as the demo's"
    )
    argument_parser.add_argument("--video-size", type=int, nargs=2, default=(240, 320))
    argument_parser.add_argument("--device", default="auto")
    argument_parser.add_argument("--workers", type=int)
    argument_parser.add_argument("--json", action="store_true")
    return argument_parser


if __name__ == "__main__":
    main()
