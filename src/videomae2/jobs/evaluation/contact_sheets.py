"""Frames of hits and misses: which videos are shown, and what was said of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from videomae2.jobs.evaluation.gallery import MAX_PER_CLASS, SHEET_SIZE
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.pages.markup import Markup, image, join, paragraph, tag
from videomae2.models.cards import TaskType


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
    return tag("div", *(_build_card(video, filmstrips, task_type) for video in videos), class_="sheet")


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
        return [join([truth, tag("div", "said ", tag("b", video.predicted, class_=css_class))]), path]
    if video.is_correct:
        probability = f" {video.truth_score:.1%}"
        return [tag("div", tag("b", video.truth, class_="good"), probability), path]
    prediction = tag(
        "div", "said ", tag("b", video.predicted, class_="bad"), f" {video.predicted_score:.1%}"
    )
    return [prediction, tag("div", "true ", tag("b", video.truth), f" {video.truth_score:.1%}"), path]
