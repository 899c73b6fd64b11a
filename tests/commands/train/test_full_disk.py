"""Runs whose disk becomes full, on a small file system of their own."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.helpers.pretrain_runs import losses, small_run, small_videos
from videomae2.cli.main import main
from videomae2.config.files import save_config
from videomae2.config.runs import LoggingConfig


def can_mount():
    """Whether this user may mount a file system in a name space of its own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="only root may mount a small disk")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


SCRIPT = """
import logging, os, shutil, sys
from pathlib import Path
from videomae2.cli.main import main

config, disk, at, leave, number = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])

class Filler(logging.Handler):
  def emit(self, record):
    line = record.getMessage()
    if line.startswith("step ") and int(line.split()[1].split("/")[0]) == at:
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(free - leave))
        if number:
            os.kill(os.getpid(), number)

logging.getLogger("videomae2").addHandler(Filler())
code = main(["pretrain", "--config", str(config)])
shutil.copytree(disk, sys.argv[2] + "-after")
sys.exit(code)
"""


def run_on_a_disk(videos, tmp_path, *, at, leave, number=0, size="1500k", **checkpoint):
    """Train on a small disk, which fills after some steps but for so many bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = small_run(videos, disk / "run", epochs=5.0)
    run = replace(
        run,
        checkpoint=replace(run.checkpoint, **checkpoint),
        logging=LoggingConfig(interval=1),
        reading=replace(run.reading, timeout_seconds=60.0),
    )
    save_config(run, tmp_path / "config.yaml")
    words = [SCRIPT, str(tmp_path / "config.yaml"), str(disk), str(at), str(leave), str(number)]
    inside = f'mount -t tmpfs -o size={size} none {disk} && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, "sh", sys.executable, "-c", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    after = tmp_path / "disk-after" / "run"
    steps = sorted(int(path.name[5:]) for path in (after / "checkpoints").glob("step-*"))
    return done, steps, after


@pytest.mark.slow
def test_a_finished_run_keeps_its_last_weights(videos, tmp_path):
    done, steps, after = run_on_a_disk(videos, tmp_path, at=5, leave=100_000)
    assert done.returncode == 0, done.stderr
    assert "training goes on, the next try is at the next save" in done.stdout
    assert "no room to save step 10: the checkpoint of step 2 is deleted" in done.stdout
    assert steps == [4, 10]
    assert sorted(losses(after)) == list(range(10))


@pytest.mark.slow
def test_what_is_kept_for_good_does_not_make_room(videos, tmp_path):
    done, steps, _ = run_on_a_disk(
        videos, tmp_path, at=5, leave=100_000, size="3000k", keep_interval=2, keep_latest_k=1
    )
    assert done.returncode == 2
    assert "(a resume would now start at step 4)" in done.stderr
    assert steps == [2, 4]


@pytest.mark.slow
@pytest.mark.parametrize(("interval", "code", "there"), [(3, 75, [3]), (50, 2, [])])
def test_stopped_without_room_the_code_says_whether_something_is_saved(
    videos, tmp_path, interval, code, there
):
    done, steps, _ = run_on_a_disk(
        videos, tmp_path, at=5, leave=100_000, number=signal.SIGTERM, interval=interval
    )
    assert done.returncode == code
    start = f"at step {there[0]}" if there else "from the beginning"
    assert "asked to stop by SIGTERM, but cannot save" in done.stderr
    assert f"(a resume would now start {start})" in done.stderr
    assert steps == there


def test_room_for_all_that_stays_is_asked_for_before(videos, tmp_path, monkeypatch, capsys):
    run = small_run(videos, tmp_path / "run", epochs=60.0)
    run = replace(run, checkpoint=replace(run.checkpoint, interval=2, keep_interval=2))
    save_config(run, tmp_path / "config.yaml")
    usage = shutil.disk_usage(tmp_path)._replace(free=5 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    for more in ([], ["--dry-run"]):
        assert main(["pretrain", "--config", str(tmp_path / "config.yaml"), *more]) == 2
        assert "has 5.0 MiB free, and what is written there will need" in capsys.readouterr().err
    assert set(os.listdir(tmp_path / "run")) == {".lock", "checkpoints"}
    few = ["--checkpoint.keep-interval", "60", "--dry-run"]
    assert main(["pretrain", "--config", str(tmp_path / "config.yaml"), *few]) == 0
