"""``videomae2 merge-datasets`` as a person uses it, and that fine-tuning takes what it writes."""

import json
from pathlib import Path

import pytest

from tests.helpers.kinetics_annotations import kinetics
from tests.helpers.labelled_videos import labelled_videos
from tests.helpers.reference_evaluation import save_run, save_videos
from videomae2.cli.main import main

THREE = ("--parts", "k400/", "k600/", "k700/")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kinetics(tmp_path)
    return tmp_path


def call(*words: str) -> int:
    return main(["merge-datasets", *words])


def test_the_golden_path(place, capsys):
    assert call("kinetics-710", "k710/", *THREE) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "710 classes; videos kept: training 5, validation 4"
    for line in (
        "k600, training: 4 read",
        "  - 1 duplicate of another class",
        "      k600/train.csv:4: __________c, as in k400/train.csv:4",
        "renamed: making bed -> making the bed (1 videos)",
        "target tests: k400 (1 videos), k600 (2 videos), k700 (2 videos)",
    ):
        assert line in said
    assert said[-2:] == [
        "written  train.csv, val.csv, classes.txt, excluded.csv, report.txt in k710",
        "next     videomae2 finetune k710-base k710 --dry-run",
    ]
    assert Path("k710/report.txt").read_text().splitlines() == said[:-2]
    assert call("kinetics-710", "k710/", *THREE) == 0
    assert "k710 holds this union already, unchanged" in capsys.readouterr().out
    assert call("kinetics-710", "k710/", *THREE, "--released-order") == 2
    assert "k710 holds another union, train.csv, val.csv" in capsys.readouterr().err
    assert call("kinetics-710", "k710/", *THREE, "--released-order", "--replace") == 0


def test_a_dry_run_writes_nothing(place, capsys):
    assert call("kinetics-710", "k710/", *THREE, "--dry-run") == 0
    assert "would write train.csv, val.csv, classes.txt" in capsys.readouterr().out
    assert call("kinetics-710", "k710/", *THREE, "--dry-run", "--no-files") == 0
    said = capsys.readouterr().out
    assert "videos kept: training 6, validation 4" in said
    assert "would write" not in said
    assert not (place / "k710").exists()


def test_json_is_all_that_is_printed(place, capsys):
    assert call("kinetics-710", "k710/", *THREE, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["num_kept"] == {"training": 5, "validation": 4}
    assert len(said["classes"]) == 710
    assert {"source": "k400", "split": "training", "videos": 4} in said["num_read"]
    assert {
        "source": "k700", "split": "training", "reason": "no file", "videos": 1
    } in said["excluded"]  # fmt: skip
    assert said["out"] == "k710"
    assert said["written"][:2] == ["train.csv", "val.csv"]


def test_fine_tuning_takes_the_lists_of_own_videos(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labelled_videos(Path("mine"), 4)
    labelled_videos(Path("test"), 2, seed=1)
    labelled_videos(Path("more"), 4, seed=2)
    Path("more/red").rename("more/crimson")
    Path("same.yaml").write_text("crimson: red\n")
    words = ("any", "both", "--parts", "mine=mine,test", "more=more", "--renames", "same.yaml")
    assert call(*words) == 0
    shown = capsys.readouterr().out.splitlines()[-1]
    assert shown == (
        "next     videomae2 finetune own both/train.csv --labels.class-names both/classes.txt "
        "--validation.path both/val.csv --dry-run"
    )
    command = shown.split()[2:]
    command[1] = "own-cpu"
    assert (
        main([*command, "--data.sources.0.frame-rate", "8", "--optim.global-batch-size", "8"]) == 0
    )
    said = capsys.readouterr().out
    assert "24 videos" in said
    assert "3: blue, green, red" in said
    assert "val      6 videos of both/val.csv" in said


def test_evaluation_takes_the_lists(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_run(Path("run"))
    save_videos(Path("mine"), each=1)
    save_videos(Path("test"), each=1)
    assert call("any", "out", "--parts", "mine=mine,test") == 0
    assert main(["evaluate", "run", "out/val.csv", "--reading.num-workers", "0"]) == 0
    assert "videos   2 (" in capsys.readouterr().out


def test_fine_tuning_on_kinetics_710_takes_the_folder(place, capsys):
    assert call("kinetics-710", "k710/", *THREE) == 0
    capsys.readouterr()
    words = ("k710-base", "k710/", "--init.weights", "None", "--optim.global-batch-size", "4")
    words = (*words, "--optim.micro-batch-size", "4")
    assert main(["finetune", *words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "classes  710: riding a bike, marching" in said
    assert "val      4 videos of k710/val.csv" in said


def test_nothing_is_written_into_the_videos_that_are_read(place, capsys):
    for name in ("a", "b"):
        (place / "own" / name).mkdir(parents=True)
        (place / "own" / name / f"{name}.mp4").touch()
    for out in ("own", "own/both"):
        assert call("any", out, "--parts", "mine=own") == 2
        assert f"{out} lies in own, whose videos are read" in capsys.readouterr().err
    assert call("any", "both", "--parts", "mine=own") == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("kinetics-710", "k710/"), "no parts are named: wanted a folder with train.csv"),
        (("any",), "OUT missing"),
        (("kinetics-400", "out", *THREE), "KIND wants one of 'any', 'kinetics-710'"),
        (("any", "k400", *THREE), "k400/train.csv is a list of a part; write to another folder"),
    ],
)
def test_what_cannot_work_is_one_sentence(place, capsys, words, problem):
    assert call(*words) == 2
    assert problem in capsys.readouterr().err


def test_help_shows_examples(capsys):
    assert call("--help") == 0
    said = capsys.readouterr().out
    for text in ("KIND", "OUT", "--parts", "--target-tests", "--released-order", "examples:"):
        assert text in said
