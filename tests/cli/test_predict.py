import json
import os

import numpy as np
import pytest

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.classifiers import saved_autoencoder
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from tests.helpers.videos import save_wide
from videomae2.cli.main import main
from videomae2.data.manifests.public_classes import load_public_classes

pytestmark = pytest.mark.usefixtures("reads_here")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    save_rigged(folder / "model")
    save_rigged(folder / "unnamed", names=None, span=None)
    (folder / "videos").mkdir()
    write_levels(folder / "videos" / "dark.mp4", levels((20, 0)))
    write_levels(folder / "videos" / "bright.mp4", levels((20, 255)))
    write_levels(folder / "long.mp4", levels((38, 0), (60, 255), (50, 0)))
    (folder / "broken.mp4").write_bytes((folder / "long.mp4").read_bytes()[:200])
    (folder / "empty").mkdir()
    saved_autoencoder(folder / "pretrained")
    return folder


@pytest.fixture
def call(place, monkeypatch, capsys):
    """Run the command there; give code, standard output, standard error."""
    monkeypatch.chdir(place)

    def run(*words):
        code = main(["predict", *map(str, words), "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def paths_on_stdin(monkeypatch, data: bytes):
    """Give what another program would write, through a pipe."""
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    stdin = os.fdopen(reader)
    monkeypatch.setattr("sys.stdin", stdin)
    return stdin


def test_it_prints_the_best_classes(call):
    code, out, err = call("model", "videos/bright.mp4", "videos/dark.mp4", "--top-k", "1")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "model    tiny from model, 2 classes",
        "clips    4 frames, every 2 frames, 5 x 3 views of each video",
        "videos/bright.mp4",
        "   99.99%  bright",
        "videos/dark.mp4",
        "   99.99%  dark",
    ]


def test_broken_videos_are_reported_and_the_rest_is_done(call):
    code, out, err = call("model", "broken.mp4", "videos", "gone.mp4")
    assert code == 2
    assert out.index("videos/bright.mp4") < out.index("videos/dark.mp4")
    assert err.splitlines() == [
        "videomae2: cannot read broken.mp4: the data is damaged, cut off or not a video; copy it "
        "here again",
        f"videomae2: cannot read gone.mp4: there is no such file or folder; {os.getcwd()} is "
        "there, without gone.mp4: is it misspelt, or its disk not mounted?",
        "videomae2: 2 of 4 videos could not be read",
    ]


def test_json_is_one_object_per_line_and_nothing_else(call):
    code, out, err = call("model", "broken.mp4", "videos", "--json")
    assert code == 2
    broken, bright, _ = map(json.loads, out.splitlines())
    assert broken == {
        "video": "broken.mp4",
        "error": "the data is damaged, cut off or not a video; copy it here again",
    }  # fmt: skip
    assert bright["video"] == "videos/bright.mp4"
    assert bright["active"] == [{"class": 1, "name": "bright"}]
    assert [row["name"] for row in bright["scores"]] == ["bright", "dark"]
    assert bright["scores"][0]["probability"] > 0.99
    assert (bright["frames"], bright["seconds"], bright["views"]) == (20, 0.8, 15)
    assert "1 of 3 videos" in err


def test_what_the_model_does_not_say_is_said(call):
    code, out, err = call("unnamed", "videos/bright.mp4")
    assert (code, err) == (0, "")
    assert "2 classes without names: their numbers stand for them, counted from 0" in out
    assert "every 4 frames (assumed: the model does not say; --frame-interval)" in out
    assert "99.99%  class 1" in out
    code, out, err = call("unnamed", "videos/bright.mp4", "--json")
    assert json.loads(out)["scores"][0]["name"] == "class 1"
    assert "without names" in err
    assert "assumed" in err


def test_a_released_file_says_which_outputs_are_used(call, tmp_path):
    path = save_released(tmp_path / "k710.pth", drawn_classifier(710))
    clips = ["--frames", FRAMES, "--side", SIDE, "--clips", 1, "--crops", 1]
    _, out, _ = call(path, "videos/dark.mp4", *clips)
    assert "710 classes without names" in out
    assert (
        "(to name them: --class-names FILE, or --class-names kinetics-710 if these are its classes)"
        in out
    )
    names = ["--class-names", "kinetics-710", "--classes", "kinetics-400", "--json", "--top-k", 400]
    code, out, err = call(path, "videos/dark.mp4", *clips, *names)
    assert (code, "without names" in err, "assumed" in err) == (0, False, True)
    scores = json.loads(out)["scores"]
    assert {row["name"] for row in scores} == set(load_public_classes("kinetics-400"))
    assert sum(row["probability"] for row in scores) == pytest.approx(1)
    code, out, err = call(path, "videos/dark.mp4", *clips, *names[:4])
    assert "classes" in out.splitlines()[0]
    assert out.startswith(
        f"model    tiny from {path}, outputs: 400 of its 710, those of kinetics-400"
    )


def test_paths_come_from_standard_input_in_processes(call, monkeypatch):
    with paths_on_stdin(monkeypatch, b"videos/dark.mp4\n\nempty\r\nvideos\nvideos/bright.mp4"):
        code, out, err = call("model", "-", "--json")
    assert code == 2
    assert [json.loads(line)["video"] for line in out.splitlines()] == [
        "videos/dark.mp4", "empty", "videos/bright.mp4", "videos/dark.mp4", "videos/bright.mp4",
    ]  # fmt: skip
    assert "cannot read empty: no video in this folder" in err


def test_an_empty_standard_input_is_an_error(call, monkeypatch):
    with paths_on_stdin(monkeypatch, b"\n"):
        code, _, err = call("model", "-")
    assert code == 2
    assert "no path came on standard input; it wants one per line" in err


def test_a_time_line_is_printed_and_written(call, tmp_path):
    code, out, _ = call("model", "long.mp4", "--timeline", "--out", tmp_path)
    assert code == 0
    assert "long.mp4  0:05.92, 36 windows of 0.32 s every 0.16 s" in out
    lines = [line.split() for line in out.splitlines() if " to " in line]
    assert [(line[0], line[2], line[-1]) for line in lines] == [
        ("0:00.00", "0:01.60", "dark"),
        ("0:01.60", "0:04.00", "bright"),
        ("0:04.00", "0:05.92", "dark"),
    ]
    for ending in ("json", "csv", "windows.csv", "srt", "png"):
        path = tmp_path / f"long.timeline.{ending}"
        assert path.exists()
        assert str(path) in out
    assert not (tmp_path / "long.timeline.mp4").exists()


def test_a_time_line_as_json_in_processes(call):
    words = (
        "--timeline",
        "--json",
        "--window-seconds",
        "1",
        "--hop-seconds",
        "1",
        "--hysteresis",
        "0.2",
    )
    code, out, err = call("model", "broken.mp4", "long.mp4", *words)
    assert code == 2
    broken, found = map(json.loads, out.splitlines())
    assert broken["video"] == "broken.mp4"
    assert (found["windows"], found["window_seconds"], found["hop_seconds"]) == (6, 1.0, 1.0)
    assert [(s["start"], s["stop"], s["name"]) for s in found["segments"]] == [
        (0.0, 2.0, "dark"), (2.0, 4.0, "bright"), (4.0, 5.92, "dark"),
    ]  # fmt: skip
    assert "files" not in found
    assert "broken.mp4" in err


def test_a_time_line_of_many_videos_keeps_their_folders(call, tmp_path):
    code, out, _ = call("model", "videos", "--timeline", "--out", tmp_path, "--json")
    assert code == 0
    assert [json.loads(line)["files"]["srt"] for line in out.splitlines()] == [
        str(tmp_path / "bright.timeline.srt"), str(tmp_path / "dark.timeline.srt"),
    ]  # fmt: skip


def test_a_video_without_a_clock_says_so_and_the_rest_is_done(call, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 16, 16, 3), np.uint8))
    code, out, err = call("model", tmp_path / "a.npy", "long.mp4", "--timeline")
    assert code == 2
    assert "no clock; give its --frame-rate" in err
    assert "long.mp4  0:05.92" in out
    code, out, _ = call("model", tmp_path / "a.npy", "--timeline", "--frame-rate", "10")
    assert code == 0
    assert "0:02.00" in out


