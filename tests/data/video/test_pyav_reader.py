import csv
import io
import os
import random
import struct
import time

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.videos import ZOO, encode, number_of, patch, plain_decode, set_matrix
from videomae2.data.video import pyav_reader
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.errors import VideoError

CASES = {
    "h264.mp4": {},
    "h264_no_b.mp4": {"options": {"bf": "0"}},
    "h264_open_gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal"}},
    "h264_one_gop.mp4": {"gop": 250},
    "h264.mkv": {},
    "h264.mov": {},
    "h264.ts": {},
    "h264.avi": {"options": {"bf": "0"}},
    "h264_b.avi": {},
    "h264.flv": {},
    "annexb.h264": {"container": "h264"},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "odd.mp4": {"size": (51, 67), "pix_fmt": "yuv444p"},
    "gray.mp4": {"pix_fmt": "gray"},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
    "full_range.mp4": {"pix_fmt": "yuvj420p"},
    "audio_first.mp4": {"audio_first": True},
    "two_videos.mp4": {"second_video": True},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=1"}},
    "hevc.mkv": {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=0"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}},
    "vp9_altref.webm": {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "cpu-used": "5"}},
    "vp9_alpha.webm": {"codec": "libvpx-vp9", "pix_fmt": "yuva420p", "options": {"cpu-used": "8"}},
    "vp8_hidden.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "av1.mp4": {"codec": "libsvtav1", "size": (64, 64), "options": {"preset": "12"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4_b.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg4_b.mp4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "anim.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "lossless.mkv": {"codec": "ffv1"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "png_alpha.mov": {"codec": "png", "pix_fmt": "rgba"},
    "wmv2.wmv": {"codec": "wmv2"},
    "raw.avi": {"codec": "rawvideo"},
}


@pytest.fixture(autouse=True)
def _no_tables():
    pyav_reader.INDEX_CACHE.clear()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder writes to the terminal by itself
    return tmp_path_factory.mktemp("videos")


def index_sets(num_frames):
    """Choose clips, single frames, all frames, and disorder with repeats."""
    rng, last = random.Random(num_frames), num_frames - 1
    yield list(range(min(num_frames, 100)))
    yield [last]
    yield [last, 0, last // 2, 0]
    for stride in (1, 4, 7):
        first = rng.randrange(num_frames)
        yield [min(first + stride * i, last) for i in range(8)]
    for _ in range(4):
        yield [rng.randrange(num_frames) for _ in range(5)]


def assert_exact(path, truth, **options):
    """Compare reads of one reader, and of fresh ones, with the plain decode."""
    with open_reader(path, **options) as reader:
        assert reader.num_frames == len(truth)
        assert len(reader.seconds) == len(truth)
        assert reader.seconds[0] == 0
        for indices in index_sets(len(truth)):
            for given in (reader, open_reader(path, **options)):
                frames = given.read(indices)
                expected = np.stack([truth[i] for i in indices])
                np.testing.assert_array_equal(frames, expected.reshape(frames.shape))
                if given is not reader:
                    given.close()


@pytest.mark.parametrize("name", CASES)
def test_frames_of_every_kind_of_file_are_exact(folder, name):
    path = encode(folder / name, **CASES[name])
    truth = plain_decode(path)
    if name != "anim.gif":
        assert [number_of(frame) for frame in truth] == list(range(60))
    assert_exact(path, truth)


def test_a_b_frame_clip_is_found_without_decoding_from_the_start(folder, monkeypatch):
    monkeypatch.setattr(pyav_reader.VideoFile, "_read_from_start", None)
    for name in ("h264.mp4", "h264_open_gop.mp4", "hevc.mp4", "vp9.webm", "mpeg4_b.avi", "h264.ts"):
        path = encode(folder / f"seek_{name}", **CASES[name])
        with open_reader(path) as reader:
            assert [number_of(frame) for frame in reader.read([50, 20, 21, 59])] == [50, 20, 21, 59]


def test_gray_frames_have_one_channel(folder):
    path = encode(folder / "for_gray.mp4")
    assert_exact(path, plain_decode(path, "gray"), pixels="gray")


def test_variable_frame_rate_gives_the_times_of_the_frames(folder):
    times = np.cumsum([10 + 37 * (i % 5) for i in range(60)]).tolist()
    for name in ("vfr.mkv", "vfr.mp4"):
        path = encode(folder / name, times=times)
        assert_exact(path, plain_decode(path))
        with open_reader(path) as reader:
            shown = (np.array(times) - times[0]) / 1000
            np.testing.assert_allclose(reader.seconds, shown, atol=0.03)


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
    ],
    ids=["right", "left", "half", "mirrored", "upside_down", "transposed"],
)
def test_a_turned_or_mirrored_picture_is_brought_upright(folder, matrix, upright):
    straight, turned = encode(folder / "straight.mp4", frames=10), folder / "turned.mp4"
    turned.write_bytes(straight.read_bytes())
    set_matrix(turned, *matrix)
    expected = np.stack([upright(plain_decode(straight)[index]) for index in (3, 7)])
    np.testing.assert_array_equal(open_reader(turned).read([3, 7]), expected)


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0)], ids=["straight", "turned"])
def test_shrinking_keeps_the_aspect_and_never_enlarges(folder, matrix):
    path = set_matrix(encode(folder / "shrink.mp4", frames=20), *matrix)
    for side, small in ((24, (24, 32)), (20, (20, 27)), (48, (48, 64)), (100, (48, 64))):
        frames = open_reader(path, limits=ReadLimits(max_short_side=side)).read([2, 11])
        shape = small if matrix[0] else small[::-1]
        assert frames.shape == (2, *shape, 3)
        if matrix[0] and side >= 24:
            assert [number_of(frame) for frame in frames] == [2, 11]


