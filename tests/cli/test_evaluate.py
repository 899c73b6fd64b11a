import json
from pathlib import Path

import pytest

from tests.helpers.reference_evaluation import save_run, save_videos
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.cli.main import main

QUICK = (
    "--device",
    "cpu",
    "--reading.num-workers",
    "0",
    "--n-resamples",
    "100",
    "--views.clips",
    "2",
    "--views.crops",
    "1",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    save_run(folder / "run")
    save_videos(folder / "videos", each=2)
    return folder


def call(place, *words):
    names = {"RUN": place / "run", "VIDEOS": place / "videos"}
    return main(["evaluate", *(str(names.get(word, word)) for word in words), *QUICK])


def test_it_says_what_it_does_and_what_came_of_it(place, capsys):
    assert call(place, "RUN", "VIDEOS") == 0
    said = capsys.readouterr().out
    assert "best by validation; weights as saved" in said
    assert "2 clips x 1 crop, strided, every 2 frames (as in training)" in said
    assert "top-1 accuracy" in said
    assert "temperature" in said
    assert "these same videos" in said
    (out,) = (place / "run" / "evaluation").glob("videos-*")
    assert f"report   {out / 'report.html'}" in said
    for name in ("report.html", "results.json", "predictions.jsonl", "probabilities.npy"):
        assert (out / name).exists()


def test_json_is_all_of_its_output(place, tmp_path, capsys):
    assert call(place, "RUN", "VIDEOS", "--json", "--out", tmp_path) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert set(found["metrics"]) == {"top-1 accuracy", "mean-class accuracy"}
    assert found["run_stats"]["num_decodings"] == found["num_scored"] == 4
    assert found["calibration"]["temperature_fitted_on"] == "these same videos"
    assert "report   " in said.err
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert [line["truth"] for line in lines] == ["run", "run", "walk", "walk"]
    assert set(lines[0]["best"]) == {"fall", "run", "walk"}


def test_a_dry_run_reads_and_writes_nothing(place, tmp_path, capsys):
    assert call(place, "RUN", "VIDEOS", "--dry-run", "--out", tmp_path / "out") == 0
    assert "views    2 clips x 1 crop" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_unreadable_videos_end_it_with_2_unless_they_are_allowed(place, tmp_path, capsys):
    videos = save_videos(tmp_path / "videos", each=1)
    (videos / "run" / "broken.mp4").write_bytes(b"no video")
    assert call(place, "RUN", videos, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "1 of 3 videos cannot be read" in said.err
    assert "broken.mp4: " in said.err
    assert (tmp_path / "out" / "results.json").exists()
    assert call(place, "RUN", videos, "--out", tmp_path / "out", "--allow-unreadable") == 0
    assert "1 of 3 videos could not be read" in capsys.readouterr().out


def test_help_shows_examples(capsys):
    assert main(["evaluate", "--help"]) == 0
    said = capsys.readouterr().out
    assert "videomae2 evaluate runs/tuned test_videos/" in said
    assert "--views.clips" in said
    assert "--allow-unreadable" in said


def test_a_released_file_needs_no_run(place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_released(Path("six.pth"), drawn_classifier())
    Path("names.txt").write_text("jump\nrun\nsit\nfall\nwalk\nwave\n")
    Path("two.txt").write_text("run\nwalk\n")
    names = [
        "--class-names",
        "names.txt",
        "--classes",
        "two.txt",
        "--frames",
        FRAMES,
        "--side",
        SIDE,
    ]
    assert call(place, "six.pth", "VIDEOS", *names, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "model    six.pth (released file)" in said
    assert (
        "outputs  2 classes, one right (names from names.txt; 2 of its 6, those of two.tx" in said
    )
    assert "every 4 frames (the model does not say how it was trained), resized plainly" in said
    assert "folder   runs/six/evaluation/videos-" in said
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN"], "VIDEOS missing"),
        (["gone", "VIDEOS"], "gone does not exist; give a run folder"),
        (["RUN", "gone"], "does not exist"),
        (["VIDEOS", "VIDEOS"], "holds neither a model nor checkpoints"),
        (
            ["RUN", "VIDEOS", "--views.frame-sampling", "dense"],
            "--views.frame-sampling wants one of",
        ),
        (["RUN", "VIDEOS", "--weights", "ema"], "has no ema.safetensors"),
        (["RUN", "VIDEOS", "--class-names", "kinetics400"], "did you mean kinetics-400?"),
        (["RUN", "VIDEOS", "--side", "64"], "says itself of which clips it is"),
        (["RUN", "VIDEOS", "--batch-size", "0"], "--batch-size 0 cannot work; it wants 1 or more"),
        (["RUN", "VIDEOS", "--list.filter", "split=test"], "filter has no effect"),
    ],
)
def test_errors_are_one_line(place, capsys, words, said):
    assert call(place, *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
