"""Frames of hits and misses: which videos are shown, read once more for it, with what was said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.data.identity import identity
from videomae2.data.manifest import Manifest
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.view_reading import ViewsRequest
from videomae2.jobs.evaluation.results import Evaluation, VideoResult
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.jobs.pages.markup import Markup, image, joined, paragraph, tag
from videomae2.jobs.pages.strips import strip

SHOWN = 12
"""Videos on each sheet."""
_OF_A_CLASS = 2


def hits(videos: Sequence[VideoResult]) -> list[VideoResult]:
    """Videos that were told right, the surest of each class first, few of one class."""
    right = [video for video in reversed(videos) if video.right]
    return _few_of_each(right)


def misses(videos: Sequence[VideoResult]) -> list[VideoResult]:
    """Videos that were told wrong, the hardest first, few of one class."""
    return _few_of_each([video for video in videos if not video.right])


def contact_sheets(
    found: Evaluation, manifest: Manifest, scoring: Scoring
) -> tuple[Markup, Markup]:
    """The sheets of misses and of hits; the videos on them are read once more, a clip of each."""
    shown = misses(found.measures.videos), hits(found.measures.videos)
    reader = _Reader(found, manifest, scoring)
    pictures = reader.pictures([*shown[0], *shown[1]])
    sheets = [
        tag("div", *(_card(video, pictures, found.answers) for video in some), class_="sheet")
        if some
        else paragraph("There are none.")
        for some in shown
    ]
    return sheets[0], sheets[1]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a clip of each of a few videos, in processes that can be killed."""

    found: Evaluation
    manifest: Manifest
    scoring: Scoring

    def pictures(self, videos: Sequence[VideoResult]) -> dict[int, bytes]:
        """A strip of frames by row; none where the video is gone by now."""
        place = self._places()
        grid = ViewGridConfig(kind=self.scoring.shape.grid.kind, clips=1, crops=1)
        shape = replace(self.scoring.shape, grid=grid)
        requests = [ViewsRequest(self.manifest[place[video.row]], shape) for video in videos]
        made = {}
        with replace(self.scoring, shape=shape).pool() as pool:
            for video, answer in zip(videos, pool.map(requests), strict=True):
                if answer.arrays is not None:
                    made[video.row] = strip(answer.arrays["frames"][answer.arrays["place"][0]])
        return made

    def _places(self) -> list[int]:
        """The places in the list of the videos that were scored."""
        broken = self.found.unreadable
        return [i for i, entry in enumerate(self.manifest) if identity(entry) not in broken]


def _few_of_each(videos: Sequence[VideoResult]) -> list[VideoResult]:
    """At most `SHOWN`; of a class no more than two before all other classes have had their turn."""
    first: list[VideoResult] = []
    later: list[VideoResult] = []
    count: dict[str, int] = {}
    for video in videos:
        count[video.truth] = count.get(video.truth, 0) + 1
        (first if count[video.truth] <= _OF_A_CLASS else later).append(video)
    return [*first, *later][:SHOWN]


def _card(video: VideoResult, pictures: dict[int, bytes], answers: str) -> Markup:
    shown = Markup("")
    if video.row in pictures:
        words = f"frames of {video.video}"
        shown = image(pictures[video.row], "jpeg", words=words)
    return tag("figure", shown, tag("figcaption", *_words(video, answers)))


def _words(video: VideoResult, answers: str) -> list[Markup]:
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
