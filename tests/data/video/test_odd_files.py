"""Files whose edit list cuts or shifts them, and files without an index: exact frames all the same.

What is right is a decode of the whole file in order; the numbers in the pictures tell whether
the file is of the kind that its name says.
"""

import struct

import av
import numpy as np
import pytest

from tests.data.video.test_pyav_reader import assert_exact
from tests.helpers.videos import encode, number_of, patch, plain_decode
from videomae2.data.video import pyav_reader
from videomae2.data.video.reader import open_reader
from videomae2.errors import VideoError

FRAME_TICKS = 512  # of a frame at 25 a second, on the clock that FFmpeg gives an MP4
HEVC = {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=1"}}
KEEP_TIMES = {"avoid_negative_ts": "disabled"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer"}


@pytest.fixture(autouse=True)
def _no_tables():
    pyav_reader.INDEX_CACHE.clear()


def edited(path, *, skip=0, keep=60, **how):
    """A file whose only edit leaves out the first frames, and all after `keep` further ones."""
    encode(path, **how)
    content = path.read_bytes()
    at = content.index(b"elst")
    entries, _, start = struct.unpack(">IIi", content[at + 8 : at + 20])
    assert entries == 1
    return patch(path, b"elst", 12, struct.pack(">Ii", keep * 40, start + skip * FRAME_TICKS))


def begun_before_zero(source, path, frames):
    """Copy the packets so that the first frames have negative times, as cutting by copying does."""
    with av.open(str(source)) as box, av.open(str(path), "w", options=KEEP_TIMES) as copy:
        stream = copy.add_stream_from_template(box.streams.video[0])
        for packet in box.demux(box.streams.video[0]):
            if packet.dts is not None:
                packet.pts, packet.dts = (
                    time - frames * FRAME_TICKS for time in (packet.pts, packet.dts)
                )
                packet.stream = stream
                copy.mux(packet)
    return path


@pytest.mark.parametrize("how", [{}, {"options": {"bf": "0"}}, HEVC, {"gop": 250}])
@pytest.mark.parametrize(("skip", "keep"), [(0, 60), (12, 48), (17, 43), (0, 33), (17, 21)])
def test_an_edit_list_cuts_the_start_and_the_end(tmp_path, how, skip, keep):
    path = edited(tmp_path / "cut.mp4", skip=skip, keep=keep, **how)
    truth = plain_decode(path)
    assert [number_of(frame) for frame in truth[:20]] == list(range(skip, skip + 20))
    assert abs(len(truth) - keep) <= 1
    assert_exact(path, truth)


@pytest.mark.parametrize("name", ["late.mp4", "late.mov"])
def test_an_edit_list_delays_the_start(tmp_path, name):
    path = encode(tmp_path / name, times=[1000 + 40 * number for number in range(60)])
    assert path.read_bytes().count(struct.pack(">i", -1)) >= 1  # an edit that shows nothing
    truth = plain_decode(path)
    assert [number_of(frame) for frame in truth] == list(range(60))
    assert_exact(path, truth)
    with open_reader(path) as reader:
        np.testing.assert_allclose(reader.seconds, np.arange(60) / 25, atol=1e-3)


@pytest.mark.parametrize("frames", [5, 12, 20])
def test_frames_before_zero_are_left_out(tmp_path, frames):
    source = encode(tmp_path / "whole.mp4")
    path = begun_before_zero(source, tmp_path / "begun.mp4", frames)
    truth = plain_decode(path)
    assert [number_of(frame) for frame in truth] == list(range(frames, 60))
    assert_exact(path, truth)


WITHOUT_INDEX = {
    "frames.h264": {"container": "h264"},
    "frames_no_b.h264": {"container": "h264", "options": {"bf": "0"}},
    "frames.hevc": {"container": "hevc", **HEVC},
    "packets.ts": {},
    "packets_hevc.ts": HEVC,
    "packets.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "tags.flv": {},
    "fragments.mp4": {"container_options": FRAGMENTS},
    "fragments_hevc.mp4": {"container_options": FRAGMENTS, **HEVC},
    "live.mkv": {"container_options": {"live": "1"}},
    "live.webm": {
        "codec": "libvpx-vp9",
        "options": {"cpu-used": "8", "deadline": "realtime"},
        "container_options": {"live": "1"},
    },
}
INDEX_MARKS = (b"idx1", b"sidx", b"mfra", b"\x1c\x53\xbb\x6b")  # of AVI, MP4 twice, Matroska


@pytest.mark.parametrize("name", WITHOUT_INDEX)
def test_a_file_without_an_index_is_exact(tmp_path, name):
    path = encode(tmp_path / name, **WITHOUT_INDEX[name])
    content = path.read_bytes()
    assert not any(mark in content for mark in INDEX_MARKS)
    truth = plain_decode(path)
    assert [number_of(frame) for frame in truth] == list(range(60))
    assert_exact(path, truth)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {"bf": "0"}), ("libx264", {}), ("mpeg4", {}), ("mpeg4", {"bf": "2"}),
     ("mjpeg", {})],
)  # fmt: skip
@pytest.mark.parametrize("is_cut", [False, True], ids=["renamed", "cut off"])
def test_an_avi_whose_index_is_gone_is_exact(tmp_path, codec, options, is_cut):
    form = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = encode(tmp_path / "gone.avi", codec, options=options, pix_fmt=form)
    if is_cut:
        path.write_bytes(path.read_bytes()[: path.read_bytes().rindex(b"idx1")])
    else:
        patch(path, b"idx1", 0, b"JUNK")
    truth = plain_decode(path)
    assert [number_of(frame) for frame in truth] == list(range(60))
    assert_exact(path, truth)


@pytest.mark.parametrize("size", ["W30000 H30000", "W8000 H8000", "W12000 H9000"])
@pytest.mark.parametrize("colour", ["C444", "C420"])
def test_frames_that_are_not_there_are_no_busy_device(tmp_path, size, colour):
    path = tmp_path / "a.y4m"
    path.write_bytes(f"YUV4MPEG2 {size} F25:1 {colour}\nFRAME\n".encode())
    with pytest.raises(VideoError, match=r"damaged|cut off|empty|limit of \d+ pixels") as caught:
        open_reader(path)
    assert "busy" not in str(caught.value)


@pytest.mark.parametrize("starts", [(0, 0), (60000, 0), (2000, 0), (0, 40000, 20000)])
@pytest.mark.parametrize(("codec", "options"), [("libx264", {"bf": "2"}), ("mpeg4", {})])
def test_the_clock_of_joined_recordings_goes_on(tmp_path, starts, codec, options):
    """One behind another, also where it is set back; every frame is there, in order."""
    parts = [
        encode(
            tmp_path / f"{number}.ts", codec, frames=30, options=options,
            times=[start + 40 * frame for frame in range(30)],
        ).read_bytes()
        for number, start in enumerate(starts)
    ]  # fmt: skip
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    with open_reader(path) as reader:
        assert [number_of(frame) for frame in reader.read(range(reader.num_frames))] == [
            *range(30)
        ] * len(starts)
        steps = np.diff(reader.seconds)
    assert (steps > 0.039).all()
    assert (steps > 0.041).sum() == (len(starts) > 2)  # forward it jumps as before
