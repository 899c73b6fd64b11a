"""Videos of which some clips can be read and others cannot: going on repeats what was left out."""

import json
import os
import random
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import kill_after, losses, small_run, start
from videomae2.commands.train.pretrain import pretrain
from videomae2.config.files import save_config
from videomae2.config.runs import LoggingConfig
from videomae2.data.synthetic.moving_shapes import write_moving_shapes
from videomae2.errors import ConfigError, TooManyUnreadableError


def damage(path, seed):
    """Overwrite some bytes in the middle of what is coded."""
    data = bytearray(path.read_bytes())
    media = data.find(b"mdat")
    first = media + int((len(data) - media) * 0.6)
    data[first : first + 150] = random.Random(seed).randbytes(150)
    path.write_bytes(data)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    write_moving_shapes(folder, videos=20, frames=120, side=32, num_workers=1)
    for seed, path in enumerate(sorted((folder / "train").rglob("*.mp4"))[:8]):
        damage(path, seed)
    return folder / "train"


def small(videos, out, *, epochs=10.0, interval=4, workers=1, **checkpoint):
    run = small_run(videos, out, epochs=epochs)
    return replace(
        run,
        checkpoint=replace(run.checkpoint, interval=interval, **checkpoint),
        logging=LoggingConfig(interval=1),
        data=replace(run.data, max_unreadable_share=0.9),
        reading=replace(run.reading, num_workers=workers, timeout_seconds=60.0),
    )


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    pretrain(small(videos, folder, keep_latest_k=100))
    return folder


def listed(folder):
    lines = (folder / "unreadable.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def holes(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line.get("unreadable", 0) for line in lines if "loss" in line}


def went_back(whole, folder, step):
    """A run that was stopped after a step, with a list that knows what failed later."""
    shutil.copytree(whole, folder)
    for checkpoint in (folder / "checkpoints").iterdir():
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)
    return folder


def test_the_videos_of_these_tests_fail_one_after_the_other(whole):
    requests = [line["request"] for line in listed(whole)]
    assert requests == sorted(requests)
    assert requests[0] < 32 < requests[-1]
    assert 0 < sum(holes(whole).values()) < 40


@pytest.mark.parametrize(("step", "workers"), [(0, 1), (4, 0), (12, 2)])
def test_a_run_that_goes_on_leaves_out_what_it_left_out_before(
    videos, whole, tmp_path, step, workers
):
    folder = went_back(whole, tmp_path / "run", step)
    pretrain(small(videos, folder, workers=workers, keep_latest_k=100))
    assert holes(folder) == holes(whole)
    assert losses(folder) == losses(whole)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_twice_it_ends_with_the_same_losses(videos, whole, tmp_path):
    run = small(videos, tmp_path / "run", workers=2, interval=6)
    save_config(run, tmp_path / "config.yaml")
    for lines in (9, 5):  # three steps, then five after the last checkpoint
        kill_after(start(tmp_path / "config.yaml", subprocess.PIPE), lines)
    pretrain(run)
    assert losses(tmp_path / "run") == losses(whole)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_it_ends_with_the_same_losses(videos, tmp_path):
    pretrain(small(videos, tmp_path / "whole", epochs=150.0))
    run = small(videos, tmp_path / "run", epochs=150.0, workers=2, interval=7)
    save_config(run, tmp_path / "config.yaml")
    moment = random.Random(3)
    for _ in range(6):
        process = start(tmp_path / "config.yaml", subprocess.PIPE)
        kill_after(process, moment.randint(1, 30), seconds=0.05 * moment.random())
    pretrain(run)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_repaired_videos_are_read_again_and_it_is_said(videos, tmp_path):
    mine = tmp_path / "videos"
    shutil.copytree(videos, mine)
    paths = sorted(mine.rglob("*.mp4"))[10:14]
    content = {path: path.read_bytes() for path in paths}
    for path in paths:
        path.write_bytes(b"")
    run = small(mine, tmp_path / "run", workers=0)
    run = replace(run, data=replace(run.data, max_unreadable_share=0.4))
    strict = replace(run, data=replace(run.data, max_unreadable_share=0.1))
    for _ in range(2):
        with pytest.raises(TooManyUnreadableError, match=r"start again .*, allow .*, or delete"):
            pretrain(strict)
    for path, data in content.items():
        path.write_bytes(data)
    said = []
    with logging_to(said.append):
        pretrain(run)
    # two of the four were never met, so they are other files to a run that has no checkpoint yet
    assert any("in place of another run" in line for line in said)
    assert not {line["path"] for line in listed(tmp_path / "run")} & set(map(str, paths))


def test_a_run_with_checkpoints_goes_on_after_a_repair_but_not_with_other_files(videos, tmp_path):
    mine = tmp_path / "videos"
    shutil.copytree(videos, mine)
    broken, other = sorted(mine.rglob("*.mp4"))[10:12]
    content = broken.read_bytes()
    broken.write_bytes(b"")
    run = small(mine, tmp_path / "run", epochs=2.0, workers=0)
    pretrain(run)
    assert str(broken) in {line["path"] for line in listed(tmp_path / "run")}
    broken.write_bytes(content)
    said = []
    with logging_to(said.append):
        pretrain(run)
    assert any("retried  1 unreadable video that changed" in line for line in said)
    assert not any("earlier" in line for line in said)
    other.write_bytes(content)
    with pytest.raises(ConfigError, match=r"other files at .*1 of 15 that were looked at differ"):
        pretrain(run)


def test_one_bad_window_costs_no_other_window(tmp_path):
    draw = np.random.default_rng(0)
    for video in range(2):
        folder = tmp_path / "frames" / f"v{video}"
        folder.mkdir(parents=True)
        for number in range(100):
            pixels = draw.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"img_{number:05}.jpg")
    os.remove(tmp_path / "frames" / "v0" / "img_00095.jpg")
    windows = [f"frames/v{video} {first} 10" for video in range(2) for first in range(0, 100, 10)]
    (tmp_path / "list.txt").write_text("\n".join(windows) + "\n")
    run = small(tmp_path / "list.txt", tmp_path / "run", epochs=8.0, interval=100, workers=0)
    source = replace(run.data.sources[0], layout="pretrain-list")
    run = replace(run, data=replace(run.data, sources=(source,), max_unreadable_share=0.06))
    pretrain(run)
    (line,) = listed(tmp_path / "run")
    assert line["window"] == "[90:100]"
    assert max(holes(tmp_path / "run").values()) == 1
