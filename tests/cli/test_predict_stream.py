import json
import os
import signal
import threading
import time

import pytest

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.streams import (
    closed_port,
    endless_response,
    file_response,
    serving,
    silent_server,
    stalling_response,
    writing,
)
from videomae2.cli.main import main
from videomae2.inference.predictor import Predictor

pytestmark = pytest.mark.usefixtures("reads_here")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict_stream")
    save_rigged(folder / "model")
    save_rigged(folder / "numbers", names=("speed", "noise"), answers="regression")
    save_rigged(folder / "many", answers="multilabel")
    write_levels(folder / "a.ts", levels((38, 0), (60, 255), (50, 0)))
    write_levels(folder / "short.ts", levels((20, 255)))
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


def bytes_on_stdin(monkeypatch, data: bytes):
    """Give what another program would write, through a pipe."""
    reader, writer = os.pipe()

    def write():
        with open(writer, "wb") as file:
            file.write(data)

    threading.Thread(target=write, daemon=True).start()
    stdin = os.fdopen(reader)
    monkeypatch.setattr("sys.stdin", stdin)
    return stdin


def test_a_pipe_is_predicted_window_by_window(call, place, tmp_path):
    with writing(tmp_path / "pipe", (place / "a.ts").read_bytes()) as name:
        code, out, err = call("model", name, "--window-seconds", 1, "--hop-seconds", 1)
    assert code == 0
    assert err == (
        f"videomae2: {name}: it is a stream, so it is predicted as a time line, window by window\n"
    )
    _, _, head, *windows, end = out.splitlines()
    assert head == name
    assert [line.split()[::2] for line in windows] == [
        ["0:00.00", "0:01.00", "dark"], ["0:01.00", "0:02.00", "dark"],
        ["0:02.00", "0:03.00", "bright"], ["0:03.00", "0:04.00", "bright"],
        ["0:04.00", "0:05.00", "dark"], ["0:04.92", "0:05.92", "dark"],
    ]  # fmt: skip
    assert end == f"{name}  over after 0:05.92, 6 windows"


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_bytes_on_standard_input_are_a_stream(call, place, monkeypatch, kind):
    if kind == "file":
        stdin = (place / "a.ts").open()
        monkeypatch.setattr("sys.stdin", stdin)
    else:
        stdin = bytes_on_stdin(monkeypatch, (place / "a.ts").read_bytes())
    with stdin:
        code, out, err = call("model", "-", "--timeline", "--json")
    assert (code, err) == (0, "")
    *windows, end = map(json.loads, out.splitlines())
    assert [window["start"] for window in windows[:3]] == [0.0, 0.16, 0.32]
    assert [row["name"] for row in windows[0]["scores"]] == ["dark", "bright"]
    assert windows[0]["active"] == [{"class": 0, "name": "dark"}]
    assert end == {
        "video": "standard input", "seconds": 5.92, "windows": 36, "frames": 148,
        "dropped_frames": 0, "damaged_frames": 0, "end": "over",
    }  # fmt: skip


@pytest.mark.parametrize("name", [b"a b", b"\xff\xe9", b"red\x1b[31m", "café".encode()])
def test_any_name_of_a_pipe_is_readable(call, place, tmp_path, name):
    path, data = tmp_path / os.fsdecode(name), (place / "short.ts").read_bytes()
    with writing(path, data) as pipe:
        code, out, err = call("model", pipe, "--out", tmp_path / "out")
    assert code == 0
    assert "\x1b" not in out + err
    path.unlink()
    with writing(path, data) as pipe:
        code, out, _ = call("model", pipe, "--out", tmp_path / "out", "--json")
    assert code == 0
    end = json.loads(out.splitlines()[-1])
    assert os.fsencode(end["video"]) == os.fsencode(pipe)
    assert len(list((tmp_path / "out").iterdir())) == 10  # none over those of the call before


def test_bytes_beside_other_videos_are_refused(call, place, monkeypatch):
    with bytes_on_stdin(monkeypatch, (place / "short.ts").read_bytes()):
        code, _, err = call("model", "a.ts", "-")
    assert code == 2
    assert "bytes of a video come on standard input, not paths" in err


def test_the_time_line_of_a_stream_is_written(call, place, tmp_path):
    with serving(file_response((place / "a.ts").read_bytes())) as address:
        code, out, _ = call("model", address, "--out", tmp_path, "--json", "--max-seconds", 4.0)
        assert code == 0
        code, *_ = call("model", address, "--timeline", "--save-video", "--out", tmp_path)
        assert code == 2
    *windows, end = map(json.loads, out.splitlines())
    assert end["seconds"] == 4.0
    name = address.removeprefix("http://").replace(":", "_").replace("/", "_")
    assert end["files"]["json"] == str(tmp_path / f"{name}.timeline.json")
    line = json.loads((tmp_path / f"{name}.timeline.json").read_text())
    assert line["windows"] == len(windows)
    assert [segment["name"] for segment in line["segments"]] == ["dark", "bright"]
    for ending in ("csv", "windows.csv", "srt", "png"):
        assert (tmp_path / f"{name}.timeline.{ending}").exists()


