import os
import socket
import threading
import time

import av
import numpy as np
import pytest

from tests.helpers.brightness_classifier import levels, write_levels
from tests.helpers.streams import (
    closed_port,
    endless_response,
    file_response,
    frame_levels,
    multipart_response,
    rtsp_camera,
    serving,
    silent_server,
    stalling_response,
    writing,
)
from videomae2.data.live import frame_queue
from videomae2.data.live.reader import LiveReader
from videomae2.data.live.sources import LiveConfig, StreamSource, find_stream
from videomae2.data.video.reader import ReadLimits
from videomae2.errors import VideoError

VALUES = levels((20, 0), (15, 255), (25, 40))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    for ending in ("ts", "mkv"):
        write_levels(folder / f"a.{ending}", VALUES)
    write_levels(folder / "b.ts", VALUES[:10])
    return folder


def live(name, *, connect=5.0, silence=5.0, source=None, **given):
    return LiveReader(
        source or find_stream(str(name)),
        pixels="gray",
        limits=ReadLimits(),
        config=LiveConfig(connect_seconds=connect, silence_seconds=silence),
        prepare=lambda frame: frame,
        **given,
    )


def taken(reader):
    """All frames: index, seconds, brightness."""
    with reader:
        return [
            (frame.number, round(frame.seconds, 3), round(float(np.mean(frame.image))))
            for frame in reader
            if frame is not None
        ]


def expected(path):
    return [(i, round(i / 25, 3), level) for i, level in enumerate(frame_levels(path))]


@pytest.mark.parametrize("ending", ["ts", "mkv"])
@pytest.mark.parametrize(("chunk", "pause"), [(1 << 16, 0.0), (700, 0.001)])
def test_a_pipe_is_read_to_its_last_frame(videos, tmp_path, ending, chunk, pause):
    data = (videos / f"a.{ending}").read_bytes()
    with writing(tmp_path / "pipe", data, chunk=chunk, pause=pause) as name:
        reader = live(name)
        assert taken(reader) == expected(videos / f"a.{ending}")
    assert (reader.num_frames, reader.num_dropped, reader.num_damaged) == (60, 0, 0)


@pytest.mark.parametrize("length", [True, False])
def test_a_download_is_read_to_its_last_frame(videos, length):
    with serving(file_response((videos / "a.ts").read_bytes(), length=length)) as address:
        assert taken(live(address)) == expected(videos / "a.ts")


def test_a_camera_is_read_by_rtsp(videos):
    seen = []
    with rtsp_camera((videos / "a.ts").read_bytes()) as address:
        reader = live(address, silence=0.5)
        with reader, pytest.raises(VideoError, match=r"rtsp://me:\*\*\*@127.*no frame came"):
            seen.extend(frame for frame in reader if frame is not None)
    assert [frame.number for frame in seen] == list(range(len(seen)))
    assert len(seen) >= 58


