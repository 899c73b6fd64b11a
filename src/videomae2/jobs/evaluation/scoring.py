"""Score every view of every video: read once in killable processes, batched on the device.

Views of neighbouring videos share batches. Which ones is a function of the list alone, and a video
that cannot be read leaves black views, so scores do not depend on what else went wrong or was
finished before.

Axes: views of a video; outputs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from videomae2.data.answers import Answer
from videomae2.data.loading import TRIES
from videomae2.data.manifest import Entry
from videomae2.data.pool import Pool
from videomae2.data.view_making import CoveredVideo, batches_of_views
from videomae2.data.view_reading import READ_VIEWS, GridShape, ViewsRequest
from videomae2.engine.runlog import duration
from videomae2.engine.signals import Wishes
from videomae2.errors import CheckpointError, Interrupted
from videomae2.jobs.evaluation.score_book import ScoreBook
from videomae2.jobs.scoring import Scorer, Scores

_SAY_EVERY_SECONDS = 5.0

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

    def scores(self, videos: list[CoveredVideo | None]) -> list[Scores]:
        """The scores of all views of some videos, of which one at least is there."""
        views = self.shape.grid.views
        batches = batches_of_views(videos, views, batch=self.scorer.batch)
        found = np.concatenate([self.scorer.of_views(pixels) for pixels in batches])
        return list(found.reshape(len(videos), views, -1))

    def covered(self, arrays: dict[str, np.ndarray]) -> CoveredVideo:
        """The frames of a video on the device, ready to be cut."""
        return self.scorer.covered(arrays, crops=self.shape.grid.crops)


@dataclass(slots=True)
class Progress:
    """What was done so far, for a line now and then."""

    total: int
    say: Callable[[str], None]
    views: int
    """Of a video."""
    done: int = 0
    """Videos that are finished, in this call or an earlier one."""
    decodings: int = 0
    """Videos that were opened and decoded, broken ones too."""
    frames: int = 0
    """Frames that were decoded for views."""
    waited: float = 0.0
    """Seconds without anything to compute."""
    started: float = field(default_factory=time.perf_counter)
    scored: int = 0
    """Videos that were read in this call, and scored if they could be."""
    said_at: float = field(default_factory=time.perf_counter)

    def timed(self, answers: Iterator[Answer[ViewsRequest]]) -> Answer[ViewsRequest]:
        """Take the next answer, and count what it cost."""
        began = time.perf_counter()
        answer = next(answers)
        self.waited += time.perf_counter() - began
        self.decodings += 1
        self.frames += len(answer.meta.get("indices", ()))
        return answer

    def add(self, videos: int) -> None:
        """Count finished videos, and say so if nothing was said for a while."""
        self.done += videos
        self.scored += videos
        now = time.perf_counter()
        if now - self.said_at >= _SAY_EVERY_SECONDS or self.done == self.total:
            self.said_at = now
            self.say(self._line(now - self.started))

    def _line(self, seconds: float) -> str:
        rate = self.scored / seconds
        left = (self.total - self.done) / rate
        return (
            f"videos {self.done:>{len(str(self.total))}}/{self.total}  {rate:.2f} videos/s  "
            f"{rate * self.views:.1f} views/s  data wait {self.waited / seconds:.0%}  "
            f"{duration(left)} left"
        )


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
        answers = pool.map(requests)
        for group in groups:
            if wishes.stop is not None:
                raise Interrupted(
                    f"stopped by {wishes.stop.name} with {progress.done} of {progress.total} "
                    f"videos done; the same command goes on"
                )
            videos: list[CoveredVideo | None] = []
            for i in group:
                answer = progress.timed(answers)
                if answer.error is not None:
                    unreadable[names[i]] = answer.error.reason
                videos.append(None if answer.arrays is None else scoring.covered(answer.arrays))
            if any(video is not None for video in videos):
                found = zip(group, videos, scoring.scores(videos), strict=True)
                for i, video, scores in found:
                    if video is None:
                        continue
                    if not book.has(names[i], entries[i]):
                        book.add(names[i], entries[i], _finite(scores, names[i]))
                    seen(i, scores, video)
            progress.add(len(group))
    return unreadable


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