def test_frames_that_change_size_get_the_size_of_the_first(folder):
    big = encode(folder / "big.h264", frames=24, container="h264")
    small = encode(folder / "small.h264", frames=24, size=(32, 48), container="h264")
    both = folder / "both.h264"
    both.write_bytes(big.read_bytes() + small.read_bytes())
    with open_reader(both) as reader:
        assert reader.num_frames == 48
        frames = reader.read([5, 30, 47])
        assert frames.shape == (3, 48, 64, 3)
        assert [number_of(frame) for frame in frames] == [5, 6, 23]


def test_a_window_counts_from_its_first_frame(folder):
    path = encode(folder / "window.mp4")
    with open_reader(path, first=20, frames=10) as reader:
        assert reader.num_frames == 10
        assert reader.seconds[0] == 0
        assert [number_of(frame) for frame in reader.read([0, 9])] == [20, 29]
        with pytest.raises(VideoError, match=r"frame 10 was asked for, it has frames 0\.\.9"):
            reader.read([10])
    with pytest.raises(VideoError, match="20 frames from 50 were asked for, it has 60 frames"):
        open_reader(path, first=50, frames=20)
    with pytest.raises(VideoError, match="frames from 60 were asked for"):
        open_reader(path, first=60)


def test_no_indices_give_no_frames(folder):
    path = encode(folder / "none.mp4", frames=5)
    assert open_reader(path).read([]).shape == (0, 48, 64, 3)


def test_the_table_is_kept_until_the_file_changes(folder):
    path = encode(folder / "kept.mp4", frames=10)
    first, again = open_reader(path), open_reader(path)
    assert first.timings["index"] > 0
    assert again.timings["index"] == again.timings["open"] == 0
    encode(path, frames=20)
    assert open_reader(path).num_frames == 20


def test_timings_add_up_over_reads(folder):
    with open_reader(encode(folder / "timed.mp4")) as reader:
        reader.read([5])
        before = dict(reader.timings)
        reader.read([30])
        assert reader.timings["decode"] > before["decode"] > 0
        assert reader.timings["convert"] > before["convert"] > 0


def test_limits_are_named_when_they_are_passed(folder):
    path = encode(folder / "limits.mp4")
    with pytest.raises(VideoError, match="more than the limit of 50 frames"):
        open_reader(path, limits=ReadLimits(max_frames=50))
    open_reader(path)  # its table is kept, and the limit holds all the same
    with pytest.raises(VideoError, match="more than the limit of 50 frames"):
        open_reader(path, limits=ReadLimits(max_frames=50))
    with pytest.raises(VideoError, match=r"60 frames of 64x48 .* limit of 100000 bytes"):
        open_reader(path, limits=ReadLimits(max_bytes=100_000)).read(list(range(60)))
    with pytest.raises(VideoError, match="64x48, more than the limit of 1000 pixels"):
        open_reader(path, limits=ReadLimits(max_pixels=1000)).read([0])


def test_a_passed_deadline_is_named(folder):
    path = encode(folder / "late.mp4")
    with pytest.raises(VideoError, match="longer than the limit of 0 s"):
        open_reader(path, limits=ReadLimits(timeout_seconds=0.0)).read([50])
    open_reader(path)  # now there is a table
    with pytest.raises(VideoError, match="longer than the limit of 1e-06 s"):
        open_reader(path, limits=ReadLimits(timeout_seconds=1e-6)).read([50])


def test_a_file_that_claims_a_huge_picture_is_refused(folder):
    path = encode(folder / "huge.avi", "rawvideo", frames=3)
    patch(path, b"strf", 12, struct.pack("<ii", 20000, 20000))
    with pytest.raises(VideoError, match="no size, or more than the limit"):
        open_reader(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"nothing that is known\n" * 9, "the data is damaged, cut off or not a video"),
        (b"\0\0\0\x18ftypmp42" + bytes(60), "the data is damaged, cut off or not a video"),
        (b"", "the file is empty"),
    ],
)
def test_what_is_no_video_is_refused_with_a_remedy(folder, content, problem):
    path = folder / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=f"^cannot read {path}: {problem}; copy it here again$"):
        open_reader(path)


