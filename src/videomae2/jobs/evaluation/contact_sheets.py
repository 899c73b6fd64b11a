"""Frames of hits and misses: which videos are shown, and what was said of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from videomae2.jobs.evaluation.gallery import OF_A_CLASS, SHOWN
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.pages.markup import Markup, image, joined, paragraph, tag
from videomae2.models.cards import Answers


def hits(videos: Sequence[VideoResult], answers: Answers) -> list[VideoResult]:
    """Videos that were told right, the surest first, few of one class."""
    return _shown([video for video in reversed(videos) if video.right], answers)


def misses(videos: Sequence[VideoResult], answers: Answers) -> list[VideoResult]:
    """Videos that were told wrong, the hardest first, few of one class."""
    return _shown([video for video in videos if not video.right], answers)


def contact_sheet(
    videos: Sequence[VideoResult], strips: Mapping[int, bytes], answers: Answers
) -> Markup:
    """A card for each video.

    Args:
        videos: Those to show.
        strips: Frames as JPEG by the row of their video; a video without is shown without.
        answers: What the model says.
    """
    if not videos:
        return paragraph("There are none.")
    return tag("div", *(_card(video, strips, answers) for video in videos), class_="sheet")


def _shown(videos: Sequence[VideoResult], answers: Answers) -> list[VideoResult]:
    """The first ones; of a class no more than two before all other classes have had their turn."""
    if answers != "one-class":
        return list(videos[:SHOWN])
    first: list[VideoResult] = []
    later: list[VideoResult] = []
    count: dict[str, int] = {}
    for video in videos:
        count[video.truth] = count.get(video.truth, 0) + 1
        (first if count[video.truth] <= OF_A_CLASS else later).append(video)
    return [*first, *later][:SHOWN]


def _card(video: VideoResult, strips: Mapping[int, bytes], answers: Answers) -> Markup:
    shown = Markup("")
    if video.row in strips:
        shown = image(strips[video.row], "jpeg", words=f"frames of {video.video}")
    return tag("figure", shown, tag("figcaption", *_words(video, answers)))


def _words(video: VideoResult, answers: Answers) -> list[Markup]:
    """What is true, what was said, and how sure the model was."""
    name = "/".join(Path(video.video).parts[-2:])
    path = tag("div", name, class_="path note", title=video.video)
    if answers == "numbers":
        words = f"true {video.truth}, predicted {video.predicted}, off by {video.truth_score:.4g}"
        return [tag("div", tag("b", words)), path]
    if answers == "many-classes":
        look = "good" if video.right else "bad"
        truth = tag("div", "true ", tag("b", video.truth))
        return [joined([truth, tag("div", "said ", tag("b", video.predicted, class_=look))]), path]
    if video.right:
        sure = f" {video.truth_score:.1%}"
        return [tag("div", tag("b", video.truth, class_="good"), sure), path]
    said = tag(
        "div", "said ", tag("b", video.predicted, class_="bad"), f" {video.predicted_score:.1%}"
    )
    return [said, tag("div", "true ", tag("b", video.truth), f" {video.truth_score:.1%}"), path]
