"""Re-encode natural videos for measuring: H.264 340x256, a key frame every 16 frames.

Each is stretched to the frame and cut after ten seconds; what its frames show and their rate stay.

    python benchmarks/natural_videos.py ../shared/data/repetitions natural/
    videomae2 bench pretrain --parts data both --reads 96 --videos natural/
"""

import argparse
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import median

import av

from videomae2.data.synthetic.textured_videos import HEIGHT, RATE, WIDTH, add_h264_stream

SECONDS = 10


def reencode(source: Path, target: Path) -> float:
    """Encode the beginning of a video anew, and give kbit/s."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        rate = old.streams.video[0].average_rate or Fraction(RATE)
        stream, count = add_h264_stream(new, rate), 0
        for frame in islice(old.decode(video=0), int(SECONDS * rate)):
            image = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            image.pts, image.time_base, count = count, 1 / rate, count + 1
            new.mux(stream.encode(image))
        new.mux(stream.encode(None))
    return target.stat().st_size * 8 / 1000 / float(count / rate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Encode the first videos of a folder by name, and say their bit rates."""
    options = build_parser().parse_args(arguments)
    options.target.mkdir(parents=True, exist_ok=True)
    sources = sorted(options.source.rglob("*.mp4"))[: options.count]
    if not sources:
        raise SystemExit(f"{options.source} holds no .mp4 files")
    rates = [reencode(path, options.target / path.name) for path in sources]
    print(
        f"{len(rates)} videos in {options.target}: {median(rates):.0f} kbit/s (median), "
        f"{min(rates):.0f} to {max(rates):.0f}"
    )
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    argument_parser.add_argument("source", type=Path, help="a folder of .mp4 files")
    argument_parser.add_argument("target", type=Path, help="a folder for what is encoded")
    argument_parser.add_argument("--count", type=int, default=24, help="how many, by name")
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
