"""Pre-training steps on a CUDA device: sizes, maskings, compiled or not, largest batches.

``videomae2 bench gpu`` and ``make bench-gpu`` run it. It needs torch 2.11, numpy, einops, jaxtyping
and safetensors, and transformers for the comparison. gpu.json and gpu.md are written after each
measurement. It ends within eight minutes whatever happens: what time does not suffice for is left
out and said, and this process, which needs nothing but Python, stops the one that measures
(``gpu_worker``).
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SIZES = ("tiny", "small", "base", "large", "huge", "giant")
ALLOWANCES = {
    "peak": (0, 10),
    "step": (20, 110),
    "largest": (15, 110),
    "transformers": (25, 30),
    "deterministic": (15, 15),
    "profile": (20, 40),
    "compiled": (60, 120),
}
"""Seconds by kind, in their order: what a measurement is assumed to take at most (it is not begun
with less left), and what is kept for all of them. With the start, about 20 s, they fill the time;
what is left over goes on, and where there is less time each has its share of it."""
MEASUREMENT_TYPES = tuple(ALLOWANCES)[1:]
"""What can be measured, in the order in which it is; the peak always is."""

SOURCE = Path(__file__).resolve().parents[3]
WORKER = ("-m", "videomae2.commands.bench.gpu_worker")
PYTHONS = (Path(sys.executable), SOURCE.parent / ".venv" / "bin" / "python")
"""The first that has what is needed is taken."""

NO_PYTHON = 2
_KILL_SECONDS = 5.0  # a process in the driver may take its time; it is not waited for longer
_PROBE = """
import sys
from importlib import metadata, util
wanted = ("torch", "numpy", "einops", "jaxtyping", "safetensors")
lacking = [name for name in wanted if util.find_spec(name) is None]
if "torch" not in lacking:
    version = metadata.version("torch")
    if tuple(map(int, version.split(".")[:2])) < (2, 11):
        lacking.append("a newer torch than " + version)
print(", ".join(lacking))
"""


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = argparse.ArgumentParser(
        prog="videomae2 bench gpu",
        description="Pre-training steps on a CUDA device; always ends within eight minutes.",
    )
    add, default_sizes = parser.add_argument, ("small", "base", "large", "giant")
    add("--sizes", nargs="+", default=default_sizes, choices=SIZES)
    add(
        "--kinds",
        nargs="+",
        default=MEASUREMENT_TYPES,
        choices=MEASUREMENT_TYPES,
        help="what to measure",
    )
    add("--seconds", type=float, default=470, help="after them all is stopped")
    add("--side", type=int, default=224, help="of a clip in pixels")
    add("--largest-batch", type=int, default=4096, help="where the search ends")
    add("--device", default="cuda", help="cpu tests the program itself")
    add("--end", type=float, help=argparse.SUPPRESS)  # by time.monotonic
    add("--out", type=Path, help="folder; $OUT or scratch/bench-gpu if not given")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and stop what has not ended in time; 2 if there is no Python to measure with."""
    started = time.monotonic()
    args = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(args)
    missing = {python: _find_missing(python) for python in PYTHONS if python.exists()}
    python = next((python for python, names in missing.items() if not names), None)
    if python is None:
        reasons = "; ".join(f"{python} lacks {names}" for python, names in missing.items())
        print(
            f"bench-gpu needs torch 2.11 or newer, numpy, einops, jaxtyping and safetensors: "
            f"{reasons}. make setup installs them; make bench-gpu PYTHON=... names another Python.",
            file=sys.stderr,
        )
        return NO_PYTHON
    folder, end = resolve_output_dir(options), started + options.seconds
    command = [str(python), *WORKER, *args, "--out", str(folder), "--end", str(end)]
    code = run_until(command, end)
    if code is None:
        print(f"stopped after {options.seconds:.0f} s; what was measured is in {folder}")
        return 0
    if code < 0:
        print(f"ended by signal {-code}; what was measured is in {folder}", file=sys.stderr)
        return 1
    return code


def resolve_output_dir(options: argparse.Namespace) -> Path:
    """Where the files go."""
    return options.out or Path(os.environ.get("OUT") or "scratch/bench-gpu")


def run_until(command: Sequence[str], end: float) -> int | None:
    """Give a program's exit code, or None if it and what it started had to be stopped."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    environment = {"PYTORCH_ALLOC_CONF": "expandable_segments:True", **os.environ}
    environment["PYTHONPATH"] = path
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_SECONDS)


class TimeBudget:
    """Says until when measurements of a kind may run, so that later kinds keep their time."""

    def __init__(self, kinds: Sequence[str], *, end: float) -> None:
        """Share out what there is until ``end``, in ``time.monotonic`` seconds."""
        self._kinds = ("peak", *kinds)
        self._end = end
        total = sum(seconds for kind, (_, seconds) in ALLOWANCES.items() if kind in self._kinds)
        self._scale = min(1.0, max(0.0, end - time.monotonic()) / total)

    def is_requested(self, kind: str) -> bool:
        """Whether measurements of this kind are wanted."""
        return kind in self._kinds

    def end_time(self, kind: str) -> float:
        """When the last measurement of a kind should be done."""
        order = list(ALLOWANCES)
        later = [name for name in order[order.index(kind) + 1 :] if name in self._kinds]
        return self._end - self._scale * sum(ALLOWANCES[name][1] for name in later)

    def has_time_for(self, kind: str) -> bool:
        """Whether there is time to begin one of this kind."""
        return time.monotonic() + self._scale * ALLOWANCES[kind][0] <= self.end_time(kind)

    def deadline_for(self, kind: str, num_remaining: int) -> float:
        """When one of the ``num_remaining`` measurements of a kind should end."""
        now = time.monotonic()
        return now + (self.end_time(kind) - now) / max(1, num_remaining)


def _find_missing(python: Path) -> str:
    """What a Python lacks, in words; nothing if all is there."""
    result = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else "Python itself"


if __name__ == "__main__":
    raise SystemExit(main())