@pytest.mark.parametrize("out", ["videos", "videos/out", "./videos/../videos/a/b"])
def test_a_time_line_is_not_written_into_the_videos_that_are_read(call, out):
    code, _, err = call("model", "long.mp4", "videos", "--timeline", "--out", out)
    assert code == 2
    assert "lies in videos, whose videos are read" in err


@pytest.mark.parametrize("name", ["two\nlines", "tab\tbed", "red\x1b[31m", "caf\udce9"])
@pytest.mark.parametrize("flags", [("--clips", 1, "--crops", 1), ("--timeline", "--out", "out")])
def test_names_of_any_bytes_are_one_line(call, place, tmp_path, name, flags):
    path = tmp_path / f"{name}.mp4"
    path.write_bytes((place / "long.mp4").read_bytes())
    flags = [tmp_path / word if word == "out" else word for word in flags]
    code, out, err = call("model", path, tmp_path / f"gone {name}.mp4", *flags)
    assert code == 2
    shown = name.encode("unicode_escape").decode().replace("\\udce9", "\\xe9")
    assert sum(shown in line for line in out.splitlines()) == (1 if "--clips" in flags else 6)
    assert f"gone {shown}.mp4: there is no such file" in err
    _, out, _ = call("model", path, *flags, "--json")
    assert json.loads(out.splitlines()[0])["video"] == str(path)


