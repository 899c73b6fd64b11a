import json

import pytest
from PIL import Image

from tests.helpers.labelled_videos import labelled_videos, small_encoder
from videomae2.cli.main import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    small_encoder(folder / "model")
    labelled_videos(folder / "train", 6)
    labelled_videos(folder / "test", 3, seed=1)
    return folder


def call(place, *words):
    start = ["probe", place / "model", place / "train", place / "test"]
    words = [str(word).replace("PLACE", str(place)) for word in words]
    words = words if "--cache-dir" in words else [*words, "--cache-dir", place / "cache"]
    fixed = ["--device", "cpu", "--num-workers", 0, "--epochs", 1]
    return main([str(word) for word in [*start, *words, *fixed]])


def test_it_prints_a_table(place, capsys):
    assert (
        call(place, "--ks", 1, 3, "--l2", 1, "--folds", 2, "--lrs", 0.003, "--weight-decays", 0)
        == 0
    )
    said = capsys.readouterr().out
    assert "features train:" in said
    for text in ("train    18 videos of 3 classes", "test     9 videos",
                 "k-NN       mean      100.0 %", "linear     mean      100.0 %",
                 "chance                33.3 %", "k-NN mean by k: 1: 100.0 %",
                 "95 % interval", "features are kept in"):  # fmt: skip
        assert text in said, said


def test_json_is_all_that_goes_to_stdout(place, capsys):
    assert call(place, "--methods", "knn", "--ks", 1, 3, "--json") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert "features train: 18 videos, from" in err
    assert (said["num_train_videos"], said["num_test_videos"]) == (18, 9)
    (knn,) = said["results"]
    assert knn["method"] == "knn"
    assert set(knn["accuracy"]) == {"value", "low", "high", "confidence"}
    assert len(knn["trials"]) == 8
    assert {"params", "val_accuracy", "test_accuracy"} == set(knn["trials"][0])


def test_a_dry_run_shows_the_plan(place, capsys):
    assert call(place, "--dry-run") == 0
    said = capsys.readouterr().out
    for text in ("train    18 videos of 3 classes", "test     9 videos",
                 "probes   knn, ridge, linear",
                 "of 9 are there, means, time slots and 2x2x2 tokens", "device   cpu"):  # fmt: skip
        assert text in said, said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--methods", "svm"), "--methods wants one of"),
        (("--cache-dir", "PLACE/train/cache"), "choose another --cache-dir"),
        (("--ema",), "has no running mean of its weights"),
        (("--layout", "table"), "is a folder, the layout 'table' wants a file"),
    ],
)
def test_what_cannot_work_is_one_sentence(place, capsys, words, problem):
    assert call(place, *words) == 2
    assert problem in capsys.readouterr().err


def test_help_shows_examples(capsys):
    assert main(["probe", "--help"]) == 0
    said = capsys.readouterr().out
    for text in ("WEIGHTS", "TRAIN", "[TEST]", "--ks", "--token-gib", "examples:"):
        assert text in said


def test_images_that_are_no_frames_are_said(place, tmp_path, capsys):
    frame = Image.new("RGB", (32, 32))
    for number in range(12):
        folder = tmp_path / ("run", "sit")[number % 2] / f"{number}"
        folder.mkdir(parents=True)
        for name in (*(f"{n:02}.png" for n in range(4)), *["1x.png"] * (number < 3)):
            frame.save(folder / name)
    words = ("probe", place / "model", tmp_path, "--dry-run", "--device", "cpu")
    assert main(list(map(str, words))) == 0
    said = capsys.readouterr().out
    assert "warning  not taken for frames: 3 images in 3 of 12 folders, such as run/0/1x.p" in said
