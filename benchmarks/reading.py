"""Reading one clip of a video: this reader beside a straightforward one on PyAV.

16 frames at stride 4 from random starts; CPU of one thread. The straightforward one seeks to the
key frame before the first frame, decodes every frame up to the last and converts the wanted ones.
Both must give the same pixels. A warm index is one that a process has built before.

    python benchmarks/reading.py                              # made-up videos
    python benchmarks/reading.py --synthetic-smoothness 1 --synthetic-noise 2
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

from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import describe_machine
from videomae2.data.synthetic import textured_videos
from videomae2.data.video import pyav_reader
from videomae2.data.video.reader import open_reader
from videomae2.data.views.sampling import draw_first_frame, pretrain_indices

FRAMES, STRIDE = 16, 4
Clip = tuple[Path, list[int]]
Read = Callable[[Path, list[int]], np.ndarray]


def read_ours(path: Path, indices: list[int]) -> np.ndarray:
    """Read with this package."""
    with open_reader(path) as reader:
        return reader.read(indices)


def read_ours_cold(path: Path, indices: list[int]) -> np.ndarray:
    """The same, of a video that this process has not met."""
    pyav_reader.INDEX_CACHE.clear()
    return read_ours(path, indices)


def read_straightforward(path: Path, indices: list[int]) -> np.ndarray:
    """Seek, decode, convert; right for files of one frame rate whose first frame is at 0."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        assert stream.average_rate is not None
        assert stream.time_base is not None
        ticks = 1 / (stream.average_rate * stream.time_base)
        container.seek(int(indices[0] * ticks), stream=stream)
        frames: dict[int, np.ndarray] = {}
        for frame in container.decode(stream):
            number = round((frame.pts or 0) / ticks)
            if number in indices:
                frames[number] = frame.to_ndarray(format="rgb24")
            if number >= indices[-1]:
                break
    return np.stack([frames[number] for number in indices])


READERS: dict[str, Read] = {
    "this reader": read_ours,
    "this reader, cold index": read_ours_cold,
    "straightforward": read_straightforward,
}


def draw_clips(paths: Sequence[Path], count: int) -> list[Clip]:
    """Clips of all videos in turn, from random starts."""
    rng, clips = np.random.default_rng(0), []
    lengths = {}
    for number in range(count):
        path = paths[number % len(paths)]
        if path not in lengths:
            with open_reader(path) as reader:
                lengths[path] = reader.num_frames
        first = draw_first_frame(lengths[path], FRAMES * STRIDE, rng.random())
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
    clips = draw_clips(paths, count)
    for path, indices in clips[: len(paths)]:  # and so the index is warm
        assert (read_ours(path, indices) == read_straightforward(path, indices)).all(), path
    rates: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            rates[name].append(len(clips) / cpu_seconds(read, clips))
        for path in paths:
            read_ours(path, [0])
    return rates


def main(arguments: Sequence[str] | None = None) -> int:
    """Make videos up or take those of a folder, measure, print."""
    options = build_parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        paths = (
            sorted(options.videos.rglob("*.mp4"))
            if options.videos
            else textured_videos.write_synthetic_videos(
                Path(name),
                count=options.synthetic_videos,
                frames=options.synthetic_frames,
                seed=0,
                smoothness=options.synthetic_smoothness,
                noise=options.synthetic_noise,
            )
        )
        if not paths:
            raise SystemExit(f"{options.videos} holds no .mp4 files")
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1000
        clip_rates = measure(paths, options.clips, options.rounds)
    if options.json:
        print(json.dumps(clip_rates))
        return 0
    print(f"{describe_machine(torch.device('cpu'))}\n{len(paths)} videos of {size:.0f} KB")
    rows = [(name, f"{min(rates):.1f}", f"{max(rates):.1f}") for name, rates in clip_rates.items()]
    print(align_columns(("clips per CPU second", "least", "most"), rows))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    argument_parser.add_argument(
        "--videos", type=Path, help="a folder of .mp4 files; else some are made up"
    )
    argument_parser.add_argument("--synthetic-videos", type=int, default=6)
    argument_parser.add_argument("--synthetic-frames", type=int, default=300)
    argument_parser.add_argument(
        "--synthetic-smoothness", type=float, default=1.3, help="1 is sharp"
    )
    argument_parser.add_argument("--synthetic-noise", type=float, default=1.5, help="of 255")
    argument_parser.add_argument("--clips", type=int, default=96, help="of a round")
    argument_parser.add_argument("--rounds", type=int, default=3)
    argument_parser.add_argument("--json", action="store_true")
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
