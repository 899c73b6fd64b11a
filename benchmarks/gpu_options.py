"""The command line of bench-gpu; read without torch."""

import argparse
import os
from pathlib import Path

SIZES = ("tiny", "small", "base", "large", "huge", "giant")
KINDS = ("step", "largest", "transformers", "deterministic", "profile", "compiled")
"""What can be measured, in the order in which it is."""

_DESCRIPTION = "Pre-training steps on a CUDA device; always ends within eight minutes."


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=_DESCRIPTION)
    sizes = ["small", "base", "large", "giant"]
    argument_parser.add_argument("--sizes", nargs="+", default=sizes, choices=SIZES)
    argument_parser.add_argument(
        "--kinds", nargs="+", default=KINDS, choices=KINDS, help="what to measure"
    )
    argument_parser.add_argument(
        "--seconds", type=float, default=470, help="after them all is stopped"
    )
    argument_parser.add_argument("--side", type=int, default=224, help="of a clip in pixels")
    argument_parser.add_argument(
        "--largest-batch", type=int, default=4096, help="where the search ends"
    )
    argument_parser.add_argument("--device", default="cuda", help="cpu tests the program itself")
    argument_parser.add_argument("--end", type=float, help=argparse.SUPPRESS)  # by time.monotonic
    argument_parser.add_argument(
        "--out", type=Path, help="folder; $OUT or scratch/bench-gpu if not given"
    )
    return argument_parser


def resolve_output_dir(options: argparse.Namespace) -> Path:
    """Where the files go."""
    return options.out or Path(os.environ.get("OUT") or "scratch/bench-gpu")
