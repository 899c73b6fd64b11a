import json

import numpy as np
import pytest
from PIL import Image

from tests.commands.test_reconstruct import save_run
from tests.helpers.videos import encode
from videomae2.cli.main import main


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "numbers.mp4", frames=30)


@pytest.fixture(scope="module")
def run(tmp_path_factory, video):
    return save_run(tmp_path_factory.mktemp("run"), video.parent)


def call(*words):
    return main(["reconstruct", *map(str, words), "--device", "cpu"])


def test_it_prints_what_it_wrote(run, video, tmp_path, capsys):
    assert call(run, video, "--out", tmp_path, "--frames-shown", "2") == 0
    said = capsys.readouterr().out
    for name in ("numbers.png", "numbers.mp4"):
        assert str(tmp_path / name) in said
        assert (tmp_path / name).exists()
    assert "75% of the cubes hidden" in said
    assert "predicting each cube's mean gives" in said


def test_it_prints_json(run, video, tmp_path, capsys):
    words = ("--out", tmp_path, "--frames-shown", "2", "--json", "--statistics", "target")
    assert (
        call(
            run, video, *words, "--all-hidden", "--seed", "3", "--start", "0", "--frame-interval", 1
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["picture"] == str(tmp_path / "numbers.png")
    assert (said["statistics"], said["passes"], said["hidden_share"]) == ("target", 1, 0.75)
    assert said["seconds"] == [0.0, 0.04, 0.08, 0.12]
    assert said["frames"] == [0, 1, 2, 3]
    assert 0.9 < said["loss_of_means"] < 1 < said["loss"]


def test_a_dry_run_reads_both_and_writes_nothing(run, video, tmp_path, capsys):
    words = ("--out", tmp_path / "new", "--frames-shown", "2", "--dry-run")
    assert call(run, video, *words) == 0
    said = capsys.readouterr().out
    assert f"{video}, " in said
    assert "2 of 4 in the picture" in said
    assert call(run, video, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["plan"]["folder"] == [str(tmp_path / "new")]
    assert call(run, tmp_path / "absent.mp4", *words) == 2
    assert not (tmp_path / "new").exists()


def test_without_a_clock_it_says_frames(run, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((9, 32, 32, 3), np.uint8))
    words = (
        run,
        tmp_path / "a.npy",
        "--out",
        tmp_path,
        "--frames-shown",
        "2",
        "--frame-interval",
        "2",
    )
    assert call(*words) == 0
    assert "a.npy, frame 1 to frame 7" in capsys.readouterr().out
    assert call(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["seconds"] is None


def test_help_shows_examples(capsys):
    assert main(["reconstruct", "--help"]) == 0
    said = capsys.readouterr().out
    assert "videomae2 reconstruct runs/own video.mp4" in said
    assert "--statistics {visible,target}" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN"], "VIDEO missing"),
        (["gone", "VIDEO"], "gone does not exist; give a run folder, one of its"),
        (["RUN", "gone.mp4"], "cannot read gone.mp4: there is no such file or folder"),
        (["RUN", "VIDEO", "--start", "-1"], "--start -1.0 cannot work; it wants 0 or more"),
        (["RUN", "VIDEO", "--start", "99"], "ends at 1.16 s"),
        (["RUN", "VIDEO", "--statistics", "guess"], "visible"),
        (["RUN", "VIDEO", "--frames-shown", "9"], "this model's clips have 1..4"),
        (["RUN", "BROKEN"], "cannot read"),
    ],
)
def test_errors_are_one_line(run, video, tmp_path, capsys, words, said):
    (tmp_path / "broken.mp4").write_bytes(video.read_bytes()[:300])
    names = {"RUN": run, "VIDEO": video, "BROKEN": tmp_path / "broken.mp4"}
    assert call(*(names.get(word, word) for word in words)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("out", ["v", "v/out", "x/../v/out"])
def test_nothing_is_written_into_the_frames_that_are_read(run, tmp_path, capsys, out):
    (tmp_path / "v").mkdir()
    (tmp_path / "x").mkdir()
    for number in range(9):
        Image.new("RGB", (24, 24)).save(tmp_path / "v" / f"img_{number:05}.jpg")
    assert call(run, tmp_path / "v", "--out", tmp_path / out) == 2
    assert f"{out} lies in {tmp_path / 'v'}, whose videos are read" in capsys.readouterr().err
    assert len(list((tmp_path / "v").iterdir())) == 9


def test_files_of_others_are_not_written_over(run, video, tmp_path, capsys):
    copy = tmp_path / "a.mp4"
    copy.write_bytes(video.read_bytes())
    for _ in range(2):
        assert call(run, copy, "--out", tmp_path) == 0
    assert copy.read_bytes() == video.read_bytes()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.mp4", "a-2.mp4", "a-2.png", "videos.json"}


def test_a_clip_begins_in_no_jump_of_the_clock(run, tmp_path, capsys):
    times = [40 * n for n in range(30)] + [3_600_000 + 40 * n for n in range(30)]
    video = encode(tmp_path / "a.mkv", frames=60, times=times)
    assert call(run, video, "--start", 50, "--out", tmp_path / "out") == 2
    assert "its clock jumps, so no frame is from 1.20 s to 3600.00 s" in capsys.readouterr().err
    for start in (0, 3600):
        assert call(run, video, "--start", start, "--out", tmp_path / "out") == 0


def test_images_that_are_no_frames_are_said(run, tmp_path, capsys):
    (tmp_path / "v").mkdir()
    frame = Image.new("RGB", (32, 32))
    for name in (*(f"{n:02}.png" for n in range(12)), "1x.png", "1y.png"):
        frame.save(tmp_path / "v" / name)
    assert call(run, tmp_path / "v", "--dry-run", "--frame-interval", "1") == 0
    assert "not taken for frames: 2 images in 1 of 1 folder, such as 1x" in capsys.readouterr().out
