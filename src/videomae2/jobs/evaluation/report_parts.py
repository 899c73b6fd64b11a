"""The sections of the report: classes, confusions, calibration, views, sources."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from videomae2.jobs.evaluation.results import Evaluation, OutputResult
from videomae2.jobs.pages.charts import Series, line_chart, reliability_chart, scatter_chart
from videomae2.jobs.pages.markup import (
    NOTHING,
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
from videomae2.jobs.pages.matrices import Bar, bars, confusion_picture
from videomae2.tensors.accuracy import worst_confusions

_BARS, _FEWER_BARS = 40, 20
_CONFUSIONS = 15
_NOTES, _PLOTS = 60, 4


def classes_part(found: Evaluation) -> Markup:
    """How well each class is told: bars, or the worst and the best of many; a table of all."""
    outputs = found.measures.outputs
    several = found.answers == "many-classes"
    known = [output for output in outputs if output.videos]
    ordered = sorted(known, key=lambda output: output.value)
    measure = "average precision" if several else "accuracy"
    if len(ordered) <= _BARS:
        pictures = [_bars(ordered, f"{measure} of every class, the worst first")]
    else:
        pictures = [
            _bars(ordered[:_FEWER_BARS], f"the {_FEWER_BARS} worst of {len(ordered)} classes"),
            _bars(ordered[-_FEWER_BARS // 2 :], f"the {_FEWER_BARS // 2} best"),
        ]
    silent = len(outputs) - len(known)
    note = f"{silent} classes of the model have no video here." if silent else ""
    rows = [_class_row(output) for output in outputs]
    heads = ["class", "videos", measure, "95% interval", "most often taken for"]
    everything = table(heads, rows, numeric=(1, 2, 3))
    return section(
        "Classes",
        *pictures,
        paragraph(note, faint=True) if note else NOTHING,
        hidden(f"all {len(outputs)} classes as a table", everything),
    )


def numbers_part(found: Evaluation) -> Markup:
    """How far off each number is."""
    rows = [
        [one.name, f"{one.value:.4g}", f"{one.low:.4g} to {one.high:.4g}"]
        for one in found.measures.outputs
    ]
    heads = ["number", "mean absolute error", "95% interval"]
    columns = zip(found.classes, found.truth.T, found.probabilities.T, strict=True)
    plots = [
        figure(
            scatter_chart(
                true.tolist(),
                told.tolist(),
                x_label=f"true {name}",
                y_label=f"predicted {name}",
                words=f"predicted {name} against the true one",
            )
        )
        for name, true, told in list(columns)[:_PLOTS]
    ]
    return section("Numbers", table(heads, rows, numeric=(1, 2)), beside(*plots))


def confusion_part(found: Evaluation) -> Markup:
    """What was taken for what."""
    confusion, names = found.measures.confusion, found.classes
    if confusion is None:
        return NOTHING
    words = f"confusion matrix of {len(names)} classes"
    worst = worst_confusions(confusion, _CONFUSIONS)
    rows = [[names[i], names[j], f"{count:,}"] for i, j, count in worst]
    return section(
        "Confusions",
        paragraph(
            "A row for what a video shows, a column for what it was taken for; the darker, the "
            "larger the share of the row.",
            faint=True,
        ),
        figure(confusion_picture(confusion, names, words=words)),
        hidden(
            "the most frequent mistakes",
            table(["class", "taken for", "videos"], rows, numeric=(2,)),
        )
        if rows
        else NOTHING,
    )


def calibration_part(found: Evaluation) -> Markup:
    """How far the probabilities can be believed."""
    one = found.measures.calibration
    if one is None:
        return NOTHING
    error = one.error
    rows = [
        ["expected calibration error (ECE)", f"{error.value:.2%}", f"{one.error_after:.2%}"],
        ["log loss", f"{one.log_loss:.3f}", f"{one.log_loss_after:.3f}"],
    ]
    between = (
        f"95% interval of the ECE as it is: {100 * error.low:.2f} to {error.high:.2%}. Of few "
        "videos the ECE comes out too large, and that of resampled ones more so."
    )
    limit = (
        " There is no best temperature: everything is right, or worse than a guess."
        if one.at_limit
        else ""
    )
    said = (
        f"The temperature fitted on these same videos is {one.temperature:.3g}: dividing the "
        f"model's scores by it makes their probabilities fit best.{limit} The last column is "
        "honest about it: each half of the videos was rescaled by the temperature of the other "
        "half."
    )
    words = f"reliability plot, expected calibration error {error.value:.2%}"
    numbers = table(["", "as it is", "rescaled"], rows, numeric=(1, 2))
    caption = "Dots on the dashed line can be believed; columns: how many answers are how sure."
    return section(
        "Calibration",
        beside(
            figure(reliability_chart(one.reliability, words=words), caption),
            tag("figure", numbers, paragraph(between, faint=True), paragraph(said, faint=True)),
        ),
    )


def views_part(found: Evaluation) -> Markup:
    """What more views add."""
    parts = found.measures.by_views
    if len(parts) < 2 or math.isnan(found.measures.main[1].value):
        return NOTHING
    crops = sorted({part.crops for part in parts})
    name, clips = found.measures.main[0], sorted({part.clips for part in parts})
    if len(clips) < 2:
        chosen = [("", [(part.crops, part.value) for part in parts])]
        label, ticks = "crops per clip", crops
    else:
        chosen = [
            (_counted(count, "crop"), [(p.clips, p.value) for p in parts if p.crops == count])
            for count in crops
        ]
        label, ticks = "clips per video", clips
    series = [
        Series(title, [x for x, _ in line], [y for _, y in line], color=number, has_dots=True)
        for number, (title, line) in enumerate(chosen)
    ]
    percent = found.answers != "numbers"
    plot = line_chart(
        series,
        x_label=label,
        y_label=name,
        words=f"{name} against the number of views",
        percent=percent,
        x_ticks=ticks,
    )
    rows = [
        [f"{part.clips} x {part.crops}", f"{part.value:.2%}" if percent else f"{part.value:.4g}"]
        for part in parts
    ]
    numbers = hidden("as a table", table(["clips x crops", name], rows, numeric=(1,)))
    caption = "Fewer views are taken evenly from those that were scored."
    return section("Views", figure(plot, caption), numbers)


def sources_part(found: Evaluation) -> Markup:
    """What the model and the data were."""
    model, views = found.model, found.views
    weights = "running mean (EMA)" if model.weights == "ema" else "as saved"
    rows: list[list[Content]] = [
        ["model", tag("span", str(model.path), class_="path")],
        ["taken because", model.why],
        ["weights", f"{weights}, digest {model.digest}"],
        ["size", f"{model.size}, {model.parameters / 1e6:.1f} M parameters, clips {model.clip}"],
        ["outputs", model.outputs],
        ["videos", tag("span", found.videos, class_="path")],
        ["read as", found.origin],
        ["classes", found.names_from],
        ["views", str(views)],
        ["computed on", found.device],
    ]
    notes = [[key, value] for key, value in _flat(model.notes)]
    rest = len(notes) - _NOTES
    more = [paragraph(f"and {rest} more in the model's card", faint=True)] if rest > 0 else []
    card = table(["note of the model", ""], notes[:_NOTES])
    return section("Model and data", table(["", ""], rows), *([card, *more] if notes else []))


def _bars(outputs: Sequence[OutputResult], words: str) -> Markup:
    found = [
        Bar(one.name, one.value, one.low, one.high, f"{one.value:.1%} of {one.videos}")
        for one in outputs
    ]
    return figure(bars(found, words=words), words) if found else NOTHING


def _class_row(one: OutputResult) -> list[Content]:
    value = "" if math.isnan(one.value) else f"{one.value:.1%}"
    between = "" if math.isnan(one.low) else f"{100 * one.low:.1f} to {one.high:.1%}"
    return [one.name, f"{one.videos:,}", value, between, one.taken_for]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count > 1)}"


def _flat(notes: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a tree of notes, with their places."""
    for key, value in notes.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{before}{key}", text
