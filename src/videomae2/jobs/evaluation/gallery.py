"""Strips of frames for the sheets of hits and misses, made while the videos are scored.

So no video is opened twice. Which ones will be shown is known at the end only; what may be shown is
kept: of each kind the first few of all, and of each class.
"""

from bisect import insort
from collections.abc import Iterator

import numpy as np

from videomae2.data.view_making import CoveredVideo
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.evaluation.video_results import Right, videos_of
from videomae2.jobs.pages.strips import strip
from videomae2.jobs.scoring import Scores
from videomae2.models.cards import Answers
from videomae2.tensors.merging import probabilities

SHOWN = 12
"""Videos on a sheet."""
OF_A_CLASS = 2
"""Of one class on a sheet before all other classes have had their turn."""

_Group = tuple[str, ...]


class Gallery:
    """Strips by the place of their video in the list.

    Args of the constructor:
        right: The right answers of all videos of the list.
    """

    def __init__(self, right: Right) -> None:
        self.strips: dict[int, bytes] = {}
        self._right = right
        self._groups: dict[_Group, list[tuple[float, int]]] = {}

    def see(self, place: int, scores: Scores, video: CoveredVideo) -> None:
        """Look at a video that has just been scored.

        Args:
            place: In the list.
            scores: Of its views, before softmax or sigmoid.
            video: Its frames on the device.
        """
        entries = _entries(self._said(place, scores), self._right.answers)
        kept = [self._enter(*entry, place) for entry in entries]
        if any(kept):
            self.strips[place] = picture(video)

    def _said(self, place: int, scores: Scores) -> VideoResult:
        right = self._right.of([place])
        found = scores.astype(np.float64)
        if right.answers != "numbers":
            found = probabilities(scores, right.answers)
        return next(iter(videos_of(found.mean(axis=0)[None], right)))

    def _enter(self, group: _Group, most: int, rank: float, place: int) -> bool:
        """Put a video into a group of first ones, and say whether it stays there."""
        first = self._groups.setdefault(group, [])
        insort(first, (rank, place))
        for _, gone in first[most:]:
            others = (member for one in self._groups.values() if one is not first for member in one)
            if gone not in {number for _, number in others}:
                self.strips.pop(gone, None)
        del first[most:]
        return (rank, place) in first


def picture(video: CoveredVideo) -> bytes:
    """A few frames of the clip in the middle."""
    clip = video.frames[video.place[len(video.place) // 2]]
    return strip(clip.cpu().numpy())


def _entries(said: VideoResult, answers: Answers) -> Iterator[tuple[_Group, int, float]]:
    """The groups that a video may be in, how many each keeps, and its rank there: low is first."""
    if answers == "numbers":  # which half is right is known at the end only
        yield ("hits",), SHOWN, said.truth_score
        yield ("misses",), SHOWN, -said.truth_score
        return
    kind, rank = ("hits", -said.truth_score) if said.right else ("misses", said.truth_score)
    yield (kind,), SHOWN, rank
    if answers == "one-class":
        yield (kind, said.truth), OF_A_CLASS, rank
