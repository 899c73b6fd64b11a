"""The training curve of a run, from its log: the loss, and what looks at held-out videos found."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.errors import ConfigError
from videomae2.jobs.curves import read_metrics, smoothed
from videomae2.jobs.pages.charts import Series, line_chart
from videomae2.jobs.pages.markup import NOTHING, Markup, beside, figure, section

_SMOOTHED_PARTS = 40
_LOG_FROM_RATIO = 10.0
_HELD_OUT = "validation/"


def training_part(metrics: Path, title: str = "Training", *, student: str = "") -> Markup:
    """Draw what ``metrics.jsonl`` holds; nothing where there is no log, or too little in it.

    Where several students learnt side by side, of those looks that were at one of them.
    """
    try:
        found = read_metrics(metrics)
    except ConfigError:
        return NOTHING
    known = found.loss[np.isfinite(found.loss)]
    if len(known) < 2:
        return NOTHING
    mean = smoothed(found.loss, max(1, len(found.loss) // _SMOOTHED_PARTS))
    log = bool(known.min() > 0 and known.max() / known.min() > _LOG_FROM_RATIO)
    steps = found.step.tolist()
    series = [
        Series("each step", steps, found.loss.tolist(), is_faint=True),
        Series("smoothed", steps, mean.tolist()),
    ]
    loss = line_chart(series, x_label="step", y_label="loss", words="loss in training", log_y=log)
    return section(title, beside(figure(loss), _held_out(metrics, student)))


def _held_out(metrics: Path, student: str) -> Markup:
    """The first number of every look at held-out videos, but not the loss."""
    looks = [look for look in _lines(metrics) if any(name.startswith(_HELD_OUT) for name in look)]
    if not looks:
        return NOTHING
    names = [name for look in looks for name in look if name.startswith(_HELD_OUT)]
    own = f"{_HELD_OUT}{student}/"
    name = next((name for name in names if name.startswith(own)), names[0])
    points = [(look["step"], look[name]) for look in looks if look.get(name) is not None]
    if not points:
        return NOTHING
    steps, values = [step for step, _ in points], [float(value) for _, value in points]
    shown = f"{name.removeprefix(_HELD_OUT)} on held-out videos"
    one = Series(shown, steps, values, color=1, has_dots=True)
    percent = name.rsplit("/", 1)[1] in ("accuracy", "mean_class", "top5", "map")
    chart = line_chart([one], x_label="step", y_label=shown, words=shown, percent=percent)
    return figure(chart)


def _lines(metrics: Path) -> list[dict[str, Any]]:
    """The whole lines of a log that ``read_metrics`` could read."""
    text = metrics.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
