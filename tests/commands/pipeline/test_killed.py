"""Killed at random moments, a pipeline ends as if undisturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.pipelines import TEXT, left_behind

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.helpers.pipelines import TEXT, run
run(Path("p.yaml").read_text(), say=lambda line: print(line, flush=True))
"""


def start():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(root=str(ROOT))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        start_new_session=True,
    )


def run_with_one_thread():
    """Run undisturbed, as the killed ones do."""
    process = start()
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said


def killed(draws):
    """Start, and kill with all it started after some lines and a moment; False if it was done."""
    process = start()
    lines = draws.randrange(2, 14)
    for _ in range(lines):
        if not process.stdout.readline():
            break
    time.sleep(draws.uniform(0.0, 0.3))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode != 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_again_and_again_it_ends_as_if_undisturbed(place):
    Path("p.yaml").write_text(TEXT)
    run_with_one_thread()
    (place / "runs").rename(place / "undisturbed")
    draws, kills = random.Random(5), 0
    for _ in range(14):
        kills += killed(draws)
    assert kills >= 5
    run_with_one_thread()
    assert left_behind(place / "runs") == left_behind(place / "undisturbed")
    assert not list((place / "runs").glob("*.bak-*"))
