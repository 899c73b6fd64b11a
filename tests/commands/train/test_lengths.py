"""Runs whose length is said in steps: as in epochs, stopped and resumed, and of few videos."""

import signal
from dataclasses import replace

import pytest
import torch

from tests.helpers.finetune_runs import class_folders, small_finetune
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import losses, small_run, small_videos, stop_after
from videomae2.commands.train.dry_run import summarize_job
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import load_job, pretrain
from videomae2.errors import ConfigError, Interrupted


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


def in_steps(run, steps, warmup_steps, **changed):
    lengths = {"epochs": None, "warmup_epochs": None, "steps": steps, "warmup_steps": warmup_steps}
    return replace(run, optim=replace(run.optim, **lengths, **changed))


def test_as_many_steps_are_the_same_run_and_resume_to_the_bit(videos, tmp_path):
    epochs = small_run(videos, tmp_path / "epochs")
    pretrain(epochs)
    run = in_steps(small_run(videos, tmp_path / "steps"), 6, 2)
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        pretrain(run)
    assert 0 < len(losses(tmp_path / "steps")) < 6
    pretrain(run)
    assert losses(tmp_path / "steps") == losses(tmp_path / "epochs")


def test_steps_need_not_fill_an_epoch(videos, tmp_path):
    run = in_steps(small_run(videos, tmp_path / "run"), 3, 0)
    assert pretrain(run).name == "step-00000003"


def test_a_run_goes_on_in_the_unit_it_was_begun_in(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    pretrain(run)
    with pytest.raises(ConfigError, match=r"optim\.steps"):
        pretrain(in_steps(run, 6, 2))


def test_of_fewer_videos_than_a_batch_all_are_a_step(tmp_path):
    videos = small_videos(tmp_path / "few", count=5)  # 4 to train on
    run = in_steps(small_run(videos, tmp_path / "run"), 5, 1, micro_batch_size=None)
    with pytest.raises(ConfigError, match=r"an epoch has 4 videos .*--optim.allow-smaller-batch"):
        pretrain(run)
    run = replace(run, optim=replace(run.optim, allow_smaller_batch=True))
    assert "5 of 4 videos x 2 views, 5 epochs" in str(summarize_job(load_job(run)))
    pretrain(run)
    assert sorted(losses(tmp_path / "run")) == list(range(5))


def test_a_warmup_in_epochs_may_be_too_long_for_the_steps(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    run = replace(run, optim=replace(run.optim, epochs=None, steps=1))
    with pytest.raises(ConfigError, match=r"rise for 2 steps \(--optim.warmup-epochs 1\)"):
        pretrain(run)
    assert not (tmp_path / "run").exists()


def test_supervised_training_counts_steps_too(tmp_path):
    run = in_steps(small_finetune(class_folders(tmp_path), tmp_path / "run"), 3, 1)
    finetune(run)
    assert sorted(losses(tmp_path / "run")) == [0, 1, 2]


def test_small_steps_are_computed_by_one_thread_and_the_plan_says_so(videos, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, lines = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        with logging_to(lambda line: lines.append((line, torch.get_num_threads()))):
            pretrain(small_run(videos, tmp_path / "run"))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    (plan,) = (line for line, _ in lines if "device " in line)
    assert "cpu (1 thread), fp32; its steps are too small for 3 threads (--runtime.thre" in plan
    assert {number for line, number in lines if line.startswith("step ")} == {1}
