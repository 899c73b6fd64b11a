"""Score every view of every video: read once in killable processes, batched on the device.

Views of neighbouring videos share batches. Which ones is a function of the list alone, and a video
that cannot be read leaves black views, so scores do not depend on what else went wrong or was
finished before.

Axes: views of a video; outputs.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_duration
from videomae2.data.loading.reading import MAX_ATTEMPTS
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.device import ResizedVideo, iterate_view_batches
from videomae2.data.views.specs import ViewSpec, ViewsRequest
from videomae2.data.views.tasks import READ_VIEWS
from videomae2.data.workers.pool import Pool
from videomae2.data.workers.worker import Result
from videomae2.errors import CheckpointError, Interrupted
from videomae2.inference.score_store import ScoreStore
from videomae2.inference.scorer import ViewScorer, ViewScores

_logger = logging.getLogger(__name__)

_LOG_INTERVAL_SECONDS = 5.0


OnScored = Callable[[int, ViewScores, ResizedVideo], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoScorer:
    """What makes scores of videos."""

    scorer: ViewScorer
    view_spec: ViewSpec
    num_workers: int
    """Reading processes."""

    @property
    def videos_per_batch(self) -> int:
        """Videos whose views share batches."""
        return max(1, self.scorer.batch_size // self.view_spec.grid.views)

    def make_pool(self) -> Pool:
        """The processes that read."""
        limits = self.view_spec.limits
        return Pool(
            READ_VIEWS,
            num_workers=self.num_workers,
            timeout_seconds=limits.timeout_seconds,
            memory_limit_bytes=limits.max_bytes,
            max_attempts=MAX_ATTEMPTS,
        )

    def score_videos(self, videos: list[ResizedVideo | None]) -> list[ViewScores]:
        """The scores of all views of some videos, of which one at least is there."""
        views = self.view_spec.grid.views
        batches = iterate_view_batches(videos, views, batch_size=self.scorer.batch_size)
        all_scores = np.concatenate([self.scorer.score_views(pixels) for pixels in batches])
        return list(all_scores.reshape(len(videos), views, -1))

    def resize_to_cover(self, arrays: dict[str, np.ndarray]) -> ResizedVideo:
        """The frames of a video on the device, ready to be cut."""
        return self.scorer.resize_video(arrays, crops=self.view_spec.grid.crops)


@dataclass(slots=True)
class ScoringProgress:
    """What was done so far, for a line now and then."""

    total: int
    views: int
    """Of a video."""
    done: int = 0
    """Videos that are finished, in this call or an earlier one."""
    decodings: int = 0
    """Videos that were opened and decoded, broken ones too."""
    frames: int = 0
    """Frames that were decoded for views."""
    wait_seconds: float = 0.0
    """Seconds without anything to compute."""
    started_at: float = field(default_factory=time.perf_counter)
    scored: int = 0
    """Videos that were read in this call, and scored if they could be."""
    logged_at: float = field(default_factory=time.perf_counter)

    def next_result(self, results: Iterator[Result[ViewsRequest]]) -> Result[ViewsRequest]:
        """Take the next answer, and count what it cost."""
        started = time.perf_counter()
        result = next(results)
        self.wait_seconds += time.perf_counter() - started
        self.decodings += 1
        self.frames += len(result.meta.get("indices", ()))
        return result

    def add(self, videos: int) -> None:
        """Count finished videos, and say so if nothing was said for a while."""
        self.done += videos
        self.scored += videos
        now = time.perf_counter()
        if now - self.logged_at >= _LOG_INTERVAL_SECONDS or self.done == self.total:
            self.logged_at = now
            _logger.info(self._format_line(now - self.started_at))

    def _format_line(self, seconds: float) -> str:
        rate = self.scored / seconds
        remaining_seconds = (self.total - self.done) / rate
        return (
            f"videos {self.done:>{len(str(self.total))}}/{self.total}  {rate:.2f} videos/s  "
            f"{rate * self.views:.1f} views/s  data wait {self.wait_seconds / seconds:.0%}  "
            f"{format_duration(remaining_seconds)} left"
        )


def score_all(
    video_scorer: VideoScorer,
    entries: Sequence[Entry],
    names: Sequence[str],
    store: ScoreStore,
    *,
    on_scored: OnScored,
    stop_signal: SignalHandler,
    progress: ScoringProgress,
) -> dict[str, str]:
    """Score the videos that the store does not have, and write them into it.

    Args:
        video_scorer: Makes the scores.
        entries: All videos, in the order of their list.
        names: What tells each of them from all others.
        store: Takes the scores.
        on_scored: Called with each video that was scored in this call: its row in the list, the
            scores of its views and its frames on the device.
        stop_signal: Says when to stop.
        progress: Counts.

    Returns:
        Why videos could not be read, by their names, in the order of the list.

    Raises:
        Interrupted: After what is computed is written, when asked to stop.
        CheckpointError: The model gave scores that are not finite.
    """
    groups = _list_unfinished(entries, names, store, video_scorer.videos_per_batch)
    progress.done = len(entries) - sum(map(len, groups))
    unreadable: dict[str, str] = {}
    with video_scorer.make_pool() as pool:
        requests = (
            ViewsRequest(entries[i], video_scorer.view_spec) for group in groups for i in group
        )
        results = pool.map(requests)
        for group in groups:
            if stop_signal.stop_signal is not None:
                raise Interrupted(
                    f"stopped by {stop_signal.stop_signal.name} with {progress.done} of "
                    f"{progress.total} videos done; the same command goes on"
                )
            videos: list[ResizedVideo | None] = []
            for i in group:
                result = progress.next_result(results)
                if result.error is not None:
                    unreadable[names[i]] = result.error.reason
                videos.append(
                    None if result.arrays is None else video_scorer.resize_to_cover(result.arrays)
                )
            if any(video is not None for video in videos):
                scored = zip(group, videos, video_scorer.score_videos(videos), strict=True)
                for i, video, scores in scored:
                    if video is None:
                        continue
                    if not store.has(names[i], entries[i]):
                        store.add(names[i], entries[i], _check_finite(scores, names[i]))
                    on_scored(i, scores, video)
            progress.add(len(group))
    return unreadable


def _list_unfinished(
    entries: Sequence[Entry], names: Sequence[str], store: ScoreStore, size: int
) -> list[range]:
    """The groups of neighbours in the list of which some video is still to be scored."""
    all_rows = range(len(entries))
    groups = [all_rows[first : first + size] for first in range(0, len(entries), size)]
    return [group for group in groups if not all(store.has(names[i], entries[i]) for i in group)]


def _check_finite(scores: ViewScores, name: str) -> ViewScores:
    if not np.isfinite(scores).all():
        raise CheckpointError(
            f"the model gives scores of {name} that are not finite; --precision fp32 may help, "
            f"or another checkpoint"
        )
    return scores
