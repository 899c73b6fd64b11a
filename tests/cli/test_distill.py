"""The command line of distillation: what it lists, asks for, shows and refuses."""

import json
from pathlib import Path

import pytest
import torch

from tests.helpers.distill_runs import make_teacher
from tests.helpers.finetune_runs import CLASSES, class_folders
from videomae2.cli import run_options
from videomae2.cli.main import main
from videomae2.cli.train import build_distill_command
from videomae2.models.weights.resolve import load_classifier
from videomae2.recipes.table import DISTILL_RECIPES

SMALL = [
    "--reading.num-workers=0",
    "--optim.global-batch-size=4",
    "--optim.epochs=1",
    "--optim.warmup-epochs=0",
    "--runtime.device=cpu",
    *(
        f"--model.encoder.{name}={value}"
        for name, value in {
            "height": 32, "width": 32, "frames": 4, "embed_dim": 24, "num_heads": 2, "depth": 1
        }.items()
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    class_folders(folder)
    make_teacher(folder / "teacher", channels=1, card={"mean": (0.45,), "std": (0.225,)})
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)


def test_without_a_recipe_it_lists_them(capsys):
    assert main(["distill"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in DISTILL_RECIPES)


def test_a_teacher_is_asked_for(capsys):
    assert main(["distill", "own", "v", "--dry-run"]) == 2
    assert "error: --teacher.weights is missing; it wants a fine-tu" in capsys.readouterr().err


def test_flags_reach_teacher_and_student():
    flags = "--teacher.weights t --teacher.cache-dir c --init.weights s --no-labelled"
    _, run = run_options.resolve_run(
        build_distill_command(), ["own", "v"], [*flags.split(), "--task.temperature", "2"]
    )
    assert (run.teacher.weights, run.teacher.cache_dir) == (Path("t"), Path("c"))
    assert (run.init.weights, run.labelled) == (Path("s"), False)
    assert run.task.temperature == 2
    assert run.output_dir == Path("runs/own-distill")


def test_a_dry_run_shows_the_plan(capsys):
    words = ["distill", "own-cpu", "v", "--teacher.weights", "teacher", *SMALL, "--dry-run"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"classes  3: {', '.join(CLASSES)}" in said
    assert "teacher  teacher (as named; weights as saved): tiny" in said
    assert "it was trained on clips of another span than these have" in said
    assert "student  tiny, " in said
    assert "\nstart    from scratch\n" in said
    assert not Path("runs").exists()


def test_a_dry_run_loads_the_parent_of_the_student(capsys):
    words = ["distill", "own-cpu", "v", "--teacher.weights", "teacher", *SMALL, "--dry-run"]
    assert main([*words, "--init.weights", "teacher"]) == 2
    said = capsys.readouterr().err
    assert "--model.encoder.embed-dim 32 --model.encoder.depth 2" in said


def test_another_size_of_clips_says_both(capsys):
    assert main(["distill", "own-cpu", "v", "--teacher.weights", "teacher", "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert "reads clips of 16x32x32" in said
    assert "reads 4x32x32 of 1 channels" in said


def test_it_distills(capsys):
    words = ["distill", "own-cpu", "v", "--teacher.weights", "teacher", *SMALL, "--out", "run"]
    assert main(words) == 0
    assert "best     run/best, of step" in capsys.readouterr().out
    _, card = load_classifier(Path("run"), torch.device("cpu"))
    assert card.class_names == CLASSES
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    model = json.loads(out)["model"]
    assert model["folder"] == "run/best"
    assert 0 <= model["validation"]["accuracy"] <= 1
    assert "best     run/best, of step" in err


def test_help_shows_settings_and_examples(capsys):
    assert main(["distill", "own", "--help"]) == 0
    said = capsys.readouterr().out
    for text in ("--teacher.weights", "--teacher.cache-dir", "--task.temperature", "--no-labelled",
                 "--model.encoder.size"):  # fmt: skip
        assert text in said
    assert "examples:\n  videomae2 distill own my_videos/ --teacher.weights" in said