def test_bytes_that_are_sent_to_this_machine_are_read(videos):
    data = (videos / "a.ts").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send():
            connection, _ = server.accept()
            with connection:
                connection.sendall(data)

        threading.Thread(target=send, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert taken(live(address)) == expected(videos / "a.ts")


def test_cameras_are_opened_where_there_are_some(monkeypatch, tmp_path):
    """No machine of the tests has one: a file in its place is refused by the driver alone."""
    (tmp_path / "video0").write_bytes(b"no camera")
    source = StreamSource("camera", str(tmp_path / "video0"), "camera 0")
    assert "cannot be read: inappropriate ioctl" in error_of(live("", source=source))


def test_a_regular_file_is_a_stream_too(videos):
    path = str(videos / "a.mkv")
    source = StreamSource("file", path, path)
    assert taken(live(path, source=source)) == expected(path)


def test_pictures_of_a_camera_count_from_when_they_arrive():
    with serving(multipart_response([0, 255, 0, 255, 0, 255], pause=0.1)) as address:
        frames = taken(live(address))
        rated = taken(live(address, frame_rate=5.0))
    assert [level for _, _, level in frames] == [0, 255, 0, 255, 0, 255]
    seconds = [seconds for _, seconds, _ in frames]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    assert 0.15 < seconds[-1] < 3  # those that FFmpeg looks at first come together
    assert [seconds for _, seconds, _ in rated] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_what_comes_too_fast_is_dropped_in_one_piece_and_counted(videos, monkeypatch, caplog):
    monkeypatch.setattr(frame_queue, "_BUFFER_SECONDS", 0.4)
    with serving(file_response((videos / "a.ts").read_bytes(), length=False)) as address:
        reader, indices = live(address), []
        with reader:
            for frame in reader:
                if frame is None:
                    continue
                if frame.number == 0:
                    time.sleep(1.5)  # the model looks
                indices.append(frame.number)
    assert reader.num_dropped > 0
    assert len(indices) + reader.num_dropped == reader.num_frames == 60
    gaps = np.flatnonzero(np.diff(indices) > 1)
    assert len(gaps) == 1  # one pause, one gap
    assert "dropped so far: they come faster than the model looks at them" in caplog.text


def test_what_can_wait_is_never_dropped(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(frame_queue, "_BUFFER_SECONDS", 0.2)
    with writing(tmp_path / "pipe", (videos / "a.ts").read_bytes()) as name:
        reader = live(name)
        with reader:
            count = 0
            for frame in reader:
                count += frame is not None
                if count in (1, 30):
                    time.sleep(0.5)
    assert (count, reader.num_dropped) == (60, 0)


def test_it_stops_when_nobody_wants_more(videos):
    stop = threading.Event()
    with serving(endless_response((videos / "b.ts").read_bytes())) as address:
        reader = live(address, should_stop=stop.is_set)
        with reader:
            count = 0
            for frame in reader:
                count += frame is not None
                if count == 5:
                    stop.set()
                    started = time.monotonic()
        assert time.monotonic() - started < 2
    assert count == 5


def test_a_clock_that_goes_back_is_followed(videos, caplog):
    data = (videos / "b.ts").read_bytes()
    with serving(file_response(data * 3)) as address:
        frames = taken(live(address))
    seconds = [seconds for _, seconds, _ in frames]
    assert len(frames) >= 28
    assert seconds == sorted(set(seconds))
    assert seconds[-1] < 2


def error_of(reader):
    started = time.monotonic()
    with pytest.raises(VideoError) as caught:
        taken(reader)
    assert time.monotonic() - started < 9
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp", "rtmp"])
def test_a_refused_connection_is_said(scheme):
    port = closed_port()
    said = error_of(live(f"{scheme}://127.0.0.1:{port}/a"))
    assert said == (
        f"cannot read {scheme}://127.0.0.1:{port}/a: 127.0.0.1:{port} refuses the connection; is "
        "the server running there?"
    )


@pytest.mark.parametrize("scheme", ["http", "rtsp", "https"])
def test_an_unknown_host_is_said(scheme):
    said = error_of(live(f"{scheme}://me:word@camera.invalid/a"))
    assert f"cannot read {scheme}://me:***@camera.invalid/a: there is no host" in said


@pytest.mark.parametrize("address", ["http:///a", "http://host:99999/a", "http://h:x/a"])
def test_wrong_addresses_are_said(address):
    assert "its address" in error_of(live(address))


@pytest.mark.parametrize(
    ("code", "said"),
    [(401, "user and a password"), (403, "does not allow"), (404, "has nothing"), (503, "fault")],
)
def test_what_a_server_answers_is_said(code, said):
    with serving(lambda handler: handler.send_error(code)) as address:
        assert said in error_of(live(address))


@pytest.mark.parametrize(
    "data", [b"<html>" + b"no video here " * 500, b"\0" * 5000, b"\x89PNG", bytes(range(256)) * 40]
)
def test_what_is_no_video_is_said(tmp_path, data):
    with serving(file_response(data)) as address:
        assert "not a video" in error_of(live(address))
    with writing(tmp_path / "pipe", data) as name:
        assert "not a video" in error_of(live(name))


def test_an_index_at_the_end_of_a_pipe_is_said(tmp_path):
    noise, path = np.random.default_rng(0), tmp_path / "noise.mp4"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
        stream.bit_rate = 30_000_000
        for _ in range(80):  # more than FFmpeg looks at
            frame = noise.integers(0, 256, (240, 320, 3), dtype=np.uint8)
            box.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        box.mux(stream.encode(None))
    data = path.read_bytes()
    for part in (data, data[: len(data) // 2]):
        (tmp_path / "pipe").unlink(missing_ok=True)
        with writing(tmp_path / "pipe", part) as name:
            assert "-movflags +faststart" in error_of(live(name))
    with serving(file_response(data)) as address:
        assert "-movflags +faststart" in error_of(live(address))


def test_silence_is_said(videos, tmp_path):
    with silent_server() as address:
        assert "does not answer within 0.5 s" in error_of(live(address, connect=0.5))
        said = error_of(live(address.replace("http", "rtsp"), connect=0.5))
        assert "does not answer within 0.5 s" in said
    os.mkfifo(tmp_path / "other")
    assert "0.5 s" in error_of(live(tmp_path / "other", connect=0.5))


def test_a_stream_that_falls_silent_gives_what_came(videos):
    data = (videos / "a.ts").read_bytes()
    with serving(stalling_response(data, 6)) as address:
        reader, seen = live(address, silence=0.5), []
        frames = iter(reader)
        with reader, pytest.raises(VideoError, match=r"no frame came for 0.5 s"):
            seen.extend(frame.number for frame in frames if frame is not None)
    assert len(seen) >= 50


def test_pipes_that_end_at_once_are_said(tmp_path):
    with writing(tmp_path / "pipe", b"") as name:
        said = error_of(live(name))
    assert "it ended before its first frame" in said or "not a video" in said


@pytest.mark.parametrize("name", ["999", "/dev/video987"])
def test_a_missing_camera_is_said(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert "there is no camera /dev/video9" in error_of(live(name))