def saved(write, **options):
    out = io.BytesIO()
    write(out, **options)
    return out.getvalue()


PICTURES = [Image.new("RGB", (64, 48), (9 * number, 0, 0)) for number in range(9)]
ARRAYS = {"clip": np.zeros((9, 48, 64, 3), np.uint8)}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"version https://git-lfs.example\n" * 9, "a pointer of Git LFS, not a video: fetch the"),
        (b"<!DOCTYPE html><html>Sign in</html>", "XML or HTML, not a video: download the video"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7z archive, not a video: unpack it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5, not a video: save each video in it"),
        (saved(np.savez, **ARRAYS), "an archive of NumPy arrays, not a video: save each in it as"),
        (
            saved(np.savez_compressed, **ARRAYS),
            "an archive of NumPy arrays, not a video: save each",
        ),
        (
            saved(PICTURES[0].save, format="WEBP", save_all=True, append_images=PICTURES[1:]),
            "an animated WebP image, not a video: .*save it as GIF or MP4",
        ),
    ],
)
def test_what_is_something_else_is_named(folder, content, kind):
    for ending in ("mp4", "npz"):
        path = folder / f"other.{ending}"
        path.write_bytes(content)
        with pytest.raises(VideoError, match=f"^cannot read {path}: it is {kind}") as caught:
            open_reader(path)
        assert "\n" not in str(caught.value)


def test_a_play_list_is_refused(folder):
    listing = folder / "list.mp4"
    listing.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nlimits.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        open_reader(listing)


def test_audio_alone_is_refused(folder):
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        box.mux(stream.encode(sound))
        box.mux(stream.encode(None))
    with pytest.raises(VideoError, match="it has no video stream"):
        open_reader(path)


def test_a_name_that_looks_like_an_address_is_a_name(folder):
    path = encode(folder / "http:x%03d.mp4", frames=5, container="mp4")
    assert open_reader(path).num_frames == 5


def test_a_title_in_another_encoding_does_no_harm(folder):
    path = folder / "title.mp4"
    with av.open(str(path), "w") as box:
        box.metadata["title"] = "Z\u00fcrich"
        stream = box.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        box.mux(stream.encode(av.VideoFrame(64, 48)))
        box.mux(stream.encode(None))
    patch(path, b"Z\xc3\xbc", 1, b"\xfcu")
    assert open_reader(path).num_frames == 1


def test_damage_is_reported_with_the_frame(folder):
    path = encode(folder / "damaged.mp4", frames=60)
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + len(content) // 3
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    with open_reader(path) as reader:
        assert number_of(reader.read([0])[0]) == 0
        with pytest.raises(VideoError, match=r"frame \d+ of 60 cannot be decoded"):
            reader.read(list(range(60)))


def zoo(folder):
    if not ZOO.is_dir():
        pytest.skip(f"the zoo of real files is not at {ZOO}")
    with open(ZOO / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith(folder)]
    assert rows
    return rows


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_every_good_file_of_the_zoo_is_read_exactly(step):
    """One in four of them; all, where there is time."""
    for row in zoo("derived")[::step]:
        truth = plain_decode(ZOO / row["path"])
        assert len(truth) == int(row["frames"]), row["path"]
        with open_reader(ZOO / row["path"]) as reader:
            assert reader.num_frames == len(truth), row["path"]
            for indices in list(index_sets(len(truth)))[1:7]:
                frames = reader.read(indices)
                for frame, index in zip(frames, indices, strict=True):
                    assert np.array_equal(frame, truth[index]), (row["path"], index)


def tolerant_decode(path):
    """Decode in order, over all damage: time → frame."""
    frames = {}
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for packet in box.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in decoded:
                frames[frame.time] = frame.reformat(format="rgb24", threads=1).to_ndarray()
    return frames


def test_every_broken_file_of_the_zoo_gives_an_error_or_its_frames():
    reasons = {}
    for row in zoo("broken"):
        path, start = ZOO / row["path"], time.monotonic()
        try:
            reader = open_reader(path, limits=ReadLimits(timeout_seconds=10.0))
        except VideoError as error:
            reasons[row["path"]] = error.reason
            continue
        truth, good = tolerant_decode(path), 0
        times = sorted(truth)
        for index in range(0, reader.num_frames, 7):
            try:
                frame = reader.read([index])[0]
            except VideoError:
                continue
            shown = times[0] + reader.seconds[index]
            nearest = min(times, key=lambda t, shown=shown: abs(t - shown))
            assert np.array_equal(frame, truth[nearest]), (path, index)
            good += 1
        reader.close()
        # all three of its key frames are damaged
        assert good or path.name == "bitflips_mdat.mp4", path
        assert time.monotonic() - start < 10, path
    assert len(reasons) == 10
    assert not any("Errno" in reason for reason in reasons.values())
