import numpy as np
import pytest

from tests.helpers.videos import ZOO, encode, number_of, plain_decode
from videomae2.data.manifests.manifest import Entry
from videomae2.data.video import stream
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.data.video.stream import VideoStream
from videomae2.data.views import scan as scanning
from videomae2.data.views.scan import (
    SCAN_FUNCTION,
    ScanRequest,
    iterate_scan,
    open_scan,
    read_part,
)
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoError


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("scan") / "numbers.mp4", frames=60, gop=250)


def request(path, **changed):
    return ScanRequest(entry=Entry(str(path)), pixels="rgb", limits=ReadLimits(), **changed)


def in_this_process():
    return Pool(SCAN_FUNCTION, num_workers=0, timeout_seconds=30.0, memory_limit_bytes=None)


def opened_stream(path):
    return VideoStream(str(path), pixels="rgb", limits=ReadLimits())


def test_parts_are_the_frames_of_a_plain_decoder_and_each_is_decoded_once(video, monkeypatch):
    decoded = []
    original = stream.decode_from_start

    def counted(*args, **options):
        for marked in original(*args, **options):
            decoded.append(marked.frame.pts)
            yield marked

    monkeypatch.setattr(stream, "decode_from_start", counted)
    monkeypatch.setattr(scanning, "_CHUNK_FRAMES", 7)
    wanted = list(range(0, 60, 2))
    with in_this_process() as pool:
        opened = open_scan(pool, request(video))
        assert (opened.num_frames, opened.shape) == (60, (48, 64, 3))
        assert opened.seconds[1] == pytest.approx(0.04)
        parts = [
            (indices, frames.copy())
            for indices, frames, _, _ in iterate_scan(pool, request(video), wanted, opened.shape)
        ]
    assert max(len(indices) for indices, _ in parts) == 7
    assert [index for indices, _ in parts for index in indices] == wanted
    plain = plain_decode(video)
    found = np.concatenate([frames for _, frames in parts])
    assert np.array_equal(found, np.stack([plain[index] for index in wanted]))
    assert len(decoded) == len(set(decoded)) == 59


def test_parts_of_large_frames_have_few_of_them(video, monkeypatch):
    monkeypatch.setattr(scanning, "_CHUNK_BYTES", 2 * 48 * 64 * 3)
    with in_this_process() as pool:
        shape = open_scan(pool, request(video)).shape
        counts = [len(part.indices) for part in iterate_scan(pool, request(video), range(5), shape)]
    assert counts == [2, 2, 1]


def test_a_reading_process_gives_the_same(video):
    with Pool(SCAN_FUNCTION, num_workers=1, timeout_seconds=30.0, memory_limit_bytes=2**30) as pool:
        shape = open_scan(pool, request(video)).shape
        for indices, frames, *_ in iterate_scan(pool, request(video), [3, 40, 59], shape):
            assert [number_of(frame) for frame in frames] == list(indices) == [3, 40, 59]


def test_a_stream_that_is_asked_to_go_back_starts_again(video):
    reader = opened_stream(video)
    assert number_of(reader.read([50])[0]) == 50
    assert number_of(reader.read([50])[0]) == 50
    assert [number_of(frame) for frame in reader.read([2, 49])] == [2, 49]
    with pytest.raises(VideoError, match=r"frame 60 was asked for, it has frames 0\.\.59"):
        reader.read([60])


def test_other_videos_and_other_sizes_are_opened_anew(video, tmp_path):
    other = encode(tmp_path / "other.mp4", frames=3, size=(32, 32))
    small = ReadLimits(max_short_side=24)
    wanted = [
        (video, ReadLimits(), (48, 64, 3)),
        (other, ReadLimits(), (32, 32, 3)),
        (video, small, (24, 32, 3)),
    ]
    for path, limits, shape in wanted:
        asked = ScanRequest(entry=Entry(str(path)), pixels="rgb", limits=limits)
        assert read_part(asked, np.empty)[1]["shape"] == shape
        asked = ScanRequest(entry=Entry(str(path)), pixels="rgb", limits=limits, indices=(1,))
        assert read_part(asked, np.empty)[0]["frames"].shape == (1, *shape)


def test_arrays_have_no_clock_unless_told(tmp_path):
    frames = np.arange(20 * 12, dtype=np.uint8).reshape(5, 4, 4, 3)
    np.save(tmp_path / "a.npy", frames)
    with in_this_process() as pool:
        opened = open_scan(pool, request(tmp_path / "a.npy"))
        assert (opened.seconds, opened.shape) == (None, (4, 4, 3))
        timed = request(tmp_path / "a.npy", frame_rate=2.0)
        assert open_scan(pool, timed).seconds.tolist() == [0, 0.5, 1, 1.5, 2]
        ((_, found, last, error),) = iterate_scan(pool, timed, [1, 4], opened.shape)
        assert np.array_equal(found, frames[[1, 4]])
        assert (last, error) == (4, None)


def test_what_cannot_be_opened_says_why(video, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(video.read_bytes()[:300])
    with in_this_process() as pool:
        for name in ("broken.mp4", "gone.mp4"):
            with pytest.raises(VideoError, match=name):
                open_scan(pool, request(tmp_path / name))


@pytest.mark.slow
@pytest.mark.skipif(not ZOO.exists(), reason="the videos for development are not here")
@pytest.mark.parametrize(
    "path", sorted((ZOO / "derived").glob("*")) if ZOO.exists() else [], ids=lambda p: p.name
)
def test_a_stream_gives_the_frames_that_a_reader_gives(path):
    with open_reader(path) as reader:
        wanted = list(range(0, reader.num_frames, max(1, reader.num_frames // 8)))
        expected, seconds = reader.read(wanted), reader.seconds
    found = opened_stream(path)
    assert np.array_equal(found.seconds, seconds)
    parts = [found.read(wanted[:3]), found.read(wanted[3:])] if wanted[3:] else [found.read(wanted)]
    assert np.array_equal(np.concatenate(parts), expected)
    assert found.shape == expected.shape[1:]
