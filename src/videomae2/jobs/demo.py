"""The main job on a built-in data set: make videos, pre-train, show what was learnt."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videomae2.config import PretrainRun
from videomae2.data.listing import read_manifest
from videomae2.data.moving_shapes import MovingShapes, write_moving_shapes
from videomae2.engine.runlog import METRICS_FILE, to_terminal
from videomae2.jobs.curves import loss_curve
from videomae2.jobs.pretrain import pretrain
from videomae2.jobs.reconstruct import rebuild_videos
from videomae2.jobs.sheets import reconstruction_sheet

SHOWN = 4
"""Held-out videos in the picture."""
_LAST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo ends with."""

    curve: Path
    picture: Path
    checkpoint: Path
    loss: float
    """Mean over the last steps of training."""
    held_out_loss: float
    """Mean over the videos of the picture."""
    baseline: float
    """Loss of predicting each cube's mean, on the same cubes."""


def make_videos(
    folder: Path, *, videos: int, say: Callable[[str], None] = to_terminal
) -> MovingShapes:
    """Write the built-in data set, or what is missing of it."""

    def progress(done: int, total: int) -> None:
        if done % 160 == 0 or done == total:
            say(f"videos   {done} of {total} written")

    say(f"videos   {videos} videos of moving shapes in {folder}")
    return write_moving_shapes(folder, videos=videos, progress=progress)


def demo(
    run: PretrainRun, shapes: MovingShapes, *, say: Callable[[str], None] = to_terminal
) -> Shown:
    """Pre-train on the training part without its labels, and rebuild held-out videos.

    Args:
        run: The pre-training; its source is the training part of ``shapes``.
        shapes: The data set.
        say: Takes each line for people.
    """
    checkpoint = pretrain(run, say=say)
    folder = run.record.out
    held_out = read_manifest(shapes.test, labels="if-present")
    step = max(1, len(held_out) // SHOWN)
    clips = rebuild_videos(
        checkpoint, [Path(held_out[i].path) for i in range(0, step * SHOWN, step)]
    )
    hidden = run.masking.encoder_ratio
    title = f"Held-out videos: {hidden:.0%} hidden from the model, and what it rebuilds"
    return Shown(
        curve=loss_curve(folder / METRICS_FILE, folder / "loss.png", title="The demo's loss"),
        picture=reconstruction_sheet(clips, folder / "reconstruction.png", title=title),
        checkpoint=checkpoint,
        loss=_last_loss(folder / METRICS_FILE),
        held_out_loss=sum(clip.loss for clip in clips) / len(clips),
        baseline=sum(clip.baseline for clip in clips) / len(clips),
    )


def _last_loss(metrics: Path) -> float:
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    losses = [line["loss"] for line in lines if line.get("loss") is not None][-_LAST_STEPS:]
    return sum(losses) / len(losses)
