"""The data path by stage, on one core: open, index, decode, convert, collate, views."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from videomae2.data import video
from videomae2.data.answers import Answer
from videomae2.data.batches import Gathering
from videomae2.data.opening import open_entry
from videomae2.data.views import make_clips
from videomae2.data.worker import SampleRequest, clip_indices, view_boxes

STAGES = ("open", "index", "decode", "convert", "collate", "views")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingNumbers:
    """What one video costs, in CPU seconds of one core."""

    videos: int
    """How many were read."""
    views: int
    """Clips made of each."""
    stage_seconds: dict[str, float]
    """A video's mean CPU seconds in each stage."""
    seconds: float
    """A video's mean CPU seconds, all in all."""
    clips_per_second_per_core: float


@dataclass(slots=True)
class _Clock:
    """CPU seconds of this process, by stage."""

    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    last: float = field(default_factory=time.process_time)

    def stage(self, *names: str, shares: dict[str, float] | None = None) -> None:
        """Book the time since the last call, to one stage or in given shares to several."""
        now = time.process_time()
        whole = sum(shares[name] for name in names) if shares else 0.0
        for name in names:
            share = shares[name] / whole if shares and whole else 1 / len(names)
            self.spent[name] += (now - self.last) * share
        self.last = now


def measure_reading(
    requests: Sequence[SampleRequest], *, warmups: int = 2, repeats: int = 1
) -> ReadingNumbers:
    """Read every request as a reading process does, and make its views as the CPU trains on them.

    The table of a file's frames is built each time, as for a video that is met the first time.

    Raises:
        VideoError: If a video cannot be read.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for request in requests[:warmups]:
            _read(request, _Clock())
        clock = _Clock()
        started = clock.last
        for _ in range(repeats):
            for request in requests:
                _read(request, clock)
        seconds = (clock.last - started) / (repeats * len(requests))
    finally:
        torch.set_num_threads(threads)
    views = requests[0].shape.views
    count = repeats * len(requests)
    return ReadingNumbers(
        videos=count,
        views=views,
        stage_seconds={stage: spent / count for stage, spent in clock.spent.items()},
        seconds=seconds,
        clips_per_second_per_core=views / seconds,
    )


def _read(request: SampleRequest, clock: _Clock) -> None:
    """One video from the file to clips; the reader's own stages share its time."""
    entry, shape = request.entry, request.shape
    video.TABLES.clear()
    with open_entry(entry, shape) as reader:
        indices = clip_indices(reader, request)
        wanted, place = np.unique(indices, return_inverse=True)
        frames = reader.read(wanted.tolist())
        known = reader.timings if isinstance(reader, video.VideoFile) else None
    reader_stages = ("open", "index", "decode", "convert") if known else ("decode",)
    clock.stage(*reader_stages, shares=known)
    boxes, flips = view_boxes(frames.shape[1], frames.shape[2], shape, request.key)
    gathering = Gathering(pin=False)
    meta = {"place": place.tolist(), "boxes": boxes, "flips": flips}
    gathering.add(request, Answer(request, {"frames": frames}, meta, None, 0.0))
    batch = gathering.finish()
    clock.stage("collate")
    size = (shape.height, shape.width)
    make_clips(batch, size, shape.frames, shape.channels, torch.device("cpu"))
    clock.stage("views")
