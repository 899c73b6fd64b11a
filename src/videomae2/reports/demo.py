"""The demo's report: one page that shows the progression and what each part was worth."""

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

from videomae2.base.files import atomic_write
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.metrics.bootstrap import Comparison, Interval
from videomae2.reports.curves import build_training_curves
from videomae2.reports.evaluation_result import Evaluation
from videomae2.reports.html import (
    Markup,
    figure,
    image,
    page,
    paragraph,
    section,
    table,
    tag,
    tiles,
)
from videomae2.reports.matrices import Bar, draw_bars
from videomae2.training.logger import METRICS_FILE

NUM_SHOWN_VIDEOS = 4
"""Held-out videos in the picture."""


@dataclass(frozen=True, slots=True)
class DemoStages:
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
class EvaluatedModel:
    """A model and how well it does on held-out videos."""

    name: str
    folder: Path
    accuracy: Interval
    parameters: int
    report: Path
    hits: Mapping[Hashable, float]
    """1 or 0 for each video."""

    @classmethod
    def from_evaluation(cls, name: str, evaluation: Evaluation) -> "EvaluatedModel":
        """Take what an evaluation found."""
        hits: dict[Hashable, float] = {
            video.video: float(video.is_correct) for video in evaluation.metrics.videos
        }
        main = evaluation.metrics.main[1]
        return cls(
            name, evaluation.model.path, main, evaluation.model.parameters, evaluation.report, hits
        )


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo ends with."""

    curve: Path
    picture: Path
    checkpoint: Path
    loss: float
    """Mean over the last steps of pre-training."""
    val_loss: float
    """Mean over the videos of the picture."""
    baseline: float
    """Loss of predicting each cube's mean, on the same cubes."""
    pretrained: EvaluatedModel
    scratch: EvaluatedModel
    student: EvaluatedModel
    improvement: Comparison
    """Pre-trained minus from scratch, video by video."""
    classes: int


def write_demo_page(result: DemoResult, stages: DemoStages, path: Path) -> Path:
    """Write the page, whole or not at all; links in it are relative to its folder."""
    with atomic_write(path) as partial:
        partial.write_text(_build_demo_page(result, stages, path.parent), encoding="utf-8")
    return path


def _build_demo_page(result: DemoResult, stages: DemoStages, folder: Path) -> str:
    models = (result.pretrained, result.scratch, result.student)
    return page(
        "The whole progression on moving shapes",
        tiles((one.name, f"{one.accuracy.value:.1%}", _format_range(one)) for one in models),
        _build_verdict(result),
        section("Held-out videos told right", _build_accuracies(result, models, folder)),
        section("What pre-training learnt", _build_reconstruction(result)),
        *(
            build_training_curves(run.output_dir / METRICS_FILE, f"Loss, {name}")
            for name, run in (
                ("pre-training", stages.pretrain),
                ("fine-tuning from the pre-trained model", stages.finetune),
                ("the same fine-tuning from scratch", stages.scratch),
                ("distillation", stages.distill),
            )
        ),
        subtitle="One dual-masked pre-training without labels, then two fine-tunings that differ "
        "in their first weights alone, and a student.",
    )


def _build_verdict(result: DemoResult) -> Markup:
    difference = result.improvement.difference
    verdict = "leaves out 0" if result.improvement.is_clear else "holds 0, so it may be chance"
    return paragraph(
        f"Pre-training is worth {difference.value * 100:+.1f} points of accuracy (between "
        f"{difference.low * 100:+.1f} and {difference.high * 100:+.1f} on the same videos; the "
        f"interval {verdict}). Guessing would tell {1 / result.classes:.1%} right. Both "
        f"fine-tunings see the same labelled videos in the same order for the same number of steps."
    )


def _build_accuracies(
    result: DemoResult, models: tuple[EvaluatedModel, ...], folder: Path
) -> Markup:
    model_bars = [
        Bar(one.name, one.accuracy.value, one.accuracy.low, one.accuracy.high, _format_range(one))
        for one in models
    ]
    rows = [
        (
            tag("a", one.name, href=os.path.relpath(one.report, folder)),
            f"{one.accuracy.value:.1%}",
            _format_range(one),
            f"{one.parameters / 1e6:.2f} M",
        )
        for one in models
    ]
    heads = ("model, with its own report", "accuracy", "95 % interval", "parameters")
    words = "accuracy of the three models on held-out videos, with 95 % intervals"
    return figure(draw_bars(model_bars, words=words)) + table(heads, rows, numeric=(1, 2, 3))


def _build_reconstruction(result: DemoResult) -> Markup:
    words = "original, hidden and rebuilt frames of held-out videos"
    caption = (
        f"Loss {result.val_loss:.3f} on these videos; predicting each cube's mean would give "
        f"{result.baseline:.3f}."
    )
    return figure(image(result.picture.read_bytes(), "png", words=words), caption)


def _format_range(model: EvaluatedModel) -> str:
    return f"{model.accuracy.low:.1%} to {model.accuracy.high:.1%}"
