"""Strips of frames for the sheets of hits and misses, made while the videos are scored.

So no video is opened twice. Which ones will be shown is known at the end only; what may be shown is
kept: of each kind the first few of all, and of each class.
"""

from bisect import insort
from collections.abc import Iterator

import numpy as np

from videomae2.data.view_making import ResizedVideo
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.evaluation.video_results import GroundTruth, rank_videos
from videomae2.jobs.pages.strips import encode_filmstrip
from videomae2.jobs.scoring import ViewScores
from videomae2.models.cards import TaskType
from videomae2.tensors.merging import compute_probabilities

SHEET_SIZE = 12
"""Videos on a sheet."""
MAX_PER_CLASS = 2
"""Of one class on a sheet before all other classes have had their turn."""

_Group = tuple[str, ...]


class ThumbnailCache:
    """Strips by the place of their video in the list.

    Args of the constructor:
        ground_truth: The right answers of all videos of the list.
    """

    def __init__(self, ground_truth: GroundTruth) -> None:
        self.filmstrips: dict[int, bytes] = {}
        self._ground_truth = ground_truth
        self._groups: dict[_Group, list[tuple[float, int]]] = {}

    def add(self, row: int, scores: ViewScores, video: ResizedVideo) -> None:
        """Look at a video that has just been scored.

        Args:
            row: In the list.
            scores: Of its views, before softmax or sigmoid.
            video: Its frames on the device.
        """
        entries = _list_groups(self._build_result(row, scores), self._ground_truth.task_type)
        is_kept = [self._insert(*entry, row) for entry in entries]
        if any(is_kept):
            self.filmstrips[row] = make_filmstrip(video)

    def _build_result(self, row: int, scores: ViewScores) -> VideoResult:
        ground_truth = self._ground_truth.select([row])
        outputs = scores.astype(np.float64)
        if ground_truth.task_type != "regression":
            outputs = compute_probabilities(scores, ground_truth.task_type)
        return next(iter(rank_videos(outputs.mean(axis=0)[None], ground_truth)))

    def _insert(self, group: _Group, max_size: int, rank: float, row: int) -> bool:
        """Put a video into a group of first ones, and say whether it stays there."""
        members = self._groups.setdefault(group, [])
        insort(members, (rank, row))
        for _, dropped_row in members[max_size:]:
            remaining = (member for one in self._groups.values() if one is not members for member in one)
            if dropped_row not in {number for _, number in remaining}:
                self.filmstrips.pop(dropped_row, None)
        del members[max_size:]
        return (rank, row) in members


def make_filmstrip(video: ResizedVideo) -> bytes:
    """A few frames of the clip in the middle."""
    clip = video.frames[video.frame_index[len(video.frame_index) // 2]]
    return encode_filmstrip(clip.cpu().numpy())


def _list_groups(result: VideoResult, task_type: TaskType) -> Iterator[tuple[_Group, int, float]]:
    """The groups that a video may be in, how many each keeps, and its rank there: low is first."""
    if task_type == "regression":  # which half is right is known at the end only
        yield ("hits",), SHEET_SIZE, result.truth_score
        yield ("misses",), SHEET_SIZE, -result.truth_score
        return
    kind, rank = ("hits", -result.truth_score) if result.is_correct else ("misses", result.truth_score)
    yield (kind,), SHEET_SIZE, rank
    if task_type == "multiclass":
        yield (kind, result.truth), MAX_PER_CLASS, rank
