"""Score every view of every video: read once in killable processes, batched on the device.

Views of neighbouring videos share batches. Which ones is a function of the list alone, and a video
that cannot be read leaves black views, so scores do not depend on what else went wrong or was
finished before.

Axes: views of a video; outputs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from videomae2.data.answers import Answer
from videomae2.data.loading import TRIES
from videomae2.data.manifest import Entry
from videomae2.data.pool import Pool
from videomae2.data.view_making import CoveredVideo, batches_of_views
from videomae2.data.view_reading import READ_VIEWS, GridShape, ViewsRequest
from videomae2.engine.signals import Wishes
from videomae2.errors import CheckpointError, Interrupted
from videomae2.jobs.evaluation.progress import Progress
from videomae2.jobs.evaluation.score_book import ScoreBook
from videomae2.jobs.scoring import Scorer, Scores, Underway

Seen = Callable[[int, Scores, CoveredVideo], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scoring:
    """What makes scores of videos."""

    scorer: Scorer
    shape: GridShape
    workers: int
    """Reading processes."""

    @property
    def videos_at_once(self) -> int:
        """Videos whose views share batches."""
        return max(1, self.scorer.batch // self.shape.grid.views)

    def pool(self) -> Pool:
        """The processes that read."""
        limits = self.shape.limits
        return Pool(
            READ_VIEWS,
            workers=self.workers,
            deadline_seconds=limits.seconds,
            memory_bytes=limits.max_bytes,
            tries=TRIES,
        )

    def begin(self, videos: list[CoveredVideo | None]) -> Underway:
        """Begin to score all views of some videos, of which one at least is there."""
        views = self.shape.grid.views
        return self.scorer.begin(batches_of_views(videos, views, batch=self.scorer.batch))

    def covered(self, arrays: dict[str, np.ndarray]) -> CoveredVideo:
        """The frames of a video on the device, ready to be cut."""
        return self.scorer.covered(arrays, crops=self.shape.grid.crops)


def score(
    scoring: Scoring,
    entries: Sequence[Entry],
    names: Sequence[str],
    book: ScoreBook,
    *,
    seen: Seen,
    wishes: Wishes,
    progress: Progress,
) -> dict[str, str]:
    """Score the videos that the book does not have, and write them into it.

    Args:
        scoring: Makes the scores.
        entries: All videos, in the order of their list.
        names: What tells each of them from all others.
        book: Takes the scores.
        seen: Called with each video that was scored in this call: its place in the list, the
            scores of its views and its frames on the device.
        wishes: Says when to stop.
        progress: Counts.

    Returns:
        Why videos could not be read, by their names, in the order of the list.

    Raises:
        Interrupted: After what is computed is written, when asked to stop.
        CheckpointError: The model gave scores that are not finite.
    """
    groups = _unfinished(entries, names, book, scoring.videos_at_once)
    progress.done = len(entries) - sum(map(len, groups))
    unreadable: dict[str, str] = {}
    with scoring.pool() as pool:
        requests = (ViewsRequest(entries[i], scoring.shape) for group in groups for i in group)
        _end_if_asked(wishes, progress)
        for group in _begun(scoring, groups, pool.map(requests), progress):
            unreadable |= {names[i]: reason for i, reason in group.unreadable.items()}
            for i, video, scores in group.found(scoring.shape.grid.views):
                if not book.has(names[i], entries[i]):
                    book.add(names[i], entries[i], _finite(scores, names[i]))
                seen(i, scores, video)
            progress.add(len(group.places))
            _end_if_asked(wishes, progress)
    return unreadable


@dataclass(frozen=True, slots=True)
class _Group:
    """Videos whose views share batches, and their scores, which may still be underway."""

    places: range
    videos: list[CoveredVideo | None]
    unreadable: dict[int, str]
    underway: Underway | None
    """None where not one of them is there."""

    def found(self, views: int) -> Iterator[tuple[int, CoveredVideo, Scores]]:
        """Those that are there, with the scores of their views; waits for these."""
        if self.underway is None:
            return
        scores = self.underway.scores().reshape(len(self.videos), views, -1)
        for i, video, found in zip(self.places, self.videos, scores, strict=True):
            if video is not None:
                yield i, video, found


def _begun(
    scoring: Scoring,
    groups: Sequence[range],
    answers: Iterator[Answer[ViewsRequest]],
    progress: Progress,
) -> Iterator[_Group]:
    """Give each group when the next one has begun, so that its videos are read meanwhile."""
    last: _Group | None = None
    for places in groups:
        videos: list[CoveredVideo | None] = []
        unreadable: dict[int, str] = {}
        for i in places:
            answer = progress.timed(answers, last.underway if last else None)
            if answer.error is not None:
                unreadable[i] = answer.error.reason
            videos.append(None if answer.arrays is None else scoring.covered(answer.arrays))
        there = any(video is not None for video in videos)
        group = _Group(places, videos, unreadable, scoring.begin(videos) if there else None)
        if last is not None:
            yield last
        last = group
    if last is not None:
        yield last


def _end_if_asked(wishes: Wishes, progress: Progress) -> None:
    if wishes.stop is not None and progress.done < progress.total:
        raise Interrupted(
            f"stopped by {wishes.stop.name} with {progress.done} of {progress.total} videos done; "
            f"the same command goes on"
        )


def _unfinished(
    entries: Sequence[Entry], names: Sequence[str], book: ScoreBook, size: int
) -> list[range]:
    """The groups of neighbours in the list of which some video is still to be scored."""
    everything = range(len(entries))
    groups = [everything[first : first + size] for first in range(0, len(entries), size)]
    return [group for group in groups if not all(book.has(names[i], entries[i]) for i in group)]


def _finite(scores: Scores, name: str) -> Scores:
    if not np.isfinite(scores).all():
        raise CheckpointError(
            f"the model gives scores of {name} that are not finite; --precision fp32 may help, "
            f"or another checkpoint"
        )
    return scores
