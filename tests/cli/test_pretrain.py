import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from videomae2.base.summary import Summary
from videomae2.cli import run_options, train
from videomae2.cli.main import main
from videomae2.config.files import save_config
from videomae2.errors import ConfigError
from videomae2.recipes.table import RECIPES

COMMAND = train.build_pretrain_command()


def resolve(words, flags):
    return run_options.resolve_run(COMMAND, words, flags)


def change_command(monkeypatch, **changes):
    monkeypatch.setattr(train, "build_pretrain_command", lambda: replace(COMMAND, **changes))


@pytest.fixture
def videos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return "videos"


def test_without_a_recipe_it_lists_them(capsys):
    assert main(["pretrain"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in RECIPES)


def test_a_misspelt_recipe_suggests_the_nearest(capsys):
    assert main(["pretrain", "onw", "x"]) == 2
    assert "there is no recipe 'onw'; did you mean own?" in capsys.readouterr().err


def test_a_recipe_alone_asks_for_videos(capsys):
    assert main(["pretrain", "own"]) == 2
    said = capsys.readouterr().err
    assert said == ("videomae2: error: no videos are named; try videomae2 pretrain own FOLDER\n")


def test_videos_may_be_called_as_the_help_calls_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "VIDEOS" / "more").mkdir(parents=True)
    for name in ("VIDEOS", "VIDEOS/more"):
        _, run = resolve(["own", name], [])
        assert [source.path for source in run.data.sources] == [Path(name)]
    _, run = resolve(["own"], ["--data.sources.0.path", "VIDEOS"])
    assert run.data.sources[0].path == Path("VIDEOS")
    assert main(["pretrain", "own", "--help"]) == 0
    assert "VIDEOS" in capsys.readouterr().out


def test_a_recipe_and_videos_are_a_run():
    launch, run = resolve(["own", "a", "b"], [])
    assert run == RECIPES["own"]([Path("a"), Path("b")], Path("runs/own"))
    assert not launch.dry_run


def test_flags_change_leaves():
    flags = ["--optim.epochs", "5", "--data.sources.1.frame-interval", "2", "--out", "here"]
    launch, run = resolve(["own", "a", "b"], [*flags, "--optim.clip_norm=0.5", "--dry-run"])
    assert (run.optim.epochs, run.optim.clip_norm) == (5.0, 0.5)
    assert [source.frame_interval for source in run.data.sources] == [7.5, 2.0]
    assert run.output_dir == Path("here")
    assert launch.dry_run


def test_flags_come_before_the_file_and_the_file_before_the_recipe(tmp_path):
    file = tmp_path / "part.yaml"
    file.write_text("optim: {epochs: 5, warmup_epochs: 1}\noutput_dir: there\n")
    _, run = resolve(["own", "a"], ["--config", str(file), "--optim.warmup-epochs", "2"])
    assert (run.optim.epochs, run.optim.warmup_epochs, run.optim.global_batch_size) == (
        5.0,
        2.0,
        64,
    )
    assert run.output_dir == Path("there")
    _, run = resolve(["own", "a"], [f"--config={file}", "--out", "here"])
    assert run.output_dir == Path("here")


def test_a_complete_file_needs_no_recipe(tmp_path):
    run = RECIPES["own-cpu"]([Path("a")], Path("out"))
    save_config(run, tmp_path / "run.yaml")
    assert resolve([], ["--config", str(tmp_path / "run.yaml")])[1] == run


def test_a_file_can_name_the_videos(tmp_path):
    (tmp_path / "part.yaml").write_text("data: {sources: [{path: mine}]}\n")
    _, run = resolve(["own"], ["--config", str(tmp_path / "part.yaml")])
    assert (run.data.sources[0].path, run.data.sources[0].frame_interval) == (Path("mine"), 7.5)