@pytest.mark.parametrize(("bits", "kind"), [(10, "npy"), (12, "png"), (14, "tif"), (16, "npy")])
def test_used_bits_are_said_or_given(call, tmp_path, bits, kind):
    path = save_wide(tmp_path, kind, bits)
    code, out, err = call("model", path, "--clips", 1, "--crops", 1)
    assert code == 0
    assert (f"{path}: {bits} of 16 bits are taken" in err) == (bits < 16)
    assert call("model", path, "--clips", 1, "--crops", 1, "--bits", bits) == (0, out, "")
    if bits > 10:
        code, _, err = call("model", path, "--bits", bits - 4)
        assert code == 2
        assert f"{bits - 4} bits were found or given; give bits" in err


def test_help_shows_examples(capsys):
    assert main(["predict", "--help"]) == 0
    said = capsys.readouterr().out
    assert "videomae2 predict runs/model long.mp4 --timeline --hop-seconds 1" in said
    assert "| videomae2 predict runs/model -" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model"], "VIDEO... missing; give videos, folders, or -"),
        (["gone", "long.mp4"], "gone does not exist; give a run folder"),
        (["pretrained", "long.mp4"], "knows no classes; fine-tune it on labelled videos first"),
        (["model", "empty"], "empty: no video in this folder"),
        (
            ["model", "long.mp4", "--window-seconds", "1"],
            "--window-seconds goes only with --timeline",
        ),
        (["model", "long.mp4", "--hysteresis", "0.1"], "--hysteresis goes only with --timeline"),
        (
            ["model", "long.mp4", "--frame-rate", "0"],
            "--frame-rate 0.0 cannot work; it wants a number above 0",
        ),
        (["model", "long.mp4", "--timeline", "--crops", "2"], "--crops has no effect with"),
        (
            ["model", "long.mp4", "--timeline", "--save-video"],
            "--save-video wants a folder to write to",
        ),
        (["model", "long.mp4", "--bits", "7"], "--bits 7 cannot work; it wants 8 to 16"),
        (["model", "long.mp4", "--top-k", "0"], "--top-k is 0, wanted 1 or more"),
        (
            ["model", "long.mp4", "--frame-interval", "0"],
            "--frame-interval 0.0 cannot work; it wants",
        ),
        (
            ["model", "long.mp4", "--threshold", "2"],
            "--threshold 2.0 cannot work; it wants",
        ),
        (
            ["model", "long.mp4", "--timeline", "--hop-seconds", "0.001"],
            "choose --hop-seconds 0.04 or more",
        ),
        (["model", "-", "-"], "standard input, which can be read only once"),
    ],
)
def test_errors_are_one_line(call, words, said):
    code, _, err = call(*words)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_dry_run_says_what_would_be_done_and_reads_nothing(call, place, monkeypatch):
    monkeypatch.setattr("videomae2.data.workers.pool.Pool.map", None)
    code, out, err = call("model", "videos", "long.mp4", "--dry-run", "--top-k", "2")
    assert (code, err) == (0, "")
    *lines, device = out.splitlines()
    assert lines == [
        "model    tiny from model, 2 classes",
        "clips    4 frames, every 2 frames, 5 x 3 views of each video",
        "videos   3 named",
        "prints   its 2 best for each video, on standard output",
    ]
    assert device.startswith("device   cpu")
    code, out, _ = call("model", "-", "gone.mp4", "--dry-run", "--json")
    assert code == 2
    plan = json.loads(out)["plan"]
    assert plan["videos"] == [
        "1 named, and those of standard input, which is not read now; 1 of them not there: gone.mp4"
    ]
    assert plan["prints"] == ["its scores as JSON for each video, on standard output"]


def test_a_dry_run_of_time_lines_says_where_files_would_go(call, place):
    words = (
        "model",
        "long.mp4",
        "--timeline",
        "--window-seconds",
        "2",
        "--save-video",
        "--dry-run",
    )
    code, out, _ = call(*words, "--out", "lines")
    assert code == 0
    assert out.splitlines()[3:6] == [
        "window   of 2 s, a new one every half window",
        "prints   what holds when for each video, on standard output",
        "writes   JSON, CSV, SRT, PNG, MP4 for each video, to lines",
    ]
    assert not (place / "lines").exists()
    code, _, err = call(*words, "--out", "long.mp4/lines")
    assert (code, err) == (
        2,
        f"videomae2: error: cannot write to long.mp4/lines: {place / 'long.mp4'} is a file; "
        "choose another --out\n",
    )
    assert call("model", "long.mp4", "--window-seconds", "2", "--dry-run")[0] == 2
