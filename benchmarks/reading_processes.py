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

from videomae2.data.pool import Pool
from videomae2.data.worker_main import Allocate

SHAPE = (16, 256, 340, 3)


def hand_over(
    request: int, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Make room for a sample, without filling it."""
    return {"frames": allocate(SHAPE, np.uint8)}, {}


def measure(samples: int) -> dict[str, float]:
    """CPU and wall seconds."""
    started, before = time.perf_counter(), _children()
    with _one_process() as pool:
        list(pool.map([0]))
        begun = time.perf_counter() - started
    alone = _children() - before
    before = _children()
    with _one_process() as pool:
        list(pool.map([0]))
        own = time.process_time()
        for answer in pool.map(range(samples)):
            assert answer.arrays is not None
        own = time.process_time() - own
    both = _children() - before
    return {
        "start_wall_seconds": begun,
        "start_cpu_seconds": alone,
        "own_cpu_ms_per_sample": 1000 * own / samples,
        "its_cpu_ms_per_sample": 1000 * (both - alone) / samples,
    }


def _one_process() -> Pool:
    function = "reading_processes:hand_over"
    return Pool(function, workers=1, deadline_seconds=60.0, memory_bytes=None)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = parser().parse_args(arguments)
    found = measure(options.samples)
    print(json.dumps(found, indent=2))
    return 0


def parser() -> argparse.ArgumentParser:
    """All flags."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--samples", type=int, default=20_000, help="that are handed over")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
