"""Filmstrips for the sheets of hits and misses, made while the videos are scored.

Which videos are shown is known at the end only; what may be shown is kept: the first few of each
kind and of each class. What an earlier call scored is decoded again.
"""

from bisect import insort
from collections.abc import Iterator, Sequence

import numpy as np

from videomae2.commands.evaluate.predictions import GroundTruth, rank_videos
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.requests import ViewsRequest
from videomae2.data.views.resize import ResizedVideo
from videomae2.inference.scorer import ViewScores
from videomae2.inference.video_scorer import VideoScorer
from videomae2.metrics.classification import compute_probabilities
from videomae2.metrics.results import VideoResult
from videomae2.models.task_type import TaskType
from videomae2.reports.evaluation import MAX_PER_CLASS, SHEET_SIZE, select_hits, select_misses
from videomae2.reports.image_canvas import encode_filmstrip

_Group = tuple[str, ...]


class ThumbnailCache:
    """Filmstrips by the row of their video in the list.

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
            remaining = (
                member for one in self._groups.values() if one is not members for member in one
            )
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
    kind, rank = (
        ("hits", -result.truth_score) if result.is_correct else ("misses", result.truth_score)
    )
    yield (kind,), SHEET_SIZE, rank
    if task_type == "multiclass":
        yield (kind, result.truth), MAX_PER_CLASS, rank


def collect_filmstrips(
    videos: Sequence[VideoResult],
    task_type: TaskType,
    thumbnails: ThumbnailCache,
    list_rows: Sequence[int],
    entries: Sequence[Entry],
    video_scorer: VideoScorer,
) -> tuple[dict[int, bytes], int]:
    """Frames of the videos on both sheets by their rows, and how many were opened again for them.

    Args:
        videos: All that were scored, the hardest first.
        task_type: What the model says.
        thumbnails: What was kept of those that were scored in this call.
        list_rows: Of each row in the list.
        entries: The list.
        video_scorer: Reads videos.
    """
    shown_rows = [
        video.row for sheet in (select_misses, select_hits) for video in sheet(videos, task_type)
    ]
    cached = thumbnails.filmstrips
    filmstrips = {row: cached[list_rows[row]] for row in shown_rows if list_rows[row] in cached}
    missing_rows = [row for row in shown_rows if row not in filmstrips]
    decoded = _decode_filmstrips([entries[list_rows[row]] for row in missing_rows], video_scorer)
    return filmstrips | {
        r: s for r, s in zip(missing_rows, decoded, strict=True) if s is not None
    }, len(missing_rows)


def _decode_filmstrips(entries: Sequence[Entry], video_scorer: VideoScorer) -> list[bytes | None]:
    """Read videos in processes that can be killed; None for one that is gone by now."""
    if not entries:
        return []
    with video_scorer.make_pool() as pool:
        return [
            None
            if answer.arrays is None
            else make_filmstrip(video_scorer.resize_to_cover(answer.arrays))
            for answer in pool.map(
                [ViewsRequest(entry, video_scorer.view_spec) for entry in entries]
            )
        ]
