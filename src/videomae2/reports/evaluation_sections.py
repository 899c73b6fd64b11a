"""What the sections of an evaluation's page show: plots and rows, by the names of the template."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from videomae2.base.text import format_count
from videomae2.metrics.bootstrap import Interval
from videomae2.metrics.calibration import Calibration
from videomae2.metrics.classification import list_confusions
from videomae2.reports.charts import (
    COLORS,
    MAX_POINTS,
    Axes,
    draw_bars,
    draw_lines,
    draw_svg,
    set_percent,
    set_tip,
)
from videomae2.reports.confusion_matrix import MAX_NAMED_CLASSES, draw_confusion_matrix
from videomae2.reports.evaluation_result import Evaluation, OutputResult
from videomae2.reports.html import format_percent

if TYPE_CHECKING:
    from markupsafe import Markup

_MAX_BARS, _NUM_WORST, _NUM_BEST = 40, 20, 10
_NUM_CONFUSIONS, _NUM_CONFUSED_CLASSES = 15, 24
_MAX_PLOTS = 4


def show_baselines(evaluation: Evaluation) -> dict[str, Any]:
    """What stands beside the model, and how much better it is than each."""
    return {
        "baseline_rows": [
            [row.name, format_percent(row.accuracy.value), *format_difference(row.difference)]
            for row in evaluation.baselines
        ]
    }


def format_difference(difference: Interval) -> tuple[str, str]:
    """A difference in points, and between which it may lie."""
    value, low, high = (
        f"{100 * x:+.1f}" for x in (difference.value, difference.low, difference.high)
    )
    return value, f"{low} to {high}"


def show_classes(evaluation: Evaluation) -> dict[str, Any]:
    """How well each class is told: bars, or the worst and the best of many; a table of all."""
    outputs = evaluation.metrics.outputs
    metric = "average precision" if evaluation.task_type == "multilabel" else "accuracy"
    ordered = sorted(
        (output for output in outputs if output.videos), key=lambda output: output.value
    )
    parts = [(ordered, f"{metric} of every class, the worst first")] if ordered else []
    if len(ordered) > _MAX_BARS:
        parts = [
            (ordered[:_NUM_WORST], f"the {_NUM_WORST} worst of {len(ordered)} classes"),
            (ordered[-_NUM_BEST:], f"the {_NUM_BEST} best"),
        ]
    return {
        "output_metric": metric,
        "output_plots": [(_draw_outputs(part, caption), caption) for part, caption in parts],
        "output_rows": [_format_class(output) for output in outputs],
        "num_absent": len(outputs) - len(ordered),
    }


def _draw_outputs(outputs: Sequence[OutputResult], description: str) -> "Markup":
    return draw_bars(
        [output.name for output in outputs],
        [output.value for output in outputs],
        [(output.low, output.high) for output in outputs],
        [f"{output.value:.1%} of {output.videos}" for output in outputs],
        description=description,
    )


def _format_class(output: OutputResult) -> list[str]:
    interval = "" if math.isnan(output.low) else f"{100 * output.low:.1f} to {output.high:.1%}"
    value = format_percent(output.value)
    return [output.name, f"{output.videos:,}", value, interval, output.confused_with]


def show_numbers(evaluation: Evaluation) -> dict[str, Any]:
    """How far off each number is."""
    columns = zip(evaluation.classes, evaluation.targets.T, evaluation.probabilities.T, strict=True)
    return {
        "output_rows": [
            [output.name, f"{output.value:.4g}", f"{output.low:.4g} to {output.high:.4g}"]
            for output in evaluation.metrics.outputs
        ],
        "output_plots": [_draw_scatter(*column) for column in list(columns)[:_MAX_PLOTS]],
    }


def _draw_scatter(
    name: str, true: Float64[np.ndarray, " videos"], predicted: Float64[np.ndarray, " videos"]
) -> "Markup":
    """Points, and the line where both are equal; of very many videos, some spread evenly."""
    step = -(-len(true) // (4 * MAX_POINTS))
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    margin = 0.03 * (high - low) or 0.5

    def draw(axes: Axes) -> None:
        start = true.min(), true.min()
        axes.axline(start, slope=1, color=COLORS["faint"], linestyle=(0, (5, 4)))
        axes.scatter(true[::step], predicted[::step], s=28, color=COLORS["c0"], alpha=0.55,
                     linewidths=0)  # fmt: skip
        axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))

    description = f"predicted {name} against the true one"
    return draw_svg(draw, description=description, size=(420, 380))


def show_confusions(evaluation: Evaluation) -> dict[str, Any]:
    """What was taken for what; of many classes, those of the most frequent mistakes by name."""
    confusion, names = evaluation.metrics.confusion, evaluation.classes
    if confusion is None:
        return {"confusion_plots": []}
    mistakes = list_confusions(confusion, _NUM_CONFUSIONS)
    rows = [[names[i], names[j], f"{count:,}"] for i, j, count in mistakes]
    description = f"confusion matrix of {len(names)} classes"
    plots = [(draw_confusion_matrix(confusion, names, description=description), "")]
    if len(names) > MAX_NAMED_CLASSES and mistakes:
        pairs = [pair for *pair, _ in list_confusions(confusion, confusion.size)]
        flat = dict.fromkeys(number for pair in pairs for number in pair)
        shown = sorted(list(flat)[:_NUM_CONFUSED_CLASSES])
        caption = f"the {len(shown)} classes of the most frequent mistakes"
        part = confusion[np.ix_(shown, shown)]
        named = draw_confusion_matrix(part, [names[i] for i in shown], description=caption)
        plots.append((named, caption))
    return {"confusion_plots": plots, "confusion_rows": rows}


def show_calibration(evaluation: Evaluation) -> dict[str, Any]:
    """How far the probabilities can be believed."""
    calibration = evaluation.metrics.calibration
    if calibration is None:
        return {}
    return {"reliability_plot": _draw_reliability(calibration)}


def _draw_reliability(calibration: Calibration) -> "Markup":
    """How often the model is right against how sure it is, and how many videos are where."""
    reliability = calibration.reliability
    filled = np.flatnonzero(reliability.count)
    counts = reliability.count[filled]
    left, right = reliability.edges[filled], reliability.edges[filled + 1]

    def draw(axes: Axes) -> None:
        heights = 0.25 * counts / counts.max()
        gap = 0.004
        axes.bar(left + gap, heights, right - left - 2 * gap, align="edge", color=COLORS["band"],
                 alpha=0.45)  # fmt: skip
        axes.plot([0, 1], [0, 1], color=COLORS["faint"], linestyle=(0, (5, 4)), linewidth=1)
        for number, count in zip(filled, counts, strict=True):
            confidence, accuracy = reliability.confidence[number], reliability.accuracy[number]
            size = 6 + 10 * math.sqrt(count / counts.max())
            (dot,) = axes.plot(confidence, accuracy, "o", color=COLORS["c0"], markersize=size,
                               markeredgewidth=0, alpha=0.85)  # fmt: skip
            set_tip(
                dot, f"{format_count(count, 'video')}: {confidence:.1%} sure, {accuracy:.1%} right"
            )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set(xlabel="probability of the predicted class", ylabel="share that is right")
        for axis in (axes.xaxis, axes.yaxis):
            set_percent(axis)

    description = f"reliability plot, expected calibration error {calibration.ece.value:.2%}"
    return draw_svg(draw, description=description, size=(440, 340))


def show_views(evaluation: Evaluation) -> dict[str, Any]:
    """What more views add."""
    parts, (name, main) = evaluation.metrics.view_ablation, evaluation.metrics.main
    if len(parts) < 2 or math.isnan(main.value):
        return {"views_plot": None}
    crops, clips = sorted({part.crops for part in parts}), sorted({part.clips for part in parts})
    lines: dict[str, tuple[list[int], list[float]]] = {
        format_count(count, "crop"): (
            [part.clips for part in parts if part.crops == count],
            [part.value for part in parts if part.crops == count],
        )
        for count in crops
    }
    if len(clips) < 2:
        lines = {"": ([part.crops for part in parts], [part.value for part in parts])}
    is_percent = evaluation.task_type != "regression"
    values = [f"{part.value:.2%}" if is_percent else f"{part.value:.4g}" for part in parts]
    counts = [f"{part.clips} x {part.crops}" for part in parts]
    plot = draw_lines(
        lines,
        x_label="crops per clip" if len(clips) < 2 else "clips per video",
        y_label=name,
        description=f"{name} against the number of views",
        is_percent=is_percent,
        x_ticks=crops if len(clips) < 2 else clips,
    )
    return {"views_plot": plot, "view_rows": list(zip(counts, values, strict=True))}
