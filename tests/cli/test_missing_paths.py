"""A path that is not there is told in the words that were typed, before a model is loaded."""

import pytest

from videomae2.cli.main import main

UNKNOWN = ": is it misspelt, or its disk not mounted?"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with videos, and a model that cannot be loaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "model.pth").write_bytes(b"no weights")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("pretrain", "own", "vidoes"),
        ("pretrain", "own", "videos", "vidoes"),
        ("pretrain", "own", "vidoes", "videos", "--seed", "1"),
        ("finetune", "own", "vidoes"),
        ("distill", "own", "vidoes", "--teacher.weights", "model.pth"),
    ],
)
def test_videos_to_train_on_have_no_flag(words, place, capsys):
    assert main([*words, "--dry-run"]) == 2
    assert capsys.readouterr().err == (
        f"videomae2: error: videos: vidoes does not exist; {place} is there, without vidoes: "
        f"did you mean {place}/videos?\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "model.pth", "gone"),
        ("evaluate", "model.pth", "gone", "--dry-run"),
        ("predict", "model.pth", "gone"),
        ("predict", "model.pth", "gone", "--json"),
        ("predict", "model.pth", "gone", "--timeline"),
        ("reconstruct", "model.pth", "gone"),
        ("reconstruct", "model.pth", "gone", "--dry-run"),
        ("probe", "model.pth", "gone"),
        ("probe", "model.pth", "gone", "gone", "--dry-run"),
    ],
)
def test_inputs_are_looked_for_before_the_model_is_loaded(words, place, capsys):
    assert main([*words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("videomae2: error: ")
    assert err.endswith(f"; {place} is there, without gone{UNKNOWN}\n")


def test_all_missing_videos_are_named_at_once(place, capsys):
    assert main(["predict", "model.pth", "a.mp4", "b.mp4"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "videomae2: error: 2 problems:",
        f"  a.mp4 does not exist; {place} is there, without a.mp4{UNKNOWN}",
        f"  b.mp4 does not exist; {place} is there, without b.mp4{UNKNOWN}",
    ]


@pytest.mark.parametrize("words", [("probe", "gone", "videos"), ("evaluate", "gone", "videos")])
def test_a_missing_model_is_told_before_lists_are_read(words, capsys):
    assert main([*words]) == 2
    assert "gone does not exist; give a run folder" in capsys.readouterr().err
