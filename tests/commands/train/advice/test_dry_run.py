"""What dry runs say of short and broken videos, and of what a run costs."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.finetune_runs import class_folders, small_finetune
from tests.helpers.pretrain_runs import small_run, small_videos
from videomae2.commands.train import finetune, pretrain
from videomae2.commands.train.advice import step_cost
from videomae2.commands.train.advice.step_cost import summarize_cost
from videomae2.commands.train.dry_run import preview_cost
from videomae2.data.video.writer import write_video
from videomae2.training.runtime import resolve_runtime


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))  # of 12 frames


def said_of(run):
    return preview_cost(pretrain.load_job(run)).to_dict()


def with_sampling(run, **changed):
    source = replace(run.data.sources[0], **changed)
    return replace(run, data=replace(run.data, sources=(source,)))


@pytest.mark.parametrize(
    ("sampling", "frames", "said"),
    [
        ({"frame_interval": 2.0}, 4, "no frame of a clip repeats; 16 videos looked at have 12 fra"),
        ({"frame_interval": 6.0}, 4, "2 of 4 frames of a clip repeat on average, in 16 of 16 vid"),
        ({"frame_sampling": "whole", "frame_interval": 4.0}, 12, "1.9 of 12 frames of a clip rep"),
        ({"frame_sampling": "tsn", "frame_interval": 4.0}, 16, "4 of 16 frames of a clip repeat"),
    ],
)
def test_frames_that_repeat_are_counted(videos, tmp_path, sampling, frames, said):
    run = with_sampling(small_run(videos, tmp_path / "run"), **sampling)
    model = replace(run.model, encoder=replace(run.model.encoder, frames=frames))
    (text,) = said_of(replace(run, model=model))["frames"]
    assert re.match(said, text), text
    assert not (tmp_path / "run").exists()


def test_at_most_32_videos_are_opened_and_broken_ones_said(tmp_path):
    for number in range(40):
        frames = np.zeros((4 + number % 2, 32, 32, 3), np.uint8)
        write_video(tmp_path / "v" / f"{number:02d}.mp4", frames, rate=8) if number % 4 else (
            (tmp_path / "v").mkdir(exist_ok=True),
            (tmp_path / "v" / f"{number:02d}.mp4").write_bytes(b"no video"),
        )
    said = said_of(small_run(tmp_path / "v", tmp_path / "run"))
    assert "32 videos looked at" in said["frames"][0]
    assert "4 to 5 frames in all" in said["frames"][0]
    assert re.match(
        r"\d+ of 32 videos looked at cannot be read, such as: .*\.mp4", said["warning"][0]
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_reading_processes_open_them(videos, tmp_path, workers):
    run = small_run(videos, tmp_path / "run")
    run = replace(run, reading=replace(run.reading, num_workers=workers, timeout_seconds=30.0))
    assert "16 videos looked at" in said_of(run)["frames"][0]


def test_time_is_that_of_the_steps_to_come(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    (text,) = said_of(run)["time"]
    assert re.match(r"about \d+ s of computing here, [\d.e-]+ s a step of 16 random clips", text)


@pytest.mark.parametrize("task", [{}, {"balance": 0.5}, {"label_smoothing": 0.1}])
def test_supervised_steps_are_measured_too(tmp_path, task):
    run = small_finetune(class_folders(tmp_path), tmp_path / "run")
    run = replace(run, task=replace(run.task, **task))
    (text,) = preview_cost(finetune.load_job(run)).to_dict()["time"]
    assert "s a step of 8 random clips" in text


def test_what_takes_too_long_is_not_measured(videos, tmp_path, monkeypatch):
    job = pretrain.load_job(small_run(videos, tmp_path / "run"))
    monkeypatch.setattr(step_cost, "_MAX_CLIP_FLOPS", {"cpu": 1.0})
    said = str(summarize_cost(job, 10, resolve_runtime(job.run.runtime)))
    assert "not measured: a step would take more than 3 s" in said


def test_what_comes_before_the_steps_is_no_step(videos, tmp_path, monkeypatch):
    """The first optimizer of a process imports for seconds."""
    late, now, build = [0.0], time.perf_counter, step_cost.build_optimizer

    def build_late(*args):
        late[0] = 10.0
        return build(*args)

    monkeypatch.setattr(step_cost, "build_optimizer", build_late)
    monkeypatch.setattr(step_cost.time, "perf_counter", lambda: now() + late[0])
    (text,) = said_of(small_run(videos, tmp_path / "run"))["time"]
    assert "s a step of 16 random clips" in text
