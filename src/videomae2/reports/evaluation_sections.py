"""The sections of the report: classes, confusions, calibration, views, sources."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from videomae2.metrics.classification import list_confusions
from videomae2.metrics.results import OutputResult
from videomae2.reports.charts import (
    Series,
    draw_line_chart,
    draw_reliability_chart,
    draw_scatter_chart,
)
from videomae2.reports.evaluation_result import Evaluation
from videomae2.reports.html import (
    EMPTY,
    Content,
    Markup,
    beside,
    figure,
    hidden,
    paragraph,
    section,
    table,
    tag,
)
from videomae2.reports.matrices import Bar, draw_bars, draw_confusion_matrix

_MAX_BARS, _NUM_EXTREME_BARS = 40, 20


_NUM_CONFUSIONS = 15


_MAX_METADATA, _MAX_PLOTS = 60, 4


def build_classes(evaluation: Evaluation) -> Markup:
    """How well each class is told: bars, or the worst and the best of many; a table of all."""
    outputs = evaluation.metrics.outputs
    is_multilabel = evaluation.task_type == "multilabel"
    with_videos = [output for output in outputs if output.videos]
    ordered = sorted(with_videos, key=lambda output: output.value)
    metric_name = "average precision" if is_multilabel else "accuracy"
    if len(ordered) <= _MAX_BARS:
        pictures = [_build_bars(ordered, f"{metric_name} of every class, the worst first")]
    else:
        pictures = [
            _build_bars(
                ordered[:_NUM_EXTREME_BARS],
                f"the {_NUM_EXTREME_BARS} worst of {len(ordered)} classes",
            ),
            _build_bars(ordered[-_NUM_EXTREME_BARS // 2 :], f"the {_NUM_EXTREME_BARS // 2} best"),
        ]
    num_absent = len(outputs) - len(with_videos)
    note = f"{num_absent} classes of the model have no video here." if num_absent else ""
    rows = [_build_class_row(output) for output in outputs]
    heads = ["class", "videos", metric_name, "95% interval", "most often taken for"]
    full_table = table(heads, rows, numeric=(1, 2, 3))
    return section(
        "Classes",
        *pictures,
        paragraph(note, faint=True) if note else EMPTY,
        hidden(f"all {len(outputs)} classes as a table", full_table),
    )


def build_regression(evaluation: Evaluation) -> Markup:
    """How far off each number is."""
    rows = [
        [one.name, f"{one.value:.4g}", f"{one.low:.4g} to {one.high:.4g}"]
        for one in evaluation.metrics.outputs
    ]
    heads = ["number", "mean absolute error", "95% interval"]
    columns = zip(evaluation.classes, evaluation.targets.T, evaluation.probabilities.T, strict=True)
    plots = [
        figure(
            draw_scatter_chart(
                true.tolist(),
                told.tolist(),
                x_label=f"true {name}",
                y_label=f"predicted {name}",
                words=f"predicted {name} against the true one",
            )
        )
        for name, true, told in list(columns)[:_MAX_PLOTS]
    ]
    return section("Numbers", table(heads, rows, numeric=(1, 2)), beside(*plots))


def build_confusions(evaluation: Evaluation) -> Markup:
    """What was taken for what."""
    confusion, names = evaluation.metrics.confusion, evaluation.classes
    if confusion is None:
        return EMPTY
    words = f"confusion matrix of {len(names)} classes"
    worst = list_confusions(confusion, _NUM_CONFUSIONS)
    rows = [[names[i], names[j], f"{count:,}"] for i, j, count in worst]
    return section(
        "Confusions",
        paragraph(
            "A row for what a video shows, a column for what it was taken for; the darker, the "
            "larger the share of the row.",
            faint=True,
        ),
        figure(draw_confusion_matrix(confusion, names, words=words)),
        hidden(
            "the most frequent mistakes",
            table(["class", "taken for", "videos"], rows, numeric=(2,)),
        )
        if rows
        else EMPTY,
    )


def build_calibration(evaluation: Evaluation) -> Markup:
    """How far the probabilities can be believed."""
    calibration = evaluation.metrics.calibration
    if calibration is None:
        return EMPTY
    error = calibration.ece
    rows = [
        [
            "expected calibration error (ECE)",
            f"{error.value:.2%}",
            f"{calibration.ece_cross_fitted:.2%}",
        ],
        ["log loss", f"{calibration.log_loss:.3f}", f"{calibration.log_loss_cross_fitted:.3f}"],
    ]
    interval_text = (
        f"95% interval of the ECE as it is: {100 * error.low:.2f} to {error.high:.2%}. Of few "
        "videos the ECE comes out too large, and that of resampled ones more so."
    )
    limit_text = (
        " There is no best temperature: everything is right, or worse than a guess."
        if calibration.is_at_limit
        else ""
    )
    temperature_text = (
        f"The temperature fitted on these same videos is {calibration.temperature:.3g}: dividing "
        f"the model's scores by it makes their probabilities fit best.{limit_text} The last column "
        "is honest about it: each half of the videos was rescaled by the temperature of the other "
        "half."
    )
    words = f"reliability plot, expected calibration error {error.value:.2%}"
    numbers = table(["", "as it is", "rescaled"], rows, numeric=(1, 2))
    caption = "Dots on the dashed line can be believed; columns: how many answers are how sure."
    return section(
        "Calibration",
        beside(
            figure(draw_reliability_chart(calibration.reliability, words=words), caption),
            tag(
                "figure",
                numbers,
                paragraph(interval_text, faint=True),
                paragraph(temperature_text, faint=True),
            ),
        ),
    )


def build_view_ablation(evaluation: Evaluation) -> Markup:
    """What more views add."""
    ablation = evaluation.metrics.view_ablation
    if len(ablation) < 2 or math.isnan(evaluation.metrics.main[1].value):
        return EMPTY
    crops = sorted({part.crops for part in ablation})
    name, clips = evaluation.metrics.main[0], sorted({part.clips for part in ablation})
    if len(clips) < 2:
        curves = [("", [(part.crops, part.value) for part in ablation])]
        label, ticks = "crops per clip", crops
    else:
        curves = [
            (
                _format_count(count, "crop"),
                [(p.clips, p.value) for p in ablation if p.crops == count],
            )
            for count in crops
        ]
        label, ticks = "clips per video", clips
    series = [
        Series(title, [x for x, _ in line], [y for _, y in line], color=number, has_dots=True)
        for number, (title, line) in enumerate(curves)
    ]
    percent = evaluation.task_type != "regression"
    plot = draw_line_chart(
        series,
        x_label=label,
        y_label=name,
        words=f"{name} against the number of views",
        percent=percent,
        x_ticks=ticks,
    )
    rows = [
        [f"{part.clips} x {part.crops}", f"{part.value:.2%}" if percent else f"{part.value:.4g}"]
        for part in ablation
    ]
    numbers = hidden("as a table", table(["clips x crops", name], rows, numeric=(1,)))
    caption = "Fewer views are taken evenly from those that were scored."
    return section("Views", figure(plot, caption), numbers)


def build_sources(evaluation: Evaluation) -> Markup:
    """What the model and the data were."""
    model, views = evaluation.model, evaluation.views
    weights = "running mean (EMA)" if model.weights == "ema" else "as saved"
    rows: list[list[Content]] = [
        ["model", tag("span", str(model.path), class_="path")],
        ["taken because", model.selection_reason],
        ["weights", f"{weights}, digest {model.digest}"],
        ["size", f"{model.size}, {model.parameters / 1e6:.1f} M parameters, clips {model.clip}"],
        ["outputs", model.outputs],
        ["videos", tag("span", evaluation.videos, class_="path")],
        ["read as", evaluation.description],
        ["classes", evaluation.class_names_source],
        ["views", str(views)],
        ["computed on", evaluation.device],
    ]
    metadata = [[key, value] for key, value in _flatten(model.metadata)]
    num_more = len(metadata) - _MAX_METADATA
    more = (
        [paragraph(f"and {num_more} more in the model's card", faint=True)] if num_more > 0 else []
    )
    card = table(["note of the model", ""], metadata[:_MAX_METADATA])
    return section("Model and data", table(["", ""], rows), *([card, *more] if metadata else []))


def _build_bars(outputs: Sequence[OutputResult], words: str) -> Markup:
    class_bars = [
        Bar(one.name, one.value, one.low, one.high, f"{one.value:.1%} of {one.videos}")
        for one in outputs
    ]
    return figure(draw_bars(class_bars, words=words), words) if class_bars else EMPTY


def _build_class_row(output: OutputResult) -> list[Content]:
    value = "" if math.isnan(output.value) else f"{output.value:.1%}"
    interval_text = "" if math.isnan(output.low) else f"{100 * output.low:.1f} to {output.high:.1%}"
    return [output.name, f"{output.videos:,}", value, interval_text, output.confused_with]


def _format_count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count > 1)}"


def _flatten(metadata: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a tree of notes, with their places."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{key}", text
