"""While views are scored, the videos of the next group are read."""

import numpy as np
import torch

from videomae2.data.answers import Answer
from videomae2.data.view_making import CoveredVideo
from videomae2.errors import VideoError
from videomae2.jobs.evaluation.progress import Progress
from videomae2.jobs.evaluation.scoring import Scoring, _begun
from videomae2.jobs.scoring import Underway


class Told(Scoring):
    """Scores each video by its number, and tells when."""

    def __init__(self, events, *, done):
        object.__setattr__(self, "told", (events, done))

    __slots__ = ("told",)

    def covered(self, arrays):
        frames = torch.from_numpy(arrays["frames"])
        return CoveredVideo(frames, torch.zeros(1, 1, dtype=torch.int64), [(0, 0, 1, 1)])

    def begin(self, videos):
        events, done = self.told
        numbers = [-1 if video is None else int(video.frames[0, 0, 0, 0]) for video in videos]
        events.append(f"begin {numbers}")

        def scores():
            events.append(f"scores {numbers}")
            return np.array(numbers, dtype=np.float32)[:, None]

        return Underway(done=lambda: done, scores=scores)


def answers(events, broken):
    for number in range(4):
        events.append(f"read {number}")
        frames = {"frames": np.full((1, 1, 1, 3), number, dtype=np.uint8)}
        error = VideoError("v", "it is broken") if number in broken else None
        yield Answer(number, None if error else frames, {}, error, 0.0)


def scored(events, *, done=True, broken=()):
    """Groups of two videos with one view each."""
    progress = Progress(total=4, say=lambda line: None, views=1)
    groups, found = [range(2), range(2, 4)], []
    for group in _begun(Told(events, done=done), groups, answers(events, broken), progress):
        found += [(i, scores.item()) for i, _, scores in group.found(1)]
    return found, progress


def test_the_next_group_has_begun_when_scores_are_waited_for():
    events = []
    found, _ = scored(events)
    assert found == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    assert events == [
        "read 0", "read 1", "begin [0, 1]",
        "read 2", "read 3", "begin [2, 3]",
        "scores [0, 1]", "scores [2, 3]",
    ]  # fmt: skip


def test_a_group_of_broken_videos_is_not_scored():
    events = []
    found, _ = scored(events, broken=(1, 2, 3))
    assert found == [(0, 0.0)]
    assert [event for event in events if "begin" in event] == ["begin [0, -1]"]


def test_a_wait_for_videos_counts_only_where_nothing_is_left_to_compute():
    assert scored([], done=True)[1].waited > scored([], done=False)[1].waited > 0
