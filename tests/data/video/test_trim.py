"""Windows of a video that a list counts in time."""

import numpy as np
import pytest

from tests.helpers.videos import encode, number_of, numbered
from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import ReadLimits
from videomae2.data.video.trim import open_video
from videomae2.data.views.requests import SamplingSpec
from videomae2.errors import VideoError


def jumping(path, *pieces):
    """A video of pieces: so many frames, 40 ms each, from so many seconds on."""
    times = [round(1000 * start) + 40 * n for count, start in pieces for n in range(count)]
    return str(encode(path, frames=len(times), times=times))


@pytest.mark.parametrize("jump", [10, 3600, 108000])
def test_a_window_in_a_jump_of_the_clock_has_no_frames(tmp_path, jump):
    path = jumping(tmp_path / "a.mkv", (50, 0), (50, 2 + jump))
    for window in [(3, 4), (2, jump), (1.8, jump + 2), (jump / 2, jump + 3), (4, 4.01)]:
        with pytest.raises(VideoError, match=rf"jumps, so no frame is from 2.00 s to {jump + 2}"):
            read(path, *window)
    assert read(path, 1.5, 2.2) == list(range(38, 50))
    assert read(path, jump + 3, jump + 4.5) == list(range(75, 100))
    assert read(path, 0, jump + 4) == list(range(100))


def test_a_window_where_nothing_moves_shows_what_is_on_show(tmp_path):
    path = jumping(tmp_path / "a.mkv", (50, 0), (50, 6))
    assert read(path, 3, 5) == [49]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return str(encode(tmp_path_factory.mktemp("trim") / "a.mp4", frames=50))


def read(path, start, stop, frame_rate=None):
    spec = SamplingSpec(
        frames=1, channels=3, frame_interval=1, interval_unit="frames", limits=ReadLimits(),
        frame_rate=frame_rate,
    )  # fmt: skip
    with open_video(Entry(path, seconds=(start, stop)), spec) as reader:
        assert reader.seconds[0] == 0
        return [number_of(frame) for frame in reader.read(range(reader.num_frames))]


@pytest.mark.parametrize(
    ("start", "stop", "frames"),
    [
        (0, 1, range(25)),
        (1, 2, range(25, 50)),
        (0, np.inf, range(50)),
        (0.5, np.inf, range(13, 50)),
        (0.52, 0.6, range(13, 15)),
        (0.5201, 0.6001, range(13, 15)),  # times are rounded
        (0.53, 0.54, [14]),  # shorter than a frame: the next one
        (1.0, 2.3, range(25, 50)),  # a little longer than the video
        (1.99, 2.0, [49]),
    ],
)
def test_frames_shown_in_a_window_are_read(video, start, stop, frames):
    assert read(video, start, stop) == list(frames)


@pytest.mark.parametrize(("start", "stop"), [(2, 3), (50, 60), (1.5, 3), (5, np.inf)])
def test_a_window_of_another_video_is_refused(video, start, stop):
    with pytest.raises(VideoError, match=r"it lasts 2\.00 s; are the times those of a longer"):
        read(video, start, stop)


def test_frames_without_a_clock_need_a_rate(tmp_path):
    from PIL import Image

    for number in range(10):
        Image.fromarray(numbered(number)).save(tmp_path / f"{number:03}.png")
    with pytest.raises(VideoError, match="its window or the frame interval counts in seconds"):
        read(str(tmp_path), 0, 1)
    assert read(str(tmp_path), 0.5, 1, frame_rate=10.0) == [5, 6, 7, 8, 9]
