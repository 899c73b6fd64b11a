"""The training curves of a run from its log: a PNG of loss and rate, and plots for pages."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from videomae2.base.json_files import parse_json, read_small_text
from videomae2.base.text import format_count
from videomae2.errors import ConfigError
from videomae2.reports.charts import (
    COLORS,
    Axes,
    draw_legend,
    draw_lines,
    draw_svg,
    open_png,
    thin_out,
)

if TYPE_CHECKING:
    from markupsafe import Markup

_MIN_LOG_RATIO = 4.0  # of the largest to the smallest smoothed loss
_NUM_SMOOTHING_WINDOWS = 40  # the curve is a mean over a part of this many
_VAL_PREFIX = "validation/"
_PERCENT_METRICS = ("accuracy", "mean_class_accuracy", "top5_accuracy", "mAP")


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
    by_step = {line["step"]: line for line in _read_lines(path) if "loss" in line}
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
    metrics_jsonl: Path, out: Path, *, title: str = "Pre-training", baseline: float | None = 1.0
) -> Path:
    """Draw loss and learning rate over the steps of a pre-training, as a PNG.

    The baseline is the loss of predicting each cube's mean: about 1 where cubes are z-scored.

    Raises:
        ConfigError: If the log cannot be read or holds no step.
    """
    log = read_metrics_log(metrics_jsonl)
    with open_png(out, size=(9, 5.4), dpi=160, padding=(0.15, 0.12)) as figure:
        upper, lower = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1], "hspace": 0.02}
        )
        _draw_loss(upper, log, baseline=baseline)
        upper.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=26)
        lower.plot(log.step, log.lr, color=COLORS["faint"], linewidth=1.4)
        lower.set(ylabel="learning rate", xlabel="step")
        lower.set_ylim(bottom=0)
        lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        for axes in (upper, lower):
            axes.margins(x=0.01)
    return out


def _draw_loss(axes: Axes, log: MetricsLog, *, baseline: float | None = None) -> None:
    smoothed = smooth(log.loss, max(1, len(log.loss) // _NUM_SMOOTHING_WINDOWS))
    finite = smoothed[np.isfinite(smoothed)]
    mean_label = f"smoothed, last {finite[-1]:.3g}" if len(finite) else "smoothed"
    steps = thin_out(log.step)
    axes.plot(steps, thin_out(log.loss), color=COLORS["band"], linewidth=0.9,
              label="each step")  # fmt: skip
    axes.plot(steps, thin_out(smoothed), color=COLORS["c0"], linewidth=2.2, label=mean_label)
    if baseline is not None:
        axes.axhline(baseline, color=COLORS["c1"], linewidth=1.3, linestyle=(0, (5, 4)),
                     label="predicting each cube's mean")  # fmt: skip
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    if low > 0 and high / low > _MIN_LOG_RATIO:
        _set_log_scale(axes)
    num_skipped = int(np.isnan(log.loss).sum())
    if num_skipped:
        axes.plot([], [], " ", label=f"{format_count(num_skipped, 'step')} skipped")
    axes.set_ylabel("loss")
    draw_legend(axes)


def draw_training_curves(metrics: Path) -> list["Markup"]:
    """Draw the loss of a run, and what validation found, for a page; nothing without a log."""
    try:
        log = read_metrics_log(metrics)
    except ConfigError:
        return []
    if np.isfinite(log.loss).sum() < 2:
        return []

    def draw(axes: Axes) -> None:
        _draw_loss(axes, log)
        axes.set_xlabel("step")

    loss = draw_svg(draw, description="loss in training")
    return [loss, *_draw_validation(metrics)]


def _draw_validation(metrics: Path) -> list["Markup"]:
    """The first metric of every validation, but not its loss."""
    lines = _read_lines(metrics)
    name = next((name for line in lines for name in line if name.startswith(_VAL_PREFIX)), "")
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    if not points:
        return []
    label = f"{name.removeprefix(_VAL_PREFIX)} on held-out videos"
    is_percent = name.rsplit("/", 1)[1] in _PERCENT_METRICS
    steps, values = [step for step, _ in points], [float(value) for _, value in points]
    return [
        draw_lines(
            {label: (steps, values)},
            x_label="step",
            y_label=label,
            description=label,
            is_percent=is_percent,
        )
    ]


def _set_log_scale(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log that were written whole."""
    try:
        text = read_small_text(path)
        lines = [parse_json(line) for line in text[: text.rfind("\n") + 1].split("\n")[:-1]]
    except FileNotFoundError as error:
        raise ConfigError(f"cannot read {path}: it does not exist") from error
    except ValueError as error:
        raise ConfigError(f"cannot read {path}: it, or a line of it, {error}") from error
    if not all(map(_is_step, lines)):
        raise ConfigError(f"{path} holds a line that is none of a run's log")
    return lines


def _is_step(line: object) -> bool:
    """Whether a line is an object that, if it has a loss, has numbers to draw."""
    if not isinstance(line, dict):
        return False
    numbers = [line.get(name) for name in ("step", "loss", "lr")]
    are_drawable = all(
        n is None or (isinstance(n, int | float) and (n != n or abs(n) <= sys.float_info.max))
        for n in numbers
    )
    return "loss" not in line or (are_drawable and type(line.get("step")) is int)
