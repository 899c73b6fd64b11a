"""Damaged files and odd clocks: what is whole is read, what is not is said, nothing ends."""

import io
import os
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.videos import encode, number_of, numbered, plain_decode
from videomae2.data.video.pyav_reader import VideoFile
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.data.video.stream import VideoStream
from videomae2.errors import VideoError


def damage(path, share, count=400, seed=0):
    """Put noise in the place of some bytes."""
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    content[start : start + count] = np.random.default_rng(seed).bytes(count)
    path.write_bytes(content)
    return path


FILES = [
    ("a.ts", "mpeg2video", {}),
    ("a.ts", "libx264", {"bf": "2"}),
    ("b.ts", "mpeg4", {}),
]


def list_marked(path):
    """The times of frames of which FFmpeg says that parts are made up."""
    with av.open(str(path)) as box:
        return [frame.pts for frame in box.decode(video=0) if frame.is_corrupt]


def damage_packets(path, seed):
    """Put noise in the content of the transport packets of a tenth of a file."""
    content, noise = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in range(len(content) // 2 // 188 * 188 + 40, int(len(content) * 0.6), 188):
        content[at : at + 60] = noise.bytes(60)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("codec", "options", "size"),
    [
        ("mpeg2video", {"b": "800k"}, (96, 160)),
        ("mpeg2video", {"b": "800k"}, (48, 64)),
        ("mpeg2video", {}, (96, 160)),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_frames_that_a_decoder_makes_up_are_not_given_out(tmp_path, codec, options, size, seed):
    path = encode(tmp_path / "a.ts", codec, frames=60, gop=12, options=options, size=size)
    marked = list_marked(damage_packets(path, seed))
    assert marked, "the damage shows"
    with VideoFile(path, pixels="rgb", limits=ReadLimits()) as reader:
        times = reader.frame_index.times.tolist()
        lost = [index for index, time in enumerate(times) if time in marked]
        assert lost
        for index in lost:
            with pytest.raises(VideoError, match="the file is damaged there"):
                reader.read([index])
        assert [number_of(frame) for frame in reader.read(range(12))] == list(range(12))
    stream = VideoStream(str(path), pixels="rgb", limits=ReadLimits())
    assert set(lost) <= set(stream.read_intact(range(stream.num_frames))[1])


LEANING = [
    ("closed.mp4", "libx264", {"bf": "2"}),
    ("open.ts", "libx264", {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal"}),
    ("raw.h264", "libx264", {"bf": "2"}),
    ("refresh.mkv", "libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=1:scenecut=0"}),
    ("b.mkv", "mpeg2video", {"bf": "2", "b": "800k"}),
    ("packed.avi", "mpeg4", {"bf": "0", "b": "800k"}),
    ("keys.mkv", "mjpeg", {}),
]


def list_packets(path):
    """Where each packet lies in a file and how long it is."""
    with av.open(str(path)) as box:
        packets = [p for p in box.demux(video=0) if p.size]
        sizes = np.cumsum([0] + [p.size for p in packets]).tolist()
        return [
            (start if p.pos is None or p.pos < 0 else p.pos, p.size)
            for start, p in zip(sizes[:-1], packets, strict=True)
        ]


def read_singly(path, count):
    """Frame by frame, and the indices of those that are damaged."""
    frames, lost = {}, []
    with open_reader(path) as reader:
        for index in range(count):
            try:
                frames[index] = reader.read([index])[0]
            except VideoError:
                lost.append(index)
    return frames, lost


def read_in_parts(path, count):
    """As a time line does, and the indices of those that are damaged."""
    stream, frames, lost = VideoStream(str(path), pixels="rgb", limits=ReadLimits()), {}, []
    for first in range(0, count, 7):
        indices = range(first, min(first + 7, count))
        part, damaged = stream.read_intact(list(indices))
        frames.update(zip([n for n in indices if n not in damaged], part, strict=True))
        lost += damaged
    return frames, lost


@pytest.mark.parametrize(("name", "codec", "options"), LEANING)
def test_what_leans_on_damage_is_lost_and_nothing_else(tmp_path, name, codec, options):
    """In every packet at a time: each frame is the one of the whole file, or is said to be lost."""
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = encode(
        tmp_path / name, codec, frames=30, options=options, size=(96, 160), pix_fmt=pixels
    )
    truth, content, seen = plain_decode(path), path.read_bytes(), 0
    for number, (at, size) in enumerate(list_packets(path)):
        if number % 5:
            continue
        noise = np.random.default_rng(number).bytes(min(60, size // 3))
        at += size // 2
        path.write_bytes(content[:at] + noise + content[at + len(noise) :])
        frames, lost = read_in_parts(path, 30)
        one_by_one, missing = read_singly(path, 30)
        assert missing == lost
        for index, frame in [*frames.items(), *one_by_one.items()]:
            if lost:  # else the decoder did not notice
                assert np.array_equal(frame, truth[index]), (number, index)
        assert len(lost) < 30 or number == 0
        seen += bool(lost)
        if codec == "mjpeg":
            assert len(lost) <= 1
    assert seen or codec == "mjpeg"


@pytest.mark.parametrize(("name", "codec", "options"), FILES)
def test_a_stream_goes_on_behind_the_damage(tmp_path, name, codec, options):
    path = damage(encode(tmp_path / name, codec, frames=60, gop=12, options=options), 0.4)
    stream = VideoStream(str(path), pixels="rgb", limits=ReadLimits())
    intact = {}
    for first in range(0, stream.num_frames, 10):
        indices = list(range(first, min(first + 10, stream.num_frames)))
        frames, lost = stream.read_intact(indices)
        assert len(frames) + len(lost) == len(indices)
        there = [index for index in indices if index not in lost]
        intact.update(zip(there, map(number_of, frames), strict=True))
    assert 24 <= len(intact) < 60
    assert max(intact.values()) > 50


def test_times_far_out_of_order_end_no_process(tmp_path):
    """Two takes in one stream, the second clock set back: the decoder asserts beyond 16."""
    path = tmp_path / "jump.mkv"
    with av.open(str(path), "w", format="matroska") as box:
        stream = box.add_stream("libx264", rate=25, options={"bf": "0", "g": "250"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(100):
            frame = av.VideoFrame.from_ndarray(numbered(number % 60), format="rgb24")
            for packet in stream.encode(frame):
                box.mux(packet)
        for packet in stream.encode(None):
            box.mux(packet)
    shift_blocks(path, first=40, milliseconds=-1590)
    code = f"""
from videomae2.data.video.reader import open_reader
reader = open_reader({str(path)!r})
print(reader.read(range(0, reader.num_frames, 4)).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert done.returncode == 0 or "VideoError" in done.stderr


def shift_blocks(path, first, milliseconds):
    """Move the times of a Matroska file's blocks."""
    content = bytearray(path.read_bytes())
    blocks = []

    def read_number(at, *, keep):
        length = 1
        while not content[at] & (0x80 >> (length - 1)):
            length += 1
        value = int.from_bytes(content[at : at + length], "big")
        return (value if keep else value & ((1 << 7 * length) - 1)), length

    def walk(at, end):
        while at < end:
            kind, first_length = read_number(at, keep=True)
            size, length = read_number(at + first_length, keep=False)
            body = at + first_length + length
            if kind in (0x18538067, 0x1F43B675):
                walk(body, min(body + size, end))
            elif kind == 0xA3:
                blocks.append(body + 1)
            at = body + size

    walk(0, len(content))
    for at in blocks[first:]:
        time = int.from_bytes(content[at : at + 2], "big", signed=True) + milliseconds
        content[at : at + 2] = time.to_bytes(2, "big", signed=True)
    path.write_bytes(content)


def test_frames_with_exif_of_a_camera_are_read(tmp_path):
    path = tmp_path / "camera.mkv"
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        box.start_encoding()
        for number in range(20):
            buffer = io.BytesIO()
            Image.fromarray(numbered(number)).save(buffer, "JPEG", exif=exif, quality=95)
            packet = av.Packet(buffer.getvalue())
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, True
            box.mux(packet)
    with open_reader(path) as reader:
        assert [number_of(frame) for frame in reader.read([0, 5, 19])] == [0, 5, 19]


@pytest.mark.parametrize("delay", [2.0, 0.52])
@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_a_picture_that_starts_after_the_sound_says_when(tmp_path, delay, name):
    with av.open(str(tmp_path / name), "w") as box:
        picture, sound = box.add_stream("libx264", rate=25), box.add_stream("aac", rate=16000)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for number in range(60):
            tone = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            tone.rate, tone.pts = 16000, 1024 * number
            tone.planes[0].update(bytes(4096))
            box.mux(sound.encode(tone))
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = number + round(25 * delay), Fraction(1, 25)
            box.mux(picture.encode(frame))
        for stream in (picture, sound):
            box.mux(stream.encode(None))
    with VideoFile(tmp_path / name, pixels="rgb", limits=ReadLimits()) as file:
        assert file.start_seconds == pytest.approx(delay, abs=0.07)
        assert file.seconds[0] == 0
    with open_reader(encode(tmp_path / "a.mp4", frames=5)) as reader:
        assert reader.start_seconds == 0


@pytest.mark.parametrize(
    ("aspect", "shape"), [("2:3", (48, 43)), ("4:3", (48, 85)), ("1:1", (48, 64)), (None, (48, 64))]
)
def test_pixels_that_are_not_square_can_be_shown_as_players_do(tmp_path, aspect, shape):
    path = tmp_path / "dvd.mp4"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = Fraction(*map(int, aspect.split(":")))
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            for packet in stream.encode(frame):
                box.mux(packet)
        for packet in stream.encode(None):
            box.mux(packet)
    assert open_reader(path).read([1]).shape[1:3] == (48, 64)
    limits = ReadLimits(square_pixels=True)
    assert open_reader(path, limits=limits).read([1]).shape[1:3] == shape
    assert VideoStream(str(path), pixels="rgb", limits=limits).shape[:2] == shape


def test_a_fifo_that_is_named_like_a_video_waits_for_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="pipe"):
        open_reader(tmp_path / "pipe.mp4")
