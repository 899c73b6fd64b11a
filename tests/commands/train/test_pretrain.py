import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace

import pytest
import torch
from PIL import Image

from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import (
    kill_after,
    losses,
    small_run,
    small_videos,
    start,
    stop_after,
)
from tests.helpers.videos import encode, numbered
from videomae2.commands.train.dry_run import summarize_job
from videomae2.commands.train.pretrain import load_job, pretrain
from videomae2.config.files import save_config
from videomae2.config.runs import LoggingConfig
from videomae2.errors import CheckpointError, ConfigError, Interrupted, TooManyUnreadableError
from videomae2.models.weights.resolve import load_autoencoder


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """The losses of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    pretrain(small_run(videos, folder))
    return losses(folder)


def test_a_run_trains_saves_and_can_be_loaded(videos, tmp_path):
    said = []
    with logging_to(said.append):
        last = pretrain(small_run(videos, tmp_path / "run"))
    assert last.name == "step-00000006"
    assert sorted(losses(tmp_path / "run")) == list(range(6))
    model, card = load_autoencoder(tmp_path / "run", torch.device("cpu"))
    assert card.metadata["step"] == 6
    assert model.cubes.grid == (2, 4, 4)
    assert any("16 videos" in line for line in said)


def test_a_finished_run_has_nothing_more_to_do(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    first = pretrain(run)
    before = losses(tmp_path / "run")
    assert pretrain(run) == first
    assert losses(tmp_path / "run") == before


def test_another_number_of_workers_changes_nothing(videos, whole, tmp_path):
    run = small_run(videos, tmp_path / "run")
    pretrain(replace(run, reading=replace(run.reading, num_workers=2)))
    assert losses(tmp_path / "run") == whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_in_the_middle_of_an_epoch_it_goes_on_to_the_same_losses(
    videos, whole, tmp_path, number
):
    run = small_run(videos, tmp_path / "run")
    run = replace(run, checkpoint=replace(run.checkpoint, interval=100))
    with pytest.raises(Interrupted, match=number.name), logging_to(stop_after(1, number)):
        pretrain(run)
    done = len(losses(tmp_path / "run"))
    assert done % 2 == 1, "an epoch has two steps"
    pretrain(run)
    assert losses(tmp_path / "run") == whole


def test_another_configuration_is_refused_with_the_difference(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    pretrain(run)
    other = replace(run, seed=1, optim=replace(run.optim, lr=0.5))
    with pytest.raises(ConfigError) as caught:
        pretrain(other)
    assert "optim.lr: 0.01 before → 0.5 now" in str(caught.value)
    assert "seed: 0 before → 1 now" in str(caught.value)
    free = replace(run, logging=LoggingConfig(interval=1))
    pretrain(free)


def test_other_videos_in_the_folder_are_refused(tmp_path):
    videos = small_videos(tmp_path / "videos")
    run = small_run(videos, tmp_path / "run")
    pretrain(run)
    next(videos.rglob("*.mp4")).unlink()
    with pytest.raises(ConfigError, match="16 before → 15 now, not the same list"):
        pretrain(run)


def test_two_processes_cannot_share_a_run_folder(videos, tmp_path):
    from videomae2.base.lock import FolderLock

    (tmp_path / "run").mkdir()
    with FolderLock(tmp_path / "run"), pytest.raises(CheckpointError, match="another process"):
        pretrain(small_run(videos, tmp_path / "run"))


def test_a_run_folder_that_cannot_be_written_is_an_error_before_training(videos, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((CheckpointError, ConfigError), match="file"):
        pretrain(small_run(videos, tmp_path / "file" / "run"))


def test_a_failed_save_is_said_and_training_goes_on(videos, tmp_path, monkeypatch):
    from videomae2.commands.train import resume as module

    real, tries, said = module.save_model, [], []

    def sometimes(folder, state, card):
        tries.append(folder)
        if len(tries) == 1:
            raise OSError(28, "No space left on device")
        real(folder, state, card)

    monkeypatch.setattr(module, "save_model", sometimes)
    with logging_to(said.append):
        pretrain(small_run(videos, tmp_path / "run"))
    assert any("No space left" in line and "training goes on" in line for line in said)
    assert len(losses(tmp_path / "run")) == 6


BREAKERS = {
    "empty": lambda data: b"",
    "text": lambda data: b"this is no video\n" * 50,
    "html": lambda data: b"<!DOCTYPE html><html>404</html>",
    "random": lambda data: random.Random(0).randbytes(4000),
    "half": lambda data: data[: len(data) // 2],
    "head only": lambda data: data[:64],
    "zeroed": lambda data: bytes(len(data)),
    "hole": lambda data: data[:48] + bytes(len(data) - 48),
    "pointer": lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
}


def write_endless(path):
    """The head of an AVI, then a terabyte of nothing that takes no room: its search has no end."""
    encode(path, frames=3, container="avi", options={"bf": "0"})
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    os.truncate(path, 1 << 40)


@pytest.fixture
def broken(videos, tmp_path):
    """200 videos of which one in twenty is broken, each in another way."""
    folder = tmp_path / "videos"
    for path in sorted(videos.rglob("*.mp4")):
        folder.joinpath(path.parent.name).mkdir(parents=True, exist_ok=True)
        for copy in range(13):
            shutil.copy(path, folder / path.parent.name / f"{path.stem}-{copy:02}.mp4")
    for path in sorted(folder.rglob("*.mp4"))[200:]:
        path.unlink()
    *bad, endless = sorted(folder.rglob("*.mp4"))[::20]
    for path, breaker in zip(bad, BREAKERS.values(), strict=True):
        path.write_bytes(breaker(path.read_bytes()))
    write_endless(endless)
    return folder, [*bad, endless]


def listed_as_unreadable(folder):
    lines = (folder / "unreadable.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert len({entry["path"] for entry in entries}) == len(entries)
    return {entry["path"]: entry["reason"] for entry in entries}


def test_broken_files_of_ten_kinds_are_left_out_and_listed(broken, tmp_path):
    folder, bad = broken
    run = small_run(folder, tmp_path / "run", epochs=1.0)
    run = replace(run, reading=replace(run.reading, num_workers=1, timeout_seconds=3.0))
    said = []
    with logging_to(said.append):
        pretrain(run)
    listed = listed_as_unreadable(tmp_path / "run")
    assert said[-1].startswith("skipped  10 of 200 videos, which cannot be read, each with its ")
    assert said[-1].endswith("run/unreadable.jsonl")
    assert set(listed) == {str(path) for path in bad}
    assert len(listed) == 10
    assert all(listed.values())
    assert "longer than" in listed[str(bad[-1])]
    assert len(losses(tmp_path / "run")) == 25
    assert all(loss is not None for loss, _ in losses(tmp_path / "run").values())


def test_a_pipe_that_a_list_names_is_left_out_and_listed(videos, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    paths = [*sorted(videos.rglob("*.mp4"))[:15], tmp_path / "pipe.mp4"]
    (tmp_path / "list.txt").write_text("".join(f"{path} 0 -1\n" for path in paths))
    pretrain(small_run(tmp_path / "list.txt", tmp_path / "run", epochs=1.0))
    listed = listed_as_unreadable(tmp_path / "run")
    assert set(listed) == {str(paths[-1])}
    assert "wanted a file or a folder" in listed[str(paths[-1])]


def test_a_folder_of_frames_with_broken_images_is_listed_once(tmp_path):
    for video in range(16):
        folder = tmp_path / "frames" / f"video{video:02}"
        folder.mkdir(parents=True)
        for number in range(8):
            Image.fromarray(numbered(number)).save(folder / f"img_{number:05}.jpg")
    for number in range(8):
        (folder / f"img_{number:05}.jpg").write_text("no image")
    run = small_run(tmp_path / "frames", tmp_path / "run", epochs=3.0)
    pretrain(run)
    listed = listed_as_unreadable(tmp_path / "run")
    assert set(listed) == {str(folder)}
    assert re.match(r"img_0000\d\.jpg: this image cannot be read", listed[str(folder)])


@pytest.mark.slow
def test_too_many_broken_files_stop_the_run(broken, tmp_path):
    folder, _ = broken
    run = small_run(folder, tmp_path / "run", epochs=2.0)
    run = replace(run, data=replace(run.data, max_unreadable_share=0.01))
    with pytest.raises(TooManyUnreadableError, match=r"max-unreadable-share 0\.01"):
        pretrain(run)


def test_the_plan_is_told_before_anything_runs(videos, tmp_path):
    text = str(summarize_job(load_job(small_run(videos, tmp_path / "run"))))
    for part in ("16 videos", "6 of 8 videos x 2 views in 2 parts", "4 cubes seen", "16 asked for"):
        assert part in text
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_killed_twice_while_it_trains_it_ends_with_the_same_losses(videos, tmp_path):
    pretrain(small_run(videos, tmp_path / "whole", epochs=16.0))
    run = small_run(videos, tmp_path / "run", epochs=16.0)
    save_config(run, tmp_path / "config.yaml")
    for lines in (1, 2):
        kill_after(start(tmp_path / "config.yaml", subprocess.PIPE), lines)
    assert 0 < len(losses(tmp_path / "run")) < 32
    pretrain(run)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_twenty_times_at_random_it_ends_with_the_same_losses(videos, tmp_path):
    pretrain(small_run(videos, tmp_path / "whole", epochs=150.0))
    run = small_run(videos, tmp_path / "run", epochs=150.0)
    config = tmp_path / "config.yaml"
    save_config(run, config)
    moment, kills = random.Random(1), 0
    while kills < 20:
        process = start(config)
        time.sleep(2.0 + moment.random() * 1.5)  # the moment of the kill is what is tested
        alive = process.poll() is None
        process.kill()
        process.communicate()
        kills += alive
        if not alive:
            break
    process = start(config)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()
    assert kills == 20
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")
