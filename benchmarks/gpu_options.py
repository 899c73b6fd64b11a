"""The command line of bench-gpu; read without torch."""

import argparse
import os
from pathlib import Path

SIZES = ("tiny", "small", "base", "large", "huge", "giant")
KINDS = ("step", "largest", "transformers", "deterministic", "profile", "compiled")
"""What can be measured, in the order in which it is."""

_DESCRIPTION = "Pre-training steps on a CUDA device; always ends within eight minutes."


def parser() -> argparse.ArgumentParser:
    """All flags."""
    made = argparse.ArgumentParser(description=_DESCRIPTION)
    sizes = ["small", "base", "large", "giant"]
    made.add_argument("--sizes", nargs="+", default=sizes, choices=SIZES)
    made.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS, help="what to measure")
    made.add_argument("--seconds", type=float, default=470, help="after them all is stopped")
    made.add_argument("--side", type=int, default=224, help="of a clip in pixels")
    made.add_argument("--largest-batch", type=int, default=4096, help="where the search ends")
    made.add_argument("--device", default="cuda", help="cpu tests the program itself")
    made.add_argument("--end", type=float, help=argparse.SUPPRESS)  # by time.monotonic
    made.add_argument("--out", type=Path, help="folder; $OUT or scratch/bench-gpu if not given")
    return made


def results(options: argparse.Namespace) -> Path:
    """Where the files go."""
    return options.out or Path(os.environ.get("OUT") or "scratch/bench-gpu")
