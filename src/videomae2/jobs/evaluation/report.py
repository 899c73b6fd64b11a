"""The report of an evaluation: one page, complete in itself."""

import math
from pathlib import Path

from videomae2.engine.runlog import METRICS_FILE, duration
from videomae2.jobs.evaluation.contact_sheets import contact_sheet, hits, misses
from videomae2.jobs.evaluation.report_parts import (
    calibration_part,
    classes_part,
    confusion_part,
    numbers_part,
    sources_part,
    views_part,
)
from videomae2.jobs.evaluation.results import Evaluation, VideoResult
from videomae2.jobs.pages.markup import (
    NOTHING,
    Content,
    Markup,
    hidden,
    joined,
    page,
    paragraph,
    section,
    table,
    tag,
    tiles,
    warning,
)
from videomae2.jobs.pages.training import training_part
from videomae2.jobs.whole_files import written_whole
from videomae2.models.cards import Answers
from videomae2.tensors.intervals import Interval

_HARDEST, _UNREADABLE = 20, 200

_INTERVALS: dict[Answers, str] = {
    "one-class": "intervals are bootstrap intervals over videos, but Wilson's for single classes "
    "and where a bootstrap would be certain, as of all right or none",
    "many-classes": "intervals are bootstrap intervals over videos, but Wilson's where a bootstrap "
    "would be certain, as of all right or none",
    "numbers": "intervals are bootstrap intervals over videos",
}
"""How intervals came about."""


def write_report(found: Evaluation, run: Path | None) -> Path:
    """Write the page, whole or not at all.

    Args:
        found: What it shows.
        run: The folder of the run, whose training curve is shown if it has one; None for a
            released file.
    """
    text = report_page(found, None if run is None else run / METRICS_FILE)
    with written_whole(found.report) as partial:
        partial.write_text(text, encoding="utf-8")
    return found.report


def report_page(found: Evaluation, metrics: Path | None) -> str:
    """Put the page together."""
    numeric, videos, answers = found.answers == "numbers", found.measures.videos, found.answers
    wrong = contact_sheet(misses(videos, answers), found.strips, answers)
    right = contact_sheet(hits(videos, answers), found.strips, answers)
    name, folder = found.model.path, "/".join(Path(found.videos).absolute().parts[-2:])
    parts = [
        _unreadable(found),
        tiles((name, shown(one, found.answers), between(one, found.answers))
              for name, one in found.measures.numbers.items()),
        _basis(found),
        numbers_part(found) if numeric else classes_part(found),
        confusion_part(found),
        calibration_part(found),
        views_part(found),
        section("Worst videos" if numeric else "Misses", wrong),
        section("Best videos" if numeric else "Hits", right),
        _hardest(found),
        NOTHING if metrics is None else training_part(metrics, student=name.name),
        sources_part(found),
    ]  # fmt: skip
    subtitle = tag("span", f"{name} ({found.model.why})", class_="path")
    return page(f"Evaluation on {folder}", *parts, subtitle=subtitle)


def shown(one: Interval, answers: str) -> str:
    """The value of a head number."""
    if math.isnan(one.value):
        return "not known"
    return f"{one.value:.4g}" if answers == "numbers" else f"{one.value:.1%}"


def between(one: Interval, answers: str) -> str:
    """Between which values it may lie."""
    if math.isnan(one.low):
        return "no interval: no video tells"
    if answers == "numbers":
        return f"{one.confidence:.0%} interval {one.low:.4g} to {one.high:.4g}"
    return f"{one.confidence:.0%} interval {100 * one.low:.1f} to {one.high:.1%}"


def _basis(found: Evaluation) -> Markup:
    videos, views = len(found.identities), found.views.grid.views
    return paragraph(
        f"{videos:,} videos, {views} view{'s' * (views > 1)} each, averaged; "
        f"{_INTERVALS[found.answers]}. {_work(found)}",
        faint=True,
    )


def _work(found: Evaluation) -> str:
    work = found.work
    if not work.decodings:
        return "All scores were there from an earlier call."
    before = len(found.identities) + len(found.unreadable) - work.scored
    rest = f" {before:,} were finished before." if before > 0 else ""
    again = f" {work.reopened:,} of these were opened again for pictures." if work.reopened else ""
    return (
        f"{work.decodings:,} videos were opened in {duration(work.seconds)}, each once, and "
        f"{work.frames:,} frames read.{rest}{again}"
    )


def _unreadable(found: Evaluation) -> Markup:
    if not found.unreadable:
        return NOTHING
    broken = list(found.unreadable.items())
    rows: list[list[Content]] = [
        [tag("span", path, class_="path"), reason] for path, reason in broken[:_UNREADABLE]
    ]
    more = len(broken) - len(rows)
    contents = [table(["video", "reason"], rows)]
    if more:
        contents.append(paragraph(f"and {more:,} more in unreadable.jsonl"))
    said = (
        f"{len(broken):,} of {found.listed:,} videos could not be read; all numbers are without "
        "them."
    )
    return warning(tag("b", said), hidden("which ones, and why", joined(contents)))


def _hardest(found: Evaluation) -> Markup:
    numeric = found.answers == "numbers"
    last = "off by" if numeric else "probability of the truth"
    rows = [_hardest_row(video, numeric) for video in found.measures.videos[:_HARDEST]]
    heads = ["video", "true", "predicted", last]
    return section(
        "Hardest videos",
        paragraph("Those whose right answer the model found least likely.", faint=True)
        if not numeric
        else NOTHING,
        table(heads, rows, numeric=(3,)),
    )


def _hardest_row(video: VideoResult, numeric: bool) -> list[Content]:
    score = f"{video.truth_score:.4g}" if numeric else f"{video.truth_score:.2%}"
    look = "good" if video.right and not numeric else ""
    return [
        tag("span", video.video, class_="path"),
        video.truth,
        tag("span", video.predicted, class_=look),
        score,
    ]
