"""Run the programs in benchmarks/ as a person would."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"


def run(program: str, *words: str, seconds: float = 100) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(FOLDER / program), *words]
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=seconds)
