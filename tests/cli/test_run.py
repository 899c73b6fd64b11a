import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import small_videos
from videomae2.cli import run as command
from videomae2.cli.main import main
from videomae2.commands.pipeline.file import load_pipeline_file
from videomae2.commands.pipeline.load import STAGE_TYPES, load_pipeline
from videomae2.commands.pipeline.run import run_pipeline
from videomae2.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "pipeline.md"
TINY = """name: tiny
stages:
  pretrained:
    kind: pretrain
    recipe: own-cpu
    videos: videos/train
    settings: &tiny
      runtime: {device: cpu, precision: fp32}
      reading: {num_workers: 0}
      model:
        encoder: {frames: 4, height: 32, width: 32, embed_dim: 24, depth: 1, num_heads: 2}
        decoder: {depth: 1, embed_dim: 16, num_heads: 2}
      optim: {epochs: 1, warmup_epochs: 0, global_batch_size: 8}
  more:
    kind: pretrain
    recipe: own-cpu
    videos: videos/train
    settings:
      <<: *tiny
      seed: 1
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"), count=10).parent


@pytest.fixture
def place(videos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("videos").symlink_to(videos)
    Path("p.yaml").write_text(TINY)
    return tmp_path


def test_the_example_is_a_pipeline_of_the_kinds_that_there_are(capsys, tmp_path):
    assert main(["run", "--example"]) == 0
    path = tmp_path / "pipeline.yaml"
    path.write_text(capsys.readouterr().out)
    stages = load_pipeline_file(path).stages
    assert {stage.kind for stage in stages} == set(STAGE_TYPES)
    with pytest.raises(ConfigError) as caught:
        load_pipeline(path, command.RUN_RECIPES)
    assert all("does not exist" in problem for problem in caught.value.problems)
    assert f"```yaml\n{path.read_text()}```" in PAGE.read_text()
    assert yaml.safe_load(path.read_text())["name"] == "example"


def test_without_a_file_it_says_where_to_get_one(capsys):
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "videomae2: error: no file is named; videomae2 run --example prints one to start from\n"
    )


def test_a_dry_run_shows_the_plan_and_does_nothing(capsys, place):
    assert main(["run", "p.yaml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("pipeline tiny in runs/tiny, 2 stages\n\npretrained (pretrain own-cpu)")
    assert said.count("\n  run      not begun\n  videos   train: 8 videos") == 2
    assert main(["run", "p.yaml", "--dry-run", "--json", "--until", "pretrained"]) == 0
    (stage,) = json.loads(capsys.readouterr().out)["stages"]
    assert (stage["stage"], stage["action"], stage["reason"]) == ("pretrained", "run", "not begun")
    assert not Path("runs").exists()


def test_it_runs_and_prints_a_table_or_json(capsys, place):
    assert main(["run", "p.yaml", "--out", "here", "--until", "pretrained"]) == 0
    said = capsys.readouterr().out
    assert "\n== stage 1 of 1: pretrained (pretrain own-cpu)\nrun      not begun\n" in said
    assert said.splitlines()[-1].startswith("total    ")
    assert main(["run", "p.yaml", "--out", "here", "--json"]) == 0
    said = capsys.readouterr()
    stages = json.loads(said.out)["stages"]
    assert [stage["action"] for stage in stages] == ["cached", "run"]
    assert stages[0]["result"] == "here/pretrained/checkpoints/step-00000001"
    assert "loss" in stages[1]["metrics"]
    assert "step 1/1" in said.err


def test_stopped_it_ends_with_75_and_the_same_command_goes_on(capsys, place, monkeypatch):
    def stopped(pipeline, **span):
        def heard(line):
            if line.startswith("\n== stage 2"):
                os.kill(os.getpid(), signal.SIGTERM)

        with logging_to(heard):
            return run_pipeline(pipeline, **span)

    with monkeypatch.context() as patch:
        patch.setattr("videomae2.commands.pipeline.run.run_pipeline", stopped)
        assert main(["run", "p.yaml"]) == 75
    said = capsys.readouterr().err
    assert said == (
        "videomae2: stage more: asked to stop by SIGTERM; what is saved is kept; the same command "
        "goes on\n"
    )
    assert main(["run", "p.yaml"]) == 0
    assert "cached   finished, unchanged" in capsys.readouterr().out