def test_videos_are_not_named_twice(tmp_path):
    (tmp_path / "part.yaml").write_text("data: {sources: [{path: mine}]}\n")
    with pytest.raises(ConfigError, match="videos are named both here and in"):
        resolve(["own", "a"], ["--config", str(tmp_path / "part.yaml")])


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--optim.epoch", "5"], "--optim.epoch is not known; did you mean --optim.epochs?"),
        (
            ["--optim.global-batch-size", "many"],
            "--optim.global-batch-size wants a whole number, found 'many'",
        ),
        (["--out"], "--out wants a value"),
        (["--config", "no.yaml"], "no.yaml does not exist"),
        (["--runtime.precision", "fp8"], "--runtime.precision wants one of 'auto', 'bf16', 'fp32'"),
    ],
)
def test_a_wrong_flag_is_one_line(capsys, flags, problem):
    assert main(["pretrain", "own", "a", *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"videomae2: error: {problem}")
    assert said.count("\n") == 1


def test_problems_are_said_before_any_work(capsys, videos):
    flags = ["--optim.global-batch-size", "30", "--model.encoder.width", "100", "--dry-run"]
    assert main(["pretrain", "own", videos, *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith("videomae2: error: 2 problems:\n")
    assert (
        "--optim.global-batch-size 30 does not split into micro-batches of 16; 16 or 32 would"
        in said
    )
    assert "--model.encoder.width 100 does not split into cubes of 16; 96 or 112 would" in said
    assert not Path("runs").exists()


def test_a_dry_run_shows_the_plan_and_trains_nothing(capsys, videos, monkeypatch):
    change_command(monkeypatch, dry_run=lambda run: f"plan for {run.output_dir}")
    assert main(["pretrain", "own", videos, "--dry-run"]) == 0
    assert capsys.readouterr().out == "plan for runs/own\n"
    assert not Path("runs").exists()


def test_a_plan_as_json(capsys, videos, monkeypatch):
    plan = Summary((("steps", "one\ntwo"),))
    change_command(monkeypatch, dry_run=lambda run: plan)
    assert main(["pretrain", "own", videos, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"plan": {"steps": ["one", "two"]}}


def test_without_dry_run_it_trains(videos, monkeypatch):
    seen = []
    change_command(monkeypatch, train=lambda run, resume: seen.append(run))
    assert main(["pretrain", "own", videos]) == 0
    assert seen == [RECIPES["own"]([Path(videos)], Path("runs/own"))]


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_resume_wants_something_to_resume(capsys, videos, more):
    Path(videos, "a.mp4").write_bytes(b"")
    assert main(["pretrain", "own", videos, "--out", "runs/onw", "--resume", *more]) == 2
    said = capsys.readouterr().err
    assert "there is nothing to resume: runs/onw does not exist; correct --out" in said
    assert not Path("runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_a_dry_run_refuses_a_device_that_is_not_there(capsys, videos):
    Path(videos, "a.mp4").write_bytes(b"")
    flags = [
        "--runtime.device",
        "cuda",
        "--optim.global-batch-size",
        "1",
        "--optim.micro-batch-size",
        "1",
    ]
    assert main(["pretrain", "own", videos, "--dry-run", *flags]) == 2
    assert "device 'cuda' is not there" in capsys.readouterr().err


def test_a_dry_run_tells_device_and_precision(capsys, videos):
    Path(videos, "a.mp4").write_bytes(b"")
    flags = ["--runtime.device", "cpu", "--runtime.precision", "bf16"]
    flags += ["--optim.global-batch-size", "1", "--optim.micro-batch-size", "1"]
    assert main(["pretrain", "own", videos, "--dry-run", *flags]) == 0
    assert re.search(r"cpu \(\d+ threads?\), bf16\n", capsys.readouterr().out)


@pytest.mark.parametrize("recipe", ["own", "hybrid-giant"])
def test_help_of_a_recipe_shows_settings_and_examples(capsys, recipe):
    assert main(["pretrain", recipe, "--help"]) == 0
    said = capsys.readouterr().out
    for text in (
        "Source: ",
        "--optim.epochs",
        "--data.sources.0.frame-interval",
        "--dry-run",
        "default: ",
    ):
        assert text in said
    assert said.split("examples:\n")[1].startswith(f"  videomae2 pretrain {recipe} ")


@pytest.mark.parametrize(
    ("recipe", "flags", "lengths"),
    [
        ("own", ["--optim.steps", "500"], (None, 500, 20.0, None)),
        ("own", ["--optim.steps=500", "--optim.warmup_steps=5"], (None, 500, None, 5)),
        ("own", ["--optim.epochs", "3"], (3.0, None, 20.0, None)),
        ("own-cpu", ["--optim.epochs", "3"], (3.0, None, None, 450)),
        ("own-cpu", ["--optim.epochs", "3", "--optim.steps", "4"], (3.0, 4, None, 450)),
    ],
)
def test_a_length_takes_the_place_of_the_recipes(recipe, flags, lengths):
    _, run = resolve([recipe, "a"], flags)
    optim = run.optim
    assert (optim.epochs, optim.steps, optim.warmup_epochs, optim.warmup_steps) == lengths
