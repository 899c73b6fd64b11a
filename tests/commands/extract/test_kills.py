"""Killed at random, and run by two processes at once, an extraction ends with the same files."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.classifiers import saved_autoencoder
from tests.helpers.films import film

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

VIDEOS, KILLS = 12, 10


@pytest.fixture(scope="module")
def film_place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    for number in range(VIDEOS):
        film(folder / "videos" / f"v{number:02d}.mp4", 60 + 37 * number % 90, seed=number)
    saved_autoencoder(folder / "model", frames=8, height=32, width=32, embed_dim=96, depth=6)
    extract(folder, "whole").communicate()
    return folder


def extract(folder, out, workers=1):
    command = [
        sys.executable, "-m", "videomae2", "extract", folder / "model", folder / "videos",
        "--out", folder / out, "--frame-interval", "1", "--stride", "2", "--num-workers",
        str(workers), "--device", "cpu", "--precision", "fp32", "--batch-size", "4", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def read_lines(folder: Path) -> list[str]:
    table = folder / "features.jsonl"
    text = table.read_text() if table.exists() else ""
    return [
        json.loads(line)["video"] for line in text.splitlines(keepends=True) if line[-1:] == "\n"
    ]


def assert_same(folder, out):
    whole, found = (
        {
            path.name: path.read_bytes()
            for path in (folder / name).iterdir()
            if path.suffix == ".npy"
        }
        for name in ("whole", out)
    )
    assert len(whole) == VIDEOS
    assert found == whole
    assert not list((folder / out).glob(".*.partial"))
    assert Counter(read_lines(folder / out)) == Counter(read_lines(folder / "whole"))


def wait_for_lines(folder, count, process):
    while len(read_lines(folder)) < count and process.poll() is None:
        time.sleep(0.02)


def test_killed_ten_times_at_random(film_place):
    rng, out = random.Random(3), film_place / "killed"
    decoded = 0
    for _ in range(KILLS):
        process = extract(film_place, "killed")
        done = len(read_lines(out))
        wait_for_lines(out, min(VIDEOS - 1, done + rng.randrange(3)), process)
        time.sleep(rng.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(read_lines(out)) >= done, "no finished video is done again"
    before = len(read_lines(out))
    process = extract(film_place, "killed")
    result = json.loads(process.communicate()[0])
    decoded = result["stats"]["num_videos"]
    assert decoded == VIDEOS - before
    assert_same(film_place, "killed")


def test_two_at_once_share_the_work_and_one_takes_over_from_the_other(film_place):
    both = [extract(film_place, "two") for _ in range(2)]
    results = [json.loads(process.communicate()[0]) for process in both]
    counts = [result["stats"]["num_videos"] for result in results]
    assert sum(counts) == VIDEOS
    assert min(counts) >= 2
    assert [result["videos"] for result in results] == [VIDEOS] * 2
    assert_same(film_place, "two")

    first, second = [extract(film_place, "over") for _ in range(2)]
    wait_for_lines(film_place / "over", 3, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    result = json.loads(second.communicate()[0])
    assert result["videos"] == VIDEOS
    assert_same(film_place, "over")


def test_asked_to_stop_it_keeps_what_it_has(film_place):
    process = extract(film_place, "stopped")
    wait_for_lines(film_place / "stopped", 3, process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 75
    extract(film_place, "stopped").communicate()
    assert_same(film_place, "stopped")