@pytest.mark.parametrize(("model", "said"), [("numbers", "speed"), ("many", "bright")])
def test_other_models_print_windows_too(call, place, tmp_path, model, said):
    with writing(tmp_path / "pipe", (place / "short.ts").read_bytes()) as name:
        code, out, _ = call(model, name)
    assert code == 0
    assert said in out.splitlines()[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_what_was_seen(call, place, tmp_path, number):
    def stop():
        time.sleep(2.0)
        os.kill(os.getpid(), number)

    with serving(endless_response((place / "short.ts").read_bytes(), pause=0.01)) as address:
        threading.Thread(target=stop, daemon=True).start()
        started = time.monotonic()
        code, out, _ = call("model", address, "--out", tmp_path, "--json")
    assert time.monotonic() - started < 8
    assert code == 0
    *windows, end = map(json.loads, out.splitlines())
    assert (end["end"], end["windows"]) == (f"stopped by {number.name}", len(windows))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_signal_before_the_first_frame_can_be_resumed(call):
    def stop():
        time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGTERM)

    with silent_server() as address:
        threading.Thread(target=stop, daemon=True).start()
        code, _, err = call("model", address, "--connect-seconds", 20)
    assert code == 75
    assert "asked to stop by SIGTERM before a frame came" in err


def test_a_model_that_is_too_slow_is_said(call, place, monkeypatch):
    monkeypatch.setattr("videomae2.data.live.frame_queue._BUFFER_SECONDS", 0.8)
    score = Predictor.score_clips

    def score_slowly(self, clips):
        time.sleep(0.7)
        return score(self, clips)

    monkeypatch.setattr(Predictor, "score_clips", score_slowly)
    data = (place / "a.ts").read_bytes()
    with serving(file_response(data, length=False)) as address:
        code, out, err = call("model", address, "--json")
    assert code == 0
    *windows, end = map(json.loads, out.splitlines())
    assert end["frames"] == 148
    assert 0 < end["dropped_frames"] < 148
    assert f"{end['dropped_frames']} of 148 frames were dropped" in err
    assert {round(window["stop"] - window["start"], 2) for window in windows} == {0.32}
    assert len(windows) < 36


def test_what_breaks_off_is_said_with_what_was_seen(call, place):
    with serving(stalling_response((place / "a.ts").read_bytes(), 3)) as address:
        code, out, err = call("model", address, "--json", "--silence-seconds", 0.5)
    assert code == 2
    *windows, end = map(json.loads, out.splitlines())
    assert windows
    assert end["error"] == "no frame came for 0.5 s (--silence-seconds)"
    assert f"videomae2: cannot read {address}: no frame came" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rtsp://127.0.0.1:{port}/stream1"], "refuses the connection"),
        (["http://127.0.0.1:{port}/clip.mp4", "--json"], "refuses the connection"),
        (["rtsp://me:secret@127.0.0.1:{port}/s"], "cannot read rtsp://me:***@127.0.0.1"),
        (["/dev/video77"], "there is no camera /dev/video77 on this machine"),
        (["77"], "there is no camera /dev/video77 on this machine"),
        (["77", "--clips", 1, "--crops", 1], "there is no camera /dev/video77 on this machine"),
        (["ftp://host/a.mp4"], "streams of the kind ftp:// are not read"),
    ],
)
def test_streams_that_are_not_there_are_said(call, words, said):
    port = closed_port()
    code, out, err = call("model", *(str(word).format(port=port) for word in words))
    assert code == 2
    assert said in err
    assert "secret" not in out + err
    assert "no such file" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rtsp://h/a", "a.ts"], "rtsp://h/a is a stream, which may never end"),
        (["rtsp://h/a", "rtsp://h/b"], "leave out the other videos"),
        (["rtsp://h/a", "--clips", 5], "--clips 5 has no effect on a stream"),
        (["0", "--clips", 1, "--crops", 3], "--crops 3 has no effect on a stream"),
        (["rtsp://h/a", "--bits", 12], "--bits has no effect on a stream"),
        (["rtsp://h/a", "--timeout-seconds", 5], "--timeout-seconds has no effect on a stream"),
        (["rtsp://h/a", "--max-seconds", 0], "--max-seconds 0.0 cannot work"),
        (["a.ts", "--max-seconds", 5], "--max-seconds goes only with a stream"),
        (["a.ts", "--timeline", "--connect-seconds", 5], "--connect-seconds goes only with a"),
    ],
)
def test_what_does_not_go_with_a_stream_is_refused(call, words, said):
    code, _, err = call("model", *words)
    assert code == 2
    assert said in err


def test_paths_that_are_addresses_are_no_missing_files(call, monkeypatch):
    with bytes_on_stdin(monkeypatch, b"http://host/a.mp4\nshort.ts\n"):
        code, out, _ = call("model", "-", "--json")
    assert code == 2
    first, second = map(json.loads, out.splitlines())
    assert "it is an address, no file" in first["error"]
    assert second["active"][0]["name"] == "bright"


def test_a_dry_run_opens_no_stream(call, tmp_path):
    code, out, err = call("model", "rtsp://h/a", "--dry-run", "--max-seconds", 5)
    assert (code, err) == (0, "")
    assert "stream   rtsp://h/a, which is not opened now" in out
    assert "ends     with the stream, or Ctrl-C, or after 5 s" in out
    assert call("model", "-", "--dry-run", "--max-seconds", 5)[0] == 0
