import weakref

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.brightness_classifier import SIDE, levels, save_rigged, write_levels
from tests.helpers.classifiers import saved_classifier
from tests.helpers.logs import watching_jobs
from videomae2.data.video.reader import open_reader
from videomae2.data.views import scan as scanning
from videomae2.data.views.resize import resize_to_cover
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import expand_inputs
from videomae2.inference.predictor import Predictor
from videomae2.inference.scorer import VideoScorer
from videomae2.inference.timeline import TimelineConfig, compute_timeline
from videomae2.models.weights.config_json import FrameSampling

pytestmark = pytest.mark.usefixtures("reads_here")

PHASES = ((38, 0), (60, 255), (50, 0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("timeline")
    save_rigged(place / "model")
    write_levels(place / "long.mp4", levels(*PHASES))
    return place


def line_of(model, video, *, frame_rate=None, **config):
    (only,) = expand_inputs([video])
    predictor = Predictor(model, device="cpu", precision="fp32", frame_rate=frame_rate)
    return compute_timeline(predictor, only, TimelineConfig(**config))


def spans(found):
    return [
        (round(s.start_seconds, 6), round(s.stop_seconds, 6), found.outputs.get_name(s.output))
        for s in found.segments
    ]


def test_it_says_what_holds_when(folder):
    with watching_jobs() as jobs:
        found = line_of(folder / "model", folder / "long.mp4")
    # Windows of 8 frames every 4. The one from frame 36 on is the first with mostly bright frames;
    # while it overlaps with a dark one, neither is ahead.
    assert spans(found) == [(0, 1.6, "dark"), (1.6, 4.0, "bright"), (4.0, 5.92, "dark")]
    assert len(found.scores) == (148 - 8) // 4 + 1
    assert found.length_seconds == pytest.approx(5.92)
    assert found.read_error is None
    assert [(job.title, job.unit) for job in jobs] == [("long.mp4", "s")]
    assert jobs[0].steps == sorted(jobs[0].steps)
    assert (jobs[0].done, jobs[0].total) == (pytest.approx(5.92), pytest.approx(5.92))


def test_windows_and_distances_can_be_chosen(folder):
    found = line_of(folder / "model", folder / "long.mp4", window_seconds=1.0, hop_seconds=1.0)
    assert found.windows.starts.tolist() == pytest.approx([0, 1, 2, 3, 4, 4.92])
    assert found.windows.frames[1].tolist() == [25, 31, 37, 43]
    assert spans(found) == [(0, 2.0, "dark"), (2.0, 4.0, "bright"), (4.0, 5.92, "dark")]


@pytest.mark.parametrize("part_frames", [1, 5, 64])
def test_scores_are_those_of_each_window_read_by_itself(tmp_path, monkeypatch, part_frames):
    monkeypatch.setattr(scanning, "_CHUNK_FRAMES", part_frames)
    saved_classifier(tmp_path / "model")
    rng = np.random.default_rng(4)
    np.save(tmp_path / "a.npy", rng.integers(0, 256, (75, 36, 50, 3), dtype=np.uint8))
    found = line_of(tmp_path / "model", tmp_path / "a.npy", frame_rate=10.0)
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32")
    with open_reader(tmp_path / "a.npy") as reader:
        clips = [middle_view(reader.read(index)) for index in found.windows.frames.tolist()]
    np.testing.assert_allclose(found.scores, predictor.score_clips(torch.stack(clips)), atol=1e-6)
    assert len(clips) == 4


def middle_view(frames):
    """The frames of a clip of a whole video with one crop; resized plainly, as nothing is known."""
    place, device = np.arange(len(frames))[None], torch.device("cpu")
    return resize_to_cover(
        frames, place, (32, 32), crops=1, antialias=False, device=device
    ).cut_view(0)


def test_only_frames_of_open_windows_are_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "_CHUNK_FRAMES", 8)
    parts, alive = [], []
    original = VideoScorer.crop_center

    def watched(*arguments):
        part = original(*arguments)
        parts.append(weakref.ref(part))
        alive.append(sum(there() is not None for there in parts))
        return part

    monkeypatch.setattr(VideoScorer, "crop_center", watched)
    np.save(tmp_path / "a.npy", np.zeros((400, SIDE, SIDE, 3), np.uint8))
    found = line_of(folder / "model", tmp_path / "a.npy", frame_rate=10.0)
    assert len(found.scores) == 99
    assert len(parts) == 25  # every second frame, eight at a time
    assert max(alive) <= 3


def test_frames_of_the_models_own_size_are_not_overwritten_in_processes(tmp_path):
    """Nothing is cut off them and nothing resized, so they could be the reader's own memory."""
    save_rigged(tmp_path / "model")
    write_levels(tmp_path / "small.mp4", levels((200, 0), (200, 255)), size=(SIDE, SIDE))
    found = line_of(tmp_path / "model", tmp_path / "small.mp4")
    assert spans(found) == [(0, 8.0, "dark"), (8.0, 16.0, "bright")]


def test_classes_that_may_hold_together_and_numbers(folder, tmp_path):
    many = save_rigged(
        tmp_path / "many", answers="multilabel", names=("a", "b", "c"), rows=(-1.0, 1.0, 1.0)
    )
    found = line_of(many, folder / "long.mp4", threshold=0.6, hysteresis=0.2)
    wanted = [(0, 1.6, "a"), (1.6, 4.0, "b"), (1.6, 4.0, "c"), (4.0, 5.92, "a")]
    assert spans(found) == wanted
    found = line_of(many, folder / "long.mp4", threshold=0.6, hysteresis=0.0)
    wanted = [(0, 1.44, "a"), (1.6, 3.84, "b"), (1.6, 3.84, "c"), (4.0, 5.92, "a")]
    assert spans(found) == wanted
    numbers = save_rigged(tmp_path / "numbers", answers="regression", names=None, rows=(1.0,))
    found = line_of(numbers, folder / "long.mp4")
    assert found.segments == []
    assert found.bins.scores[0, 0] == pytest.approx(-(23**0.5), rel=1e-3)


def test_a_model_of_whole_videos_needs_a_window(folder, tmp_path):
    model = save_rigged(tmp_path / "model", span=FrameSampling(kind="tsn"))
    with pytest.raises(ConfigError, match="choose --window-seconds SECONDS"):
        line_of(model, folder / "long.mp4")
    found = line_of(model, folder / "long.mp4", window_seconds=1.0)
    assert found.windows.frames[0].tolist() == [3, 9, 15, 21]


def images(folder, count=60, broken=None):
    folder.mkdir()
    for number in range(count):
        Image.new("L", (SIDE, SIDE), 255).save(folder / f"{number:03}.png")
    if broken is not None:
        (folder / f"{broken:03}.png").write_bytes(b"no image")
    return folder


def test_without_a_clock_a_frame_rate_is_wanted(folder, tmp_path):
    video = images(tmp_path / "frames")
    with pytest.raises(VideoError, match="no clock; give its --frame-rate"):
        line_of(folder / "model", video)
    assert spans(line_of(folder / "model", video, frame_rate=10.0)) == [(0, 6.0, "bright")]


@pytest.mark.parametrize("broken", [0, 2, 30, 42])
@pytest.mark.parametrize("chunk", [8, 64])
def test_a_damaged_frame_costs_the_windows_that_show_it_and_no_other(
    folder, tmp_path, monkeypatch, broken, chunk
):
    monkeypatch.setattr(scanning, "_CHUNK_FRAMES", chunk)
    whole = line_of(folder / "model", images(tmp_path / "whole"), frame_rate=10.0)
    found = line_of(folder / "model", images(tmp_path / "broken", broken=broken), frame_rate=10.0)
    intact = ~(whole.windows.frames == broken).any(axis=1)
    assert 0 < found.num_lost == (~intact).sum()
    np.testing.assert_array_equal(found.windows.starts, whole.windows.starts[intact])
    np.testing.assert_allclose(found.scores, whole.scores[intact], atol=1e-6)
    assert f"{broken:03}.png" in found.read_error.path
    assert found.describe_loss().startswith(f"{found.num_lost} of {len(intact)} windows")


def test_without_a_single_whole_window_a_video_is_unreadable(folder, tmp_path):
    frames = images(tmp_path / "frames")
    for number in range(60):
        (frames / f"{number:03}.png").write_bytes(b"no image")
    with pytest.raises(VideoError, match="cannot be read"):
        line_of(folder / "model", frames, frame_rate=10.0)


def test_channels_that_the_model_does_not_read_are_refused(folder, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 16, 16, 2), np.uint8))
    with pytest.raises(VideoError, match="its frames have 2 channels, the model reads 3"):
        line_of(folder / "model", tmp_path / "a.npy", frame_rate=10.0)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"window_seconds": 0.0}, "--window-seconds 0.0 cannot work; it wants a number above 0"),
        ({"hop_seconds": -1.0}, "--hop-seconds -1.0 cannot"),
        ({"threshold": 1.5}, "--threshold 1.5 cannot work; it wants a share from 0 to 1"),
        ({"hysteresis": -0.1}, "--hysteresis -0.1 cannot work; it wants a share from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(config, said):
    with pytest.raises(ConfigError, match=said):
        TimelineConfig(**config)
