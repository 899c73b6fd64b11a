"""What reading processes cost: to start one, and to hand a sample over.

A sample is four clips of 16 frames of 340x256 that overlap: 16 frames of 4.2 MB all in all. The
process that answers only makes room for them, so that all that is left is the handing over.

    python benchmarks/reading_processes.py
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# reading processes find this file there
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
)

from videomae2.data.workers.main import AllocateFn
from videomae2.data.workers.pool import Pool

SHAPE = (16, 256, 340, 3)


def allocate_sample(
    request: int, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Make room for a sample, without filling it."""
    return {"frames": allocate(SHAPE, np.uint8)}, {}


def measure(samples: int) -> dict[str, float]:
    """CPU and wall seconds."""
    started, before = time.perf_counter(), _children_cpu_seconds()
    with _build_pool() as pool:
        list(pool.map([0]))
        start_seconds = time.perf_counter() - started
    idle_cpu_seconds = _children_cpu_seconds() - before
    before = _children_cpu_seconds()
    with _build_pool() as pool:
        list(pool.map([0]))
        own_cpu_seconds = time.process_time()
        for result in pool.map(range(samples)):
            assert result.arrays is not None
        own_cpu_seconds = time.process_time() - own_cpu_seconds
    total_cpu_seconds = _children_cpu_seconds() - before
    return {
        "start_wall_seconds": start_seconds,
        "start_cpu_seconds": idle_cpu_seconds,
        "own_cpu_ms_per_sample": 1000 * own_cpu_seconds / samples,
        "its_cpu_ms_per_sample": 1000 * (total_cpu_seconds - idle_cpu_seconds) / samples,
    }


def _build_pool() -> Pool:
    function = "reading_processes:allocate_sample"
    return Pool(function, num_workers=1, timeout_seconds=60.0, memory_limit_bytes=None)


def _children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = build_parser().parse_args(arguments)
    timings = measure(options.samples)
    print(json.dumps(timings, indent=2))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    argument_parser.add_argument("--samples", type=int, default=20_000, help="that are handed over")
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
