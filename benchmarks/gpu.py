"""Pre-training steps on a CUDA device: sizes, exact and lean, compiled or not, largest batches.

Needs torch 2.11, numpy, einops, jaxtyping and safetensors, and transformers for the comparison.
Writes gpu.json and gpu.md to $OUT, or to scratch/bench-gpu, after each measurement. Ends within
eight minutes whatever happens: what time does not suffice for is left out and said, and this
program, which needs nothing but Python, stops the one that measures (``gpu_worker.py``).

    make bench-gpu
    python benchmarks/gpu.py --sizes base --seconds 120
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gpu_options import build_parser, resolve_output_dir

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("gpu_worker.py")
PYTHONS = (Path(sys.executable), ROOT / ".venv" / "bin" / "python")
"""The first that has what is needed is taken."""

NO_PYTHON = 2
_DYING_SECONDS = 5.0  # a process in the driver may take its time; it is not waited for longer
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and stop what has not ended in time; 2 if there is no Python to measure with."""
    started = time.monotonic()
    args = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(args)
    missing = {python: _find_missing(python) for python in PYTHONS if python.exists()}
    python = next((python for python, names in missing.items() if not names), None)
    if python is None:
        print(_format_no_python(missing), file=sys.stderr)
        return NO_PYTHON
    folder, end = resolve_output_dir(options), started + options.seconds
    command = [str(python), str(WORKER), *args, "--out", str(folder), "--end", str(end)]
    code = run_until(command, end)
    if code is None:
        print(f"stopped after {options.seconds:.0f} s; what was measured is in {folder}")
        return 0
    if code < 0:
        print(f"ended by signal {-code}; what was measured is in {folder}", file=sys.stderr)
        return 1
    return code


def run_until(command: Sequence[str], end: float) -> int | None:
    """Give a program's exit code, or None if it and what it started had to be stopped."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
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
            process.wait(_DYING_SECONDS)


def _find_missing(python: Path) -> str:
    """What a Python lacks, in words; nothing if all is there."""
    result = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else "Python itself"


def _format_no_python(missing: dict[Path, str]) -> str:
    reasons = "; ".join(f"{python} lacks {names}" for python, names in missing.items())
    return (
        "bench-gpu needs torch 2.11 or newer, numpy, einops, jaxtyping and safetensors: "
        f"{reasons}. make setup installs them; make bench-gpu PYTHON=... names another Python."
    )


if __name__ == "__main__":
    raise SystemExit(main())
