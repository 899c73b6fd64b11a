"""Reading one clip of a video: this reader beside a straightforward one on PyAV.

16 frames at stride 4 from random starts; CPU of one thread. The straightforward one seeks to the
key frame before the first frame, decodes every frame up to the last and converts the wanted ones.
Both must give the same pixels. A warm index is one that a process has built before.

    python benchmarks/reading.py                              # made-up videos
    python benchmarks/reading.py --made-up-smoothness 1 --made-up-noise 2
    python benchmarks/reading.py --videos natural/            # of natural_videos.py
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import av
import numpy as np
import torch

from videomae2.data import video
from videomae2.data.readers import open_reader
from videomae2.data.sampling import first_frame, pretrain_indices
from videomae2.jobs.bench import samples
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.tables import aligned

FRAMES, STRIDE = 16, 4
Clip = tuple[Path, list[int]]
Read = Callable[[Path, list[int]], np.ndarray]


def ours(path: Path, indices: list[int]) -> np.ndarray:
    """Read with this package."""
    with open_reader(path) as reader:
        return reader.read(indices)


def ours_cold(path: Path, indices: list[int]) -> np.ndarray:
    """The same, of a video that this process has not met."""
    video.TABLES.clear()
    return ours(path, indices)


def straightforward(path: Path, indices: list[int]) -> np.ndarray:
    """Seek, decode, convert; right for files of one frame rate whose first frame is at 0."""
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        assert stream.average_rate is not None
        assert stream.time_base is not None
        ticks = 1 / (stream.average_rate * stream.time_base)
        box.seek(int(indices[0] * ticks), stream=stream)
        found: dict[int, np.ndarray] = {}
        for frame in box.decode(stream):
            number = round((frame.pts or 0) / ticks)
            if number in indices:
                found[number] = frame.to_ndarray(format="rgb24")
            if number >= indices[-1]:
                break
    return np.stack([found[number] for number in indices])


READERS: dict[str, Read] = {
    "this reader": ours,
    "this reader, cold index": ours_cold,
    "straightforward": straightforward,
}


def draw(paths: Sequence[Path], count: int) -> list[Clip]:
    """Clips of all videos in turn, from random starts."""
    rng, clips = np.random.default_rng(0), []
    lengths = {}
    for number in range(count):
        path = paths[number % len(paths)]
        if path not in lengths:
            with open_reader(path) as reader:
                lengths[path] = reader.num_frames
        first = first_frame(lengths[path], FRAMES * STRIDE, rng.random())
        index = pretrain_indices(lengths[path], FRAMES, STRIDE, first=first)
        clips.append((path, sorted(set(index.tolist()))))
    return clips


def cpu_seconds(read: Read, clips: Iterable[Clip]) -> float:
    """CPU seconds of this process for all clips."""
    started = time.process_time()
    for path, indices in clips:
        read(path, indices)
    return time.process_time() - started


def measure(paths: Sequence[Path], count: int, rounds: int) -> dict[str, list[float]]:
    """Clips per CPU second of each reader, once for every round; they take turns."""
    clips = draw(paths, count)
    for path, indices in clips[: len(paths)]:  # and so the index is warm
        assert (ours(path, indices) == straightforward(path, indices)).all(), path
    found: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            found[name].append(len(clips) / cpu_seconds(read, clips))
        for path in paths:
            ours(path, [0])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Make videos up or take those of a folder, measure, print."""
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        look = samples.Look(smoothness=options.made_up_smoothness, noise=options.made_up_noise)
        paths = (
            sorted(options.videos.rglob("*.mp4"))
            if options.videos
            else samples.make_videos(
                Path(name),
                count=options.made_up_videos,
                frames=options.made_up_frames,
                seed=0,
                look=look,
            )
        )
        if not paths:
            raise SystemExit(f"{options.videos} holds no .mp4 files")
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1000
        found = measure(paths, options.clips, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"{describe(torch.device('cpu'))}\n{len(paths)} videos of {size:.0f} KB")
    rows = [(name, f"{min(rates):.1f}", f"{max(rates):.1f}") for name, rates in found.items()]
    print(aligned(("clips per CPU second", "least", "most"), rows))
    return 0


def parser() -> argparse.ArgumentParser:
    """All flags."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--videos", type=Path, help="a folder of .mp4 files; else some are made up")
    made.add_argument("--made-up-videos", type=int, default=6)
    made.add_argument("--made-up-frames", type=int, default=300)
    made.add_argument("--made-up-smoothness", type=float, default=1.3, help="1 is sharp")
    made.add_argument("--made-up-noise", type=float, default=1.5, help="of 255")
    made.add_argument("--clips", type=int, default=96, help="of a round")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--json", action="store_true")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
