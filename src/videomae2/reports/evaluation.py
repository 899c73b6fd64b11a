"""The report of an evaluation: one page, complete in itself, with frames of hits and misses."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from videomae2.base.files import atomic_write
from videomae2.base.text import format_duration
from videomae2.metrics.bootstrap import Interval
from videomae2.metrics.results import VideoResult
from videomae2.models.task_type import TaskType
from videomae2.reports.curves import build_training_curves
from videomae2.reports.evaluation_result import Evaluation
from videomae2.reports.evaluation_sections import (
    build_calibration,
    build_classes,
    build_confusions,
    build_regression,
    build_sources,
    build_view_ablation,
)
from videomae2.reports.html import (
    EMPTY,
    Content,
    Markup,
    hidden,
    image,
    join,
    page,
    paragraph,
    section,
    table,
    tag,
    tiles,
    warning,
)
from videomae2.training.logger import METRICS_FILE

SHEET_SIZE = 12
"""Videos on a sheet."""


MAX_PER_CLASS = 2
"""Of one class on a sheet before all other classes have had their turn."""


def select_hits(videos: Sequence[VideoResult], task_type: TaskType) -> list[VideoResult]:
    """Videos that were told right, the surest first, few of one class."""
    return _limit_per_class([video for video in reversed(videos) if video.is_correct], task_type)


def select_misses(videos: Sequence[VideoResult], task_type: TaskType) -> list[VideoResult]:
    """Videos that were told wrong, the hardest first, few of one class."""
    return _limit_per_class([video for video in videos if not video.is_correct], task_type)


def build_contact_sheet(
    videos: Sequence[VideoResult], filmstrips: Mapping[int, bytes], task_type: TaskType
) -> Markup:
    """A card for each video.

    Args:
        videos: Those to show.
        filmstrips: Frames as JPEG by the row of their video; a video without is shown without.
        task_type: What the model says.
    """
    if not videos:
        return paragraph("There are none.")
    return tag(
        "div", *(_build_card(video, filmstrips, task_type) for video in videos), class_="sheet"
    )


def _limit_per_class(videos: Sequence[VideoResult], task_type: TaskType) -> list[VideoResult]:
    """The first ones; of a class no more than two before all other classes have had their turn."""
    if task_type != "multiclass":
        return list(videos[:SHEET_SIZE])
    first: list[VideoResult] = []
    later: list[VideoResult] = []
    count: dict[str, int] = {}
    for video in videos:
        count[video.truth] = count.get(video.truth, 0) + 1
        (first if count[video.truth] <= MAX_PER_CLASS else later).append(video)
    return [*first, *later][:SHEET_SIZE]


def _build_card(video: VideoResult, filmstrips: Mapping[int, bytes], task_type: TaskType) -> Markup:
    picture = Markup("")
    if video.row in filmstrips:
        picture = image(filmstrips[video.row], "jpeg", words=f"frames of {video.video}")
    return tag("figure", picture, tag("figcaption", *_build_caption(video, task_type)))


def _build_caption(video: VideoResult, task_type: TaskType) -> list[Markup]:
    """What is true, what was said, and how sure the model was."""
    name = "/".join(Path(video.video).parts[-2:])
    path = tag("div", name, class_="path note", title=video.video)
    if task_type == "regression":
        words = f"true {video.truth}, predicted {video.predicted}, off by {video.truth_score:.4g}"
        return [tag("div", tag("b", words)), path]
    if task_type == "multilabel":
        css_class = "good" if video.is_correct else "bad"
        truth = tag("div", "true ", tag("b", video.truth))
        return [
            join([truth, tag("div", "said ", tag("b", video.predicted, class_=css_class))]),
            path,
        ]
    if video.is_correct:
        probability = f" {video.truth_score:.1%}"
        return [tag("div", tag("b", video.truth, class_="good"), probability), path]
    prediction = tag(
        "div", "said ", tag("b", video.predicted, class_="bad"), f" {video.predicted_score:.1%}"
    )
    return [
        prediction,
        tag("div", "true ", tag("b", video.truth), f" {video.truth_score:.1%}"),
        path,
    ]


_NUM_HARDEST, _MAX_UNREADABLE = 20, 200


_INTERVAL_NOTES: dict[TaskType, str] = {
    "multiclass": "intervals are bootstrap intervals over videos, but Wilson's for single classes "
    "and where a bootstrap would be certain, as of all right or none",
    "multilabel": "intervals are bootstrap intervals over videos, but Wilson's where a bootstrap "
    "would be certain, as of all right or none",
    "regression": "intervals are bootstrap intervals over videos",
}
"""How intervals came about."""


def write_report(evaluation: Evaluation, run: Path | None) -> Path:
    """Write the page, whole or not at all.

    Args:
        evaluation: What it shows.
        run: The folder of the run, whose training curve is shown if it has one; None for a
            released file.
    """
    text = build_page(evaluation, None if run is None else run / METRICS_FILE)
    with atomic_write(evaluation.report) as partial:
        partial.write_text(text, encoding="utf-8")
    return evaluation.report


def build_page(evaluation: Evaluation, metrics: Path | None) -> str:
    """Put the page together."""
    numeric, videos, task_type = (
        evaluation.task_type == "regression",
        evaluation.metrics.videos,
        evaluation.task_type,
    )
    miss_sheet = build_contact_sheet(
        select_misses(videos, task_type), evaluation.filmstrips, task_type
    )
    hit_sheet = build_contact_sheet(
        select_hits(videos, task_type), evaluation.filmstrips, task_type
    )
    name, folder = evaluation.model.path, "/".join(Path(evaluation.videos).absolute().parts[-2:])
    parts = [
        _build_unreadable(evaluation),
        tiles(
            (name, format_value(value, task_type), format_interval(value, task_type))
            for name, value in evaluation.metrics.values.items()
        ),
        _build_basis(evaluation),
        build_regression(evaluation) if numeric else build_classes(evaluation),
        build_confusions(evaluation),
        build_calibration(evaluation),
        build_view_ablation(evaluation),
        section("Worst videos" if numeric else "Misses", miss_sheet),
        section("Best videos" if numeric else "Hits", hit_sheet),
        _build_hardest(evaluation),
        EMPTY if metrics is None else build_training_curves(metrics, student=name.name),
        build_sources(evaluation),
    ]  # fmt: skip
    subtitle = tag("span", f"{name} ({evaluation.model.selection_reason})", class_="path")
    return page(f"Evaluation on {folder}", *parts, subtitle=subtitle)


def format_value(interval: Interval, task_type: str) -> str:
    """The value of a head number."""
    if math.isnan(interval.value):
        return "not known"
    return f"{interval.value:.4g}" if task_type == "regression" else f"{interval.value:.1%}"


def format_interval(interval: Interval, task_type: str) -> str:
    """Between which values it may lie."""
    if math.isnan(interval.low):
        return "no interval: no video tells"
    if task_type == "regression":
        return f"{interval.confidence:.0%} interval {interval.low:.4g} to {interval.high:.4g}"
    return f"{interval.confidence:.0%} interval {100 * interval.low:.1f} to {interval.high:.1%}"


def _build_basis(evaluation: Evaluation) -> Markup:
    videos, views = len(evaluation.identities), evaluation.views.grid.views
    return paragraph(
        f"{videos:,} videos, {views} view{'s' * (views > 1)} each, averaged; "
        f"{_INTERVAL_NOTES[evaluation.task_type]}. {_format_run_stats(evaluation)}",
        faint=True,
    )


def _format_run_stats(evaluation: Evaluation) -> str:
    stats = evaluation.run_stats
    if not stats.num_decodings:
        return "All scores were there from an earlier call."
    num_earlier = len(evaluation.identities) + len(evaluation.unreadable) - stats.num_scored
    earlier_text = f" {num_earlier:,} were finished before." if num_earlier > 0 else ""
    reopened_text = (
        f" {stats.num_reopened:,} of these were opened again for pictures."
        if stats.num_reopened
        else ""
    )
    return (
        f"{stats.num_decodings:,} videos were opened in {format_duration(stats.seconds)}, each "
        f"once, and {stats.num_frames:,} frames read.{earlier_text}{reopened_text}"
    )


def _build_unreadable(evaluation: Evaluation) -> Markup:
    if not evaluation.unreadable:
        return EMPTY
    unreadable = list(evaluation.unreadable.items())
    rows: list[list[Content]] = [
        [tag("span", path, class_="path"), reason] for path, reason in unreadable[:_MAX_UNREADABLE]
    ]
    num_more = len(unreadable) - len(rows)
    contents = [table(["video", "reason"], rows)]
    if num_more:
        contents.append(paragraph(f"and {num_more:,} more in unreadable.jsonl"))
    message = (
        f"{len(unreadable):,} of {evaluation.num_listed:,} videos could not be read; all numbers "
        "are without them."
    )
    return warning(tag("b", message), hidden("which ones, and why", join(contents)))


def _build_hardest(evaluation: Evaluation) -> Markup:
    numeric = evaluation.task_type == "regression"
    score_title = "off by" if numeric else "probability of the truth"
    rows = [
        _build_hardest_row(video, numeric) for video in evaluation.metrics.videos[:_NUM_HARDEST]
    ]
    heads = ["video", "true", "predicted", score_title]
    return section(
        "Hardest videos",
        paragraph("Those whose right answer the model found least likely.", faint=True)
        if not numeric
        else EMPTY,
        table(heads, rows, numeric=(3,)),
    )


def _build_hardest_row(video: VideoResult, numeric: bool) -> list[Content]:
    score = f"{video.truth_score:.4g}" if numeric else f"{video.truth_score:.2%}"
    css_class = "good" if video.is_correct and not numeric else ""
    return [
        tag("span", video.video, class_="path"),
        video.truth,
        tag("span", video.predicted, class_=css_class),
        score,
    ]
