"""The training curve of a run, from its log: the loss, and the metrics on held-out videos."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from videomae2.base.files import atomic_write
from videomae2.errors import ConfigError
from videomae2.reports.charts import Series, draw_line_chart
from videomae2.reports.html import EMPTY, Markup, beside, figure, section

_RAW_COLOR, _SMOOTH_COLOR, _FAINT_COLOR, _BASELINE_COLOR = (
    "#9db8d9",
    "#1f4e8c",
    "#6b7280",
    "#b45309",
)


_MIN_LOG_RATIO = 4.0  # of the largest to the smallest smoothed loss


_NUM_SMOOTHING_WINDOWS = 40  # the curve is a mean over a part of this many


@dataclass(frozen=True, slots=True)
class MetricsLog:
    """What a run logged for its steps, in their order; NaN where a step was skipped."""

    step: Float64[np.ndarray, " steps"]
    loss: Float64[np.ndarray, " steps"]
    lr: Float64[np.ndarray, " steps"]


def read_metrics_log(path: Path) -> MetricsLog:
    """Read ``metrics.jsonl``, without lines that hold no loss or are still being written.

    Raises:
        ConfigError: If there is no such file, a line is no JSON, or no step was logged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    complete_lines = text[: text.rfind("\n") + 1]
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in complete_lines.splitlines()]
    except ValueError as error:
        raise ConfigError(f"{path} holds a line that is no JSON: {error}") from error
    by_step = {line["step"]: line for line in lines if "loss" in line}
    if not by_step:
        raise ConfigError(f"{path} holds no step yet")
    columns = [
        [math.nan if (value := line.get(name)) is None else value for line in by_step.values()]
        for name in ("step", "loss", "lr")
    ]
    return MetricsLog(*(np.asarray(column, dtype=np.float64) for column in columns))


def smooth(values: Float64[np.ndarray, " steps"], window: int) -> Float64[np.ndarray, " steps"]:
    """Mean over a window around each step, where it is not NaN.

    At the start the window narrows, since the loss falls fast there; at the end it is cut off.
    """
    is_finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(is_finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(is_finite)])
    positions = np.arange(len(values))
    half_widths = np.minimum(positions, window // 2)
    first, stop = positions - half_widths, np.minimum(positions + half_widths + 1, len(values))
    count = counts[stop] - counts[first]
    mean = (sums[stop] - sums[first]) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)


def plot_loss_curve(
    metrics_jsonl: Path,
    out: Path,
    *,
    title: str = "Pre-training",
    baseline: float | None = 1.0,
    axis: Literal["auto", "linear", "log"] = "auto",
) -> Path:
    """Draw loss and learning rate over the steps of a run.

    Args:
        metrics_jsonl: The log of the run.
        out: The PNG to write, whole or not at all.
        title: Its heading.
        baseline: The loss of predicting each cube's mean; about 1 where cubes are z-scored, None
            to leave the line out.
        axis: Scale of the loss; auto takes logarithms where it falls to less than a quarter.

    Raises:
        ConfigError: If the log cannot be read or holds no step.
    """
    # The figure is made without pyplot, which would keep it in a global list.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    log = read_metrics_log(metrics_jsonl)
    figure = Figure(figsize=(9, 5.4), dpi=160)
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.12)  # inches
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1], "hspace": 0.02}
    )
    _draw_loss(upper, log, baseline, axis)
    upper.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=26)
    lower.plot(log.step, log.lr, color=_FAINT_COLOR, linewidth=1.4)
    lower.set_ylabel("learning rate", color=_FAINT_COLOR)
    lower.set_xlabel("step")
    lower.set_ylim(bottom=0)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, axis="y", color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.01)
        axes.tick_params(labelsize=9)
    with atomic_write(out) as partial:
        figure.savefig(partial, format="png")
    return out


def _draw_loss(axes: Any, log: MetricsLog, baseline: float | None, axis: str) -> None:
    """Draw the loss of every step lightly, its mean boldly, and what doing nothing would get."""
    smoothed_loss = smooth(log.loss, max(1, len(log.loss) // _NUM_SMOOTHING_WINDOWS))
    finite_loss = smoothed_loss[np.isfinite(smoothed_loss)]
    mean_label = f"smoothed, last {finite_loss[-1]:.3f}" if len(finite_loss) else "smoothed"
    axes.plot(log.step, log.loss, color=_RAW_COLOR, linewidth=0.8, alpha=0.8, label="each step")
    axes.plot(log.step, smoothed_loss, color=_SMOOTH_COLOR, linewidth=2.2, label=mean_label)
    if baseline is not None:
        axes.axhline(
            baseline,
            color=_BASELINE_COLOR,
            linewidth=1.3,
            linestyle=(0, (5, 4)),
            label="predicting each cube's mean",
        )
    if axis == "log" or (axis == "auto" and _needs_log_scale(finite_loss)):
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    num_skipped = int(np.isnan(log.loss).sum())
    if num_skipped:
        axes.plot([], [], " ", label=f"{num_skipped} steps skipped")
    axes.set_ylabel("loss")
    axes.legend(
        frameon=False,
        fontsize=9,
        ncols=4,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.3,
        borderpad=0.0,
        handlelength=1.6,
        columnspacing=1.4,
    )


def _needs_log_scale(finite_loss: Float64[np.ndarray, " steps"]) -> bool:
    return (
        bool(len(finite_loss))
        and float(finite_loss.min()) > 0
        and bool(finite_loss.max() / finite_loss.min() > _MIN_LOG_RATIO)
    )


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
    log_scale = bool(
        finite_loss.min() > 0 and finite_loss.max() / finite_loss.min() > _MIN_PAGE_LOG_RATIO
    )
    steps = log.step.tolist()
    series = [
        Series("each step", steps, log.loss.tolist(), is_faint=True),
        Series("smoothed", steps, mean.tolist()),
    ]
    loss = draw_line_chart(
        series, x_label="step", y_label="loss", words="loss in training", log_y=log_scale
    )
    return section(title, beside(figure(loss), _build_validation_curve(metrics, student)))


def _build_validation_curve(metrics: Path, student: str) -> Markup:
    """The first number of every look at held-out videos, but not the loss."""
    evaluations = [
        look for look in _read_lines(metrics) if any(name.startswith(_VAL_PREFIX) for name in look)
    ]
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
