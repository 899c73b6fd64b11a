"""A run that goes on, or says why it cannot."""

import errno
import shutil
import signal
from dataclasses import replace

import pytest
import torch

from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import small_run, small_videos, stop_after
from videomae2.base.files import DIGESTS_FILE
from videomae2.commands.train.pretrain import pretrain
from videomae2.errors import CheckpointError, ConfigError, Interrupted
from videomae2.tensors.files import load_tensors, save_tensors
from videomae2.training import runtime


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


def test_another_precision_is_refused_even_if_auto_chose_it(videos, tmp_path, monkeypatch):
    run = small_run(videos, tmp_path / "run")
    run = replace(run, runtime=replace(run.runtime, precision="auto"))
    monkeypatch.setattr(runtime, "bf16_is_fast", lambda device: False)
    pretrain(run)
    pretrain(run)
    monkeypatch.setattr(runtime, "bf16_is_fast", lambda device: True)
    with pytest.raises(ConfigError, match=r"runtime\.precision: fp32 before → bf16 now"):
        pretrain(run)
    pretrain(replace(run, runtime=replace(run.runtime, precision="fp32")))


def full_disk(monkeypatch, *, failing):
    """Make the saves with these numbers, from 1, fail as safetensors does on a full disk."""
    from videomae2.commands.train import resume as module

    real, tries = module.save_model, []

    def sometimes(folder, state, card):
        tries.append(folder)
        real(folder, state, card)
        if len(tries) in failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_model", sometimes)


@pytest.mark.parametrize(
    ("interval", "failing", "start", "error"),
    [(2, (2, 3), "at step 2", Interrupted), (100, (1,), "from the beginning", CheckpointError)],
)
def test_stopped_on_a_full_disk_it_says_that_nothing_was_saved(
    videos, tmp_path, monkeypatch, interval, failing, start, error
):
    full_disk(monkeypatch, failing=failing)
    run = small_run(videos, tmp_path / "run", epochs=5.0)
    run = replace(run, checkpoint=replace(run.checkpoint, interval=interval))
    after = stop_after(1 if interval == 100 else 2, signal.SIGTERM)
    message = f"by SIGTERM, but .*No space left.* start {start}"
    with pytest.raises(error, match=message), logging_to(after):
        pretrain(run)
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_resume_goes_on_where_there_is_a_checkpoint(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"nothing to resume: .*run does not exist"):
        pretrain(run, resume=True)
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    with pytest.raises(CheckpointError, match=r"nothing to resume: .*run has no checkpoint"):
        pretrain(run, resume=True)
    last = pretrain(run)
    assert pretrain(run, resume=True) == last


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_a_broken_checkpoint_is_refused_with_the_way_out(videos, tmp_path, name):
    run = small_run(videos, tmp_path / "run")
    last = pretrain(run)
    before = last.with_name("step-00000004")
    broken = last / name
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(CheckpointError, match=f"{name}.*delete {last} .* step 4 from {before}"):
        pretrain(run)
    shutil.rmtree(last)
    shutil.copytree(before, tmp_path / "copy")
    (before / "optimizer.safetensors").unlink()
    with pytest.raises(CheckpointError, match=f"only checkpoint: delete {before} to start"):
        pretrain(run)
    shutil.rmtree(before)
    shutil.copytree(tmp_path / "copy", before)
    assert pretrain(run) == last


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda means: means.popitem(), "is missing"),
        (lambda means: means.update(more=torch.zeros(1)), "more is not of this model"),
        (lambda means: means.update({name: v[None] for name, v in means.items()}), r"want \("),
    ],
)
def test_a_mean_of_another_model_is_refused_with_the_way_out(videos, tmp_path, damage, problem):
    run = small_run(videos, tmp_path / "run", epochs=1.0)
    run = replace(run, optim=replace(run.optim, ema_decay=0.9))
    last = pretrain(run)
    means = load_tensors(last / "ema.safetensors")
    damage(means)
    save_tensors(last / "ema.safetensors", means)
    (last / DIGESTS_FILE).unlink()
    with pytest.raises(CheckpointError, match=rf"(?s)ema\..*{problem}.*delete {last} to start"):
        pretrain(run)
