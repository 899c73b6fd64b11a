"""The whole progression on a built-in data set, and what each part of it was worth."""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from videomae2.config import DistillRun, FinetuneRun, PretrainRun
from videomae2.data.listing import read_manifest
from videomae2.data.moving_shapes import MovingShapes, write_moving_shapes
from videomae2.engine.runlog import METRICS_FILE, duration, to_terminal
from videomae2.jobs.curves import loss_curve
from videomae2.jobs.distill import distill
from videomae2.jobs.evaluate import EvaluateConfig, Evaluation, evaluate
from videomae2.jobs.finetune import finetune
from videomae2.jobs.pretrain import pretrain
from videomae2.jobs.reconstruct import rebuild_videos
from videomae2.jobs.sheets import reconstruction_sheet
from videomae2.jobs.view_settings import ViewsWish
from videomae2.tensors.intervals import Comparison, Interval, compare_by_video

SHOWN = 4
"""Held-out videos in the picture."""
_LAST_STEPS = 50
_VIEWS = ViewsWish(clips=2, crops=1)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stages:
    """The runs of the progression."""

    pretrain: PretrainRun
    """On all training videos, without labels."""
    finetune: FinetuneRun
    """On the labelled share, from the one before."""
    scratch: FinetuneRun
    """The same from nothing."""
    distill: DistillRun
    """On all training videos, without labels, from the fine-tuned model."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A model and how well it does on held-out videos."""

    name: str
    folder: Path
    accuracy: Interval
    parameters: int
    report: Path
    hits: Mapping[Hashable, float]
    """1 or 0 for each video."""

    @classmethod
    def of(cls, name: str, found: Evaluation) -> "Judged":
        """Take what an evaluation found."""
        hits: dict[Hashable, float] = {
            video.video: float(video.right) for video in found.measures.videos
        }
        main = found.measures.main[1]
        return cls(name, found.model.path, main, found.model.parameters, found.report, hits)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo ends with."""

    curve: Path
    picture: Path
    checkpoint: Path
    loss: float
    """Mean over the last steps of pre-training."""
    held_out_loss: float
    """Mean over the videos of the picture."""
    baseline: float
    """Loss of predicting each cube's mean, on the same cubes."""
    pretrained: Judged
    scratch: Judged
    student: Judged
    gain: Comparison
    """Pre-trained minus from scratch, video by video."""
    classes: int


def make_videos(folder: Path, *, videos: int, say: Say = to_terminal) -> MovingShapes:
    """Write the built-in data set, or what is missing of it."""
    began = perf_counter()

    def progress(done: int, total: int) -> None:
        if done % 200 == 0 or done == total:
            rate = done / max(perf_counter() - began, 1e-9)
            left = duration((total - done) / rate)
            say(f"videos   {done} of {total} written  {rate:.0f} videos/s  {left} left")

    say(f"videos   {videos} videos of moving shapes in {folder}")
    return write_moving_shapes(folder, videos=videos, frames=40, progress=progress)


def demo(stages: Stages, shapes: MovingShapes, *, say: Say = to_terminal) -> Shown:
    """Pre-train, fine-tune, compare with training from scratch, distil; show what came of it.

    Args:
        stages: The runs; they name each other's folders.
        shapes: The data set.
        say: Takes each line for people.
    """
    _head(say, 1, "pre-training on all training videos, without labels")
    checkpoint = pretrain(stages.pretrain, say=say)
    _head(say, 2, "fine-tuning on the labelled share, from the pre-trained model")
    finetune(stages.finetune, say=say)
    _head(say, 3, "the same fine-tuning from scratch")
    finetune(stages.scratch, say=say)
    _head(say, 4, "a smaller student learns from the fine-tuned model, without labels")
    students = distill(stages.distill, say=say)
    _head(say, 5, "all three on held-out videos")
    pretrained = _judge("pre-trained", stages.finetune.record.out, shapes, say)
    scratch = _judge("from scratch", stages.scratch.record.out, shapes, say)
    student = _judge("student", students / stages.distill.students[0].name, shapes, say)
    return _shown(stages, shapes, checkpoint, (pretrained, scratch, student))


def _head(say: Say, number: int, words: str) -> None:
    say(f"\n-- {number}/5 {words}")


def _judge(name: str, model: Path, shapes: MovingShapes, say: Say) -> Judged:
    config = EvaluateConfig(views=_VIEWS)
    found = evaluate(model, shapes.test, config=config, say=lambda line: None)
    judged = Judged.of(name, found)
    say(f"{name:<13} accuracy {_percent(judged.accuracy)}  {judged.parameters / 1e6:.2f} M")
    return judged


def _shown(
    stages: Stages,
    shapes: MovingShapes,
    checkpoint: Path,
    judged: tuple[Judged, Judged, Judged],
) -> Shown:
    """Draw the pictures and put everything together."""
    run = stages.pretrain
    folder = run.record.out
    held_out = read_manifest(shapes.test, labels="if-present")
    step = max(1, len(held_out) // SHOWN)
    videos = [Path(held_out[i].path) for i in range(0, step * SHOWN, step)]
    clips = rebuild_videos(checkpoint, videos)
    hidden = run.masking.encoder_ratio
    title = f"Held-out videos: {hidden:.0%} hidden from the model, and what it rebuilds"
    pretrained, scratch, student = judged
    return Shown(
        curve=loss_curve(folder / METRICS_FILE, folder / "loss.png", title="The demo's loss"),
        picture=reconstruction_sheet(clips, folder / "reconstruction.png", title=title),
        checkpoint=checkpoint,
        loss=_last_loss(folder / METRICS_FILE),
        held_out_loss=sum(clip.loss for clip in clips) / len(clips),
        baseline=sum(clip.baseline for clip in clips) / len(clips),
        pretrained=pretrained,
        scratch=scratch,
        student=student,
        gain=compare_by_video(pretrained.hits, scratch.hits),
        classes=len(shapes.classes),
    )


def _percent(found: Interval) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _last_loss(metrics: Path) -> float:
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    losses = [line["loss"] for line in lines if line.get("loss") is not None][-_LAST_STEPS:]
    return sum(losses) / len(losses)
