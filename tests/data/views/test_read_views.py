"""All views of a video from one decoding: the frames, their size, the cuts."""

import numpy as np
import pytest
import torch

from tests.helpers.videos import encode, number_of
from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.data.views.read import read_views
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import iterate_view_batches, resize, resize_to_cover
from videomae2.data.views.sampling import dense_clips, segment_clips, timed_clips
from videomae2.errors import VideoError

CPU = torch.device("cpu")


def shape(clips=3, crops=2, kind="strided", stride=2.0, unit="frames", **changed):
    settings = {"frames": 4, "channels": 3, "limits": ReadLimits()} | changed
    return ViewSpec(
        frame_sampling=kind,
        clips=clips,
        crops=crops,
        frame_interval=stride,
        interval_unit=unit,
        **settings,
    )


def read(path, wanted):
    return read_views(ViewsRequest(Entry(str(path)), wanted), np.empty)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "numbers.mp4", frames=40)


@pytest.mark.parametrize(
    ("wanted", "clips"),
    [
        (shape(), dense_clips(40, 4, 2, clips=3)),
        (shape(clips=1), dense_clips(40, 4, 2, clips=1)),
        (shape(kind="tsn"), segment_clips(40, 4, clips=3)),
        (shape(stride=0.2, unit="seconds"), timed_clips(np.arange(40) / 25, 4, 0.2, clips=3)),
        (shape(stride=5.0, unit="per-second"), timed_clips(np.arange(40) / 25, 4, 0.2, clips=3)),
    ],
)
def test_every_clip_shows_the_frames_of_its_plan(video, wanted, clips):
    arrays, meta = read(video, wanted)
    shown = [
        [number_of(frame) for frame in clip] for clip in arrays["frames"][arrays["frame_index"]]
    ]
    assert shown == clips.tolist()
    assert meta["indices"] == sorted(set(clips.ravel().tolist()))
    assert (meta["num_frames"], meta["length_seconds"]) == (40, pytest.approx(1.6))


def test_a_video_is_opened_and_read_once(video, monkeypatch):
    calls = []

    def counting(*arguments, **named):
        reader = open_reader(*arguments, **named)
        plain = reader.read
        reader.read = lambda indices: calls.append(len(indices)) or plain(indices)
        calls.append("open")
        return reader

    monkeypatch.setattr("videomae2.data.video.trim.open_reader", counting)
    arrays, _ = read(video, shape(clips=5, crops=3))
    assert calls == ["open", len(arrays["frames"])]
    assert len(arrays["frames"]) <= 20


def test_a_stride_in_seconds_wants_a_clock(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 16, 16, 3), np.uint8))
    with pytest.raises(VideoError, match="has no clock"):
        read(tmp_path / "a.npy", shape(unit="seconds"))
    _, meta = read(tmp_path / "a.npy", shape(unit="seconds", frame_rate=10.0))
    assert meta["length_seconds"] == pytest.approx(0.9)
    assert read(tmp_path / "a.npy", shape())[1]["length_seconds"] is None


def test_another_number_of_channels_is_refused(video, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 16, 16, 2), np.uint8))
    with pytest.raises(VideoError, match="2 channels, the model reads 3"):
        read(tmp_path / "a.npy", shape())


# ---- on the device


def slow_bilinear(frame, height, width):
    """Every pixel from its four nearest, pixel centres at halves, as cv2.INTER_LINEAR does."""
    tall, wide = frame.shape[:2]
    out = np.empty((height, width, frame.shape[2]))
    for i in range(height):
        y = min(max((i + 0.5) * tall / height - 0.5, 0), tall - 1)
        for j in range(width):
            x = min(max((j + 0.5) * wide / width - 0.5, 0), wide - 1)
            top, left = int(y), int(x)
            low, right = min(top + 1, tall - 1), min(left + 1, wide - 1)
            b, a = y - top, x - left
            upper = (1 - a) * frame[top, left].astype(float) + a * frame[top, right]
            lower = (1 - a) * frame[low, left].astype(float) + a * frame[low, right]
            out[i, j] = (1 - b) * upper + b * lower
    return out


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (6, 24, 40, 3), dtype=np.uint8)


PLACE = np.array([[0, 1, 2], [3, 4, 5]])


def test_plain_resizing_is_the_released_one(frames):
    made = resize_to_cover(frames, PLACE, (16, 16), crops=3, antialias=False, device=CPU)
    assert made.frames.shape == (6, 16, 26, 3)
    slow = np.stack([slow_bilinear(frame, 16, 26) for frame in frames])
    assert np.abs(made.frames.numpy() - slow).max() <= 0.5 + 1e-3


def test_antialiased_resizing_is_that_of_training(frames):
    made = resize_to_cover(frames, PLACE, (16, 16), crops=3, antialias=True, device=CPU)
    whole = resize(torch.from_numpy(frames).permute(0, 3, 1, 2), (16, 26)).permute(0, 2, 3, 1)
    assert torch.equal(made.frames, whole)


def test_views_are_all_crops_of_the_first_clip_and_then_the_next(frames):
    made = resize_to_cover(frames, PLACE, (24, 24), crops=3, antialias=False, device=CPU)
    for number in range(6):
        clip, crop = divmod(number, 3)
        wanted = frames[PLACE[clip]][:, :, 8 * crop : 8 * crop + 24]
        assert np.array_equal(made.cut_view(number).numpy(), wanted)


def test_what_is_made_outlives_what_was_read(frames):
    for size in ((24, 24), (16, 16)):
        memory = frames.copy()
        place = PLACE.copy()
        made = resize_to_cover(memory, place, size, crops=2, antialias=False, device=CPU)
        before = made.cut_view(0).clone()
        memory[:], place[:] = 0, 0
        assert torch.equal(made.cut_view(0), before)


def test_batches_hold_all_views_in_order_and_black_ones_where_a_video_is_missing(frames):
    made = resize_to_cover(frames, PLACE, (24, 24), crops=2, antialias=False, device=CPU)
    batches = list(iterate_view_batches([made, None, made], 4, batch_size=5))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    every = torch.cat(batches)
    assert every[4:8].max() == 0
    for first in (0, 8):
        for view in range(4):
            assert torch.equal(every[first + view], made.cut_view(view))


def test_equal_views_are_found(frames):
    place = np.array([[0, 1, 2], [3, 4, 5], [0, 1, 2]])
    made = resize_to_cover(frames[:, :, :24], place, (16, 16), crops=2, antialias=False, device=CPU)
    numbers, inverse = made.find_unique_views()
    assert numbers == [0, 2]
    assert inverse.tolist() == [0, 0, 1, 1, 0, 0]
    for number, kind in enumerate(inverse):
        assert torch.equal(made.cut_view(number), made.cut_view(numbers[kind]))
