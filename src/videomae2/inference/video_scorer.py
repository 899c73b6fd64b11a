"""Score every view of every video: read once in killable processes, batched on the device.

Views of neighbouring videos share batches. Which ones is a function of the list alone, and a video
that cannot be read leaves black views, so scores do not depend on what else went wrong or was
finished before.

Axes: views of a video; outputs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from videomae2.base.progress import track
from videomae2.base.signals import SignalHandler
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ResizedVideo, iterate_view_batches
from videomae2.data.workers.pool import Pool
from videomae2.data.workers.worker import Result
from videomae2.errors import CheckpointError, Interrupted
from videomae2.inference.score_store import ScoreStore
from videomae2.inference.scorer import ViewScorer, ViewScores

OnScored = Callable[[int, ViewScores, ResizedVideo], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoScorer:
    """What makes scores of videos."""

    scorer: ViewScorer
    view_spec: ViewSpec
    reading: ReadingConfig
    num_workers: int
    """Reading processes, as many as the machine wants where ``reading`` does not say it."""

    @property
    def videos_per_batch(self) -> int:
        """Videos whose views share batches."""
        return max(1, self.scorer.batch_size // self.view_spec.num_views)

    def make_pool(self) -> Pool:
        """The processes that read."""
        return self.reading.pool(READ_VIEWS, num_workers=self.num_workers)

    def score_videos(self, videos: list[ResizedVideo | None]) -> list[ViewScores]:
        """The scores of all views of some videos, of which one at least is there."""
        views = self.view_spec.num_views
        batches = iterate_view_batches(videos, views, batch_size=self.scorer.batch_size)
        all_scores = np.concatenate([self.scorer.score_views(pixels) for pixels in batches])
        return list(all_scores.reshape(len(videos), views, -1))

    def resize_to_cover(self, arrays: dict[str, np.ndarray]) -> ResizedVideo:
        """The frames of a video on the device, ready to be cut."""
        return self.scorer.resize_video(arrays, crops=self.view_spec.crops)


@dataclass(slots=True)
class ScoringStats:
    """What scores cost."""

    num_scored: int = 0
    """Videos that were read in this call, and scored if they could be."""
    num_decodings: int = 0
    """Videos that were opened and decoded, broken ones too."""
    num_frames: int = 0
    """Frames that were decoded for views."""
    wait_seconds: float = 0.0
    """Seconds without anything to compute."""

    def next_result(self, results: Iterator[Result[ViewsRequest]]) -> Result[ViewsRequest]:
        """Take the next answer, and count what it cost."""
        started = time.perf_counter()
        result = next(results)
        self.wait_seconds += time.perf_counter() - started
        self.num_decodings += 1
        self.num_frames += len(result.meta.get("indices", ()))
        return result


def score_all(
    video_scorer: VideoScorer,
    entries: Sequence[Entry],
    names: Sequence[str],
    store: ScoreStore,
    *,
    on_scored: OnScored,
    stop_signal: SignalHandler,
    stats: ScoringStats,
) -> dict[str, str]:
    """Score the videos that the store does not have, and write them into it.

    ``entries`` are all videos, in the order of their list, and ``names`` tell each from all others.
    ``on_scored`` is called with each video that is scored now: its row in the list, the scores of
    its views and its frames on the device.

    Returns:
        Why videos could not be read, by their names, in the order of the list.

    Raises:
        Interrupted: After what is computed is written, when asked to stop.
        CheckpointError: The model gave scores that are not finite.
    """
    groups = _list_unfinished(entries, names, store, video_scorer.videos_per_batch)
    num_done, started = len(entries) - sum(map(len, groups)), time.perf_counter()
    unreadable: dict[str, str] = {}
    with (
        video_scorer.make_pool() as pool,
        track("evaluate", total=len(entries), done=num_done) as progress,
    ):
        requests = (
            ViewsRequest(entries[i], video_scorer.view_spec) for group in groups for i in group
        )
        results = pool.map(requests)
        for group in groups:
            if stop_signal.stop_signal is not None:
                raise Interrupted(
                    f"stopped by {stop_signal.stop_signal.name} with {num_done} of "
                    f"{len(entries)} videos done; the same command goes on"
                )
            videos: list[ResizedVideo | None] = []
            for i in group:
                result = stats.next_result(results)
                if result.error is not None:
                    unreadable[names[i]] = result.error.reason
                videos.append(
                    None if result.arrays is None else video_scorer.resize_to_cover(result.arrays)
                )
            for i, video, scores in _score_group(video_scorer, group, videos):
                if not store.has(names[i], entries[i]):
                    store.add(names[i], entries[i], _check_finite(scores, names[i]))
                on_scored(i, scores, video)
            num_done += len(group)
            stats.num_scored += len(group)
            wait = stats.wait_seconds / (time.perf_counter() - started)
            progress.advance(len(group), data_wait_share=wait)
    return unreadable


def _score_group(
    video_scorer: VideoScorer, group: range, videos: list[ResizedVideo | None]
) -> Iterator[tuple[int, ResizedVideo, ViewScores]]:
    """Row, frames and scores of those videos of a group that could be read."""
    if all(video is None for video in videos):
        return
    for i, video, scores in zip(group, videos, video_scorer.score_videos(videos), strict=True):
        if video is not None:
            yield i, video, scores


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
