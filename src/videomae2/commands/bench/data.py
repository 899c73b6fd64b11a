"""The data path by stage, on one core: open, index, decode, convert, collate, views."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from videomae2.base.text import align_columns
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.video import pyav_reader
from videomae2.data.video.trim import open_video
from videomae2.data.views.read import draw_view_boxes, select_frames
from videomae2.data.views.requests import SampleRequest
from videomae2.data.views.resize import make_clips
from videomae2.data.workers.worker import Result

STAGES = ("open", "index", "decode", "convert", "collate", "views")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingTiming:
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

    def __str__(self) -> str:
        total = sum(self.stage_seconds.values())
        rows = [
            (stage, f"{1000 * spent:.2f}", f"{spent / total:.0%}")
            for stage, spent in self.stage_seconds.items()
        ]
        rows.append(("together", f"{1000 * self.seconds:.2f}", "100%"))
        table = align_columns(("data path, one core", "CPU ms/video", "share"), rows)
        rate = self.clips_per_second_per_core
        return f"{table}\n{rate:.0f} clips/s per core, {self.views} of each video"


@dataclass(slots=True)
class _StageClock:
    """CPU seconds of this process, by stage."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    last: float = field(default_factory=time.process_time)

    def record(self, *names: str, shares: dict[str, float] | None = None) -> None:
        """Book the time since the last call, to one stage or in given shares to several."""
        now = time.process_time()
        total = sum(shares[name] for name in names) if shares else 0.0
        for name in names:
            share = shares[name] / total if shares and total else 1 / len(names)
            self.seconds[name] += (now - self.last) * share
        self.last = now


def measure_reading(
    requests: Sequence[SampleRequest], *, warmups: int = 2, repeats: int = 1
) -> ReadingTiming:
    """Read every request as a reading process does, and make its views as the CPU trains on them.

    The table of a file's frames is built each time, as for a video that is met the first time.

    Raises:
        VideoError: If a video cannot be read.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for request in requests[:warmups]:
            _read_request(request, _StageClock())
        clock = _StageClock()
        started = clock.last
        for _ in range(repeats):
            for request in requests:
                _read_request(request, clock)
        seconds = (clock.last - started) / (repeats * len(requests))
    finally:
        torch.set_num_threads(threads)
    views = requests[0].spec.views
    count = repeats * len(requests)
    return ReadingTiming(
        videos=count,
        views=views,
        stage_seconds={stage: spent / count for stage, spent in clock.seconds.items()},
        seconds=seconds,
        clips_per_second_per_core=views / seconds,
    )


def _read_request(request: SampleRequest, clock: _StageClock) -> None:
    """One video from the file to clips; the reader's own stages share its time."""
    entry, shape = request.entry, request.spec
    pyav_reader.INDEX_CACHE.clear()
    with open_video(entry, shape) as reader:
        indices = select_frames(reader, request)
        unique_indices, frame_index = np.unique(indices, return_inverse=True)
        frames = reader.read(unique_indices.tolist())
        timings = reader.timings if isinstance(reader, pyav_reader.VideoFile) else None
    reader_stages = ("open", "index", "decode", "convert") if timings else ("decode",)
    clock.record(*reader_stages, shares=timings)
    boxes, flips = draw_view_boxes(frames.shape[1], frames.shape[2], shape, request.key)
    batch = CPUBatch()
    meta = {"frame_index": frame_index.tolist(), "boxes": boxes, "flips": flips}
    batch.add(request, Result(request, {"frames": frames}, meta, None, 0.0), pin=False)
    clock.record("collate")
    size = (shape.height, shape.width)
    make_clips(batch, size, shape.frames, shape.channels, torch.device("cpu"))
    clock.record("views")
