"""The demo's report: one page that shows the progression and what each part was worth."""

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

from videomae2.base.files import atomic_write_text
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun, Run
from videomae2.metrics.bootstrap import Comparison, Interval
from videomae2.reports.charts import draw_bars
from videomae2.reports.curves import draw_training_curves
from videomae2.reports.html import render
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
    models = (result.pretrained, result.scratch, result.student)
    runs: dict[str, Run] = {
        "pre-training": stages.pretrain,
        "fine-tuning from the pre-trained model": stages.finetune,
        "the same fine-tuning from scratch": stages.scratch,
        "distillation": stages.distill,
    }
    text = render(
        "demo.html",
        result=result,
        tiles=[
            (model.name, f"{model.accuracy.value:.1%}", _format_range(model)) for model in models
        ],
        model_plot=draw_bars(
            [model.name for model in models],
            [model.accuracy.value for model in models],
            [(model.accuracy.low, model.accuracy.high) for model in models],
            [_format_range(model) for model in models],
            description="accuracy of the three models on held-out videos, with 95 % intervals",
        ),
        models=[(model, os.path.relpath(model.report, path.parent)) for model in models],
        format_range=_format_range,
        picture=result.picture.read_bytes(),
        curves=[
            (name, draw_training_curves(run.output_dir / METRICS_FILE))
            for name, run in runs.items()
        ],
    )
    return atomic_write_text(path, text)


def _format_range(model: EvaluatedModel) -> str:
    return f"{model.accuracy.low:.1%} to {model.accuracy.high:.1%}"
