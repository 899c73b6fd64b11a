"""Nothing waits for a pipe that lies where a file is expected, nor for one that a file names."""

import os
import signal

import pytest

from videomae2.data.manifests.fingerprint import compute_fingerprint
from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.errors import ManifestError, VideoError


@pytest.fixture(autouse=True)
def _patience():
    """A test that waits is ended, whatever it waits in."""

    def give_up(*_):
        raise AssertionError("it still waits after 20 s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile f\n",
        "ffconcat version 1.0\nfile 'f'\nduration 2\nfile f\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nf\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI=\"f\"\n#EXTINF:1,\nf.ts\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x.mp4", "x.avi", "x.ts"])
def test_a_play_list_is_refused_before_what_it_names_is_opened(tmp_path, name, text):
    for pipe in ("f", "f.ts"):
        os.mkfifo(tmp_path / pipe)
    (tmp_path / name).write_text(text)
    with pytest.raises(
        VideoError, match=r"it is a play list|not a video file|no video stream|damaged"
    ):
        open_reader(tmp_path / name, limits=ReadLimits(timeout_seconds=3))


@pytest.mark.parametrize("name", ["a.mp4", "a.npy", "a.tif", "a.gif"])
def test_a_pipe_is_no_video(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(VideoError, match="it is a pipe, socket or device"):
        open_reader(tmp_path / name)
    (tmp_path / "list.txt").write_text(f"{name} 0\n")
    compute_fingerprint(read_manifest(tmp_path / "list.txt"))


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_a_pipe_among_frames_is_one_frame_that_cannot_be_read(tmp_path, kind):
    from PIL import Image

    (tmp_path / "v").mkdir()
    for number in (1, 2, 4):
        Image.new("RGB", (8, 8)).save(tmp_path / "v" / f"img_{number}.{kind}")
    os.mkfifo(tmp_path / "v" / f"img_3.{kind}")
    read_manifest(tmp_path)
    with open_reader(tmp_path / "v") as reader:
        assert len(reader.read([0, 1, 3])) == 3
        with pytest.raises(VideoError, match="it is a pipe"):
            reader.read([2])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.json", "a.txt"])
def test_a_pipe_is_no_list(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ManifestError, match=r"is a pipe|is no file"):
        read_manifest(tmp_path / name)
