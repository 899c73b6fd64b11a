"""The training curve of a run, from its log: the loss, and what looks at held-out videos found."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.errors import ConfigError
from videomae2.jobs.curves import read_metrics_log, smooth
from videomae2.jobs.pages.charts import Series, draw_line_chart
from videomae2.jobs.pages.markup import EMPTY, Markup, beside, figure, section

_NUM_PAGE_WINDOWS = 40
_MIN_PAGE_LOG_RATIO = 10.0
_VAL_PREFIX = "validation/"


def build_training_curves(metrics: Path, title: str = "Training", *, student: str = "") -> Markup:
    """Draw what ``metrics.jsonl`` holds; nothing where there is no log, or too little in it.

    Where several students learnt side by side, of those looks that were at one of them.
    """
    try:
        log = read_metrics_log(metrics)
    except ConfigError:
        return EMPTY
    finite_loss = log.loss[np.isfinite(log.loss)]
    if len(finite_loss) < 2:
        return EMPTY
    mean = smooth(log.loss, max(1, len(log.loss) // _NUM_PAGE_WINDOWS))
    log_scale = bool(finite_loss.min() > 0 and finite_loss.max() / finite_loss.min() > _MIN_PAGE_LOG_RATIO)
    steps = log.step.tolist()
    series = [
        Series("each step", steps, log.loss.tolist(), is_faint=True),
        Series("smoothed", steps, mean.tolist()),
    ]
    loss = draw_line_chart(series, x_label="step", y_label="loss", words="loss in training", log_y=log_scale)
    return section(title, beside(figure(loss), _build_validation_curve(metrics, student)))


def _build_validation_curve(metrics: Path, student: str) -> Markup:
    """The first number of every look at held-out videos, but not the loss."""
    evaluations = [look for look in _read_lines(metrics) if any(name.startswith(_VAL_PREFIX) for name in look)]
    if not evaluations:
        return EMPTY
    names = [name for look in evaluations for name in look if name.startswith(_VAL_PREFIX)]
    student_prefix = f"{_VAL_PREFIX}{student}/"
    name = next((name for name in names if name.startswith(student_prefix)), names[0])
    points = [(look["step"], look[name]) for look in evaluations if look.get(name) is not None]
    if not points:
        return EMPTY
    steps, values = [step for step, _ in points], [float(value) for _, value in points]
    label = f"{name.removeprefix(_VAL_PREFIX)} on held-out videos"
    curve = Series(label, steps, values, color=1, has_dots=True)
    percent = name.rsplit("/", 1)[1] in ("accuracy", "mean_class_accuracy", "top5_accuracy", "mAP")
    chart = draw_line_chart([curve], x_label="step", y_label=label, words=label, percent=percent)
    return figure(chart)


def _read_lines(metrics: Path) -> list[dict[str, Any]]:
    """The whole lines of a log that ``read_metrics_log`` could read."""
    text = metrics.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
