"""The built-in data set: its files are whole and repeatable, and only time tells the class."""

import csv
import json
import os

import av
import numpy as np
import pytest

from tests.helpers.logs import watching_jobs
from videomae2.data.synthetic import moving_shapes
from videomae2.data.synthetic.moving_shapes import (
    MOTION_CLASSES,
    draw_video,
    get_class,
    write_moving_shapes,
)
from videomae2.data.synthetic.textures import PATTERNS, SHAPE_SDFS, oklch_to_srgb
from videomae2.data.synthetic.trajectories import MOTIONS, REACH, SIZES, draw_trajectory
from videomae2.errors import ConfigError

SMALL = {"videos": 15, "frames": 6, "side": 32}
NUM_FIT, NUM_HELD = 480, 240  # 40 and 20 videos per class


def _files(folder):
    """Every file with what is promised of it: the text of a list, the existence of a video.

    Pixels are promised before encoding only: how they are encoded is up to the encoder.
    """
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): "" if path.suffix == ".mp4" else path.read_text()
        for path in paths
    }


# ---- files


def test_every_listed_video_is_there_and_decodes(tmp_path):
    shapes = write_moving_shapes(tmp_path / "shapes", **SMALL)
    assert (shapes.num_train, shapes.num_test) == (12, 3)
    for path, count in ((shapes.train, 12), (shapes.test, 3)):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count
        for row in rows:
            assert row["label"] in shapes.classes
            assert row["path"].split("/")[1] == row["label"]
            with av.open(str(shapes.folder / row["path"])) as container:
                stream = container.streams.video[0]
                assert (stream.codec.name, stream.average_rate) == ("h264", 16)
                images = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
            assert np.shape(images) == (6, 32, 32, 3)


def test_the_encoded_video_shows_what_was_drawn(tmp_path):
    shapes = write_moving_shapes(tmp_path, videos=5, frames=8)
    with av.open(str(tmp_path / "train" / get_class(1) / "00001.mp4")) as container:
        decoded = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
    drawn = draw_video("train", 1, frames=8)
    assert shapes.num_train == 4
    # Chroma has half the resolution, so single pixels at edges differ by more.
    assert np.abs(decoded.astype(float) - drawn).mean() < 6


def test_a_second_call_writes_nothing(tmp_path):
    first = write_moving_shapes(tmp_path, **SMALL)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with watching_jobs() as jobs:
        second = write_moving_shapes(tmp_path, **SMALL)
    assert second == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps
    assert jobs == []


def test_an_interrupted_call_is_completed_to_the_same_files(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(job):
        if job.done == 7:
            raise StoppedError

    write_moving_shapes(tmp_path / "straight", **SMALL)
    with pytest.raises(StoppedError), watching_jobs(stop):
        write_moving_shapes(tmp_path / "broken", **SMALL)
    assert not (tmp_path / "broken" / "train.csv").exists()
    assert 7 <= len(list((tmp_path / "broken").rglob("*.mp4"))) < 15

    with watching_jobs() as jobs:
        write_moving_shapes(tmp_path / "broken", **SMALL)
    assert (jobs[0].done, jobs[0].total) == (15, 15)
    assert len(jobs[0].steps) < 9
    assert _files(tmp_path / "broken") == _files(tmp_path / "straight")


def test_the_number_of_threads_changes_nothing(tmp_path):
    write_moving_shapes(tmp_path / "one", **SMALL, num_workers=1)
    write_moving_shapes(tmp_path / "three", **SMALL, num_workers=3)
    assert _files(tmp_path / "one") == _files(tmp_path / "three")


def test_a_half_written_video_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    def die(path, pixels, *, rate):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(moving_shapes, "write_video", die)
        with pytest.raises(OSError, match="No space left"):
            write_moving_shapes(tmp_path, **SMALL)
    assert list(tmp_path.rglob("*.mp4")) == []
    write_moving_shapes(tmp_path, **SMALL)
    assert list(tmp_path.rglob("*.partial")) == []


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    write_moving_shapes(tmp_path, **SMALL)
    assert json.loads((tmp_path / "dataset.json").read_text())["seed"] == 0
    with pytest.raises(ConfigError, match=r'"seed": 0.*wanted.*"seed": 1.*choose another folder'):
        write_moving_shapes(tmp_path, **SMALL, seed=1)


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(ConfigError, match=r"holds train but no dataset\.json"):
        write_moving_shapes(tmp_path, **SMALL)
    assert os.listdir(tmp_path) == ["train"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"videos": 4}, "videos must be 5 or more"),
        ({"frames": 1}, "2 or more frames"),
        ({"rate": 0}, "rate of 1 or more"),
        ({"side": 33}, "side must be even"),
        ({"seed": -1}, "seed must be in"),
    ],
)
def test_a_setting_out_of_range_is_named(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_moving_shapes(tmp_path / "shapes", **{**SMALL, **wrong})
    assert not (tmp_path / "shapes").exists()


# ---- pixels


def test_equal_keys_draw_equal_pixels_and_others_do_not():
    small = {"frames": 3, "side": 32}
    video = draw_video("train", 5, **small)
    assert video.shape == (3, 32, 32, 3)
    assert np.array_equal(video, draw_video("train", 5, **small))
    assert not np.array_equal(video, draw_video("test", 5, **small))
    assert not np.array_equal(video, draw_video("train", 5, **small, seed=1))
    assert not np.array_equal(video, draw_video("train", 5 + len(MOTION_CLASSES), **small))


@pytest.mark.parametrize("name", SHAPE_SDFS)
def test_an_outline_fills_a_good_part_of_its_circle(name):
    y, x = np.meshgrid(*[np.linspace(-1.3, 1.3, 131, dtype=np.float32)] * 2, indexing="ij")
    inside = SHAPE_SDFS[name](x[None], y[None])[0] < 0
    assert 0.3 < inside.sum() * (2.6 / 131) ** 2 / np.pi < 0.95
    assert not inside[np.hypot(x, y) > 1.2].any()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_covers_the_range_from_0_to_1(name):
    along, across = np.meshgrid(*[np.linspace(-40, 40, 400, dtype=np.float32)] * 2)
    values = PATTERNS[name](along[None], across[None])
    assert values.dtype == np.float32
    assert 0 <= values.min() < 0.02
    assert 0.98 < values.max() <= 1


def test_colors_are_those_of_oklch():
    assert np.allclose(oklch_to_srgb(1.0, 0.0, 0.0), 1, atol=1e-3)
    # sRGB red in OKLCH, from the source of the formula.
    assert np.allclose(oklch_to_srgb(0.62796, 0.25768, np.radians(29.234)), [1, 0, 0], atol=5e-3)


# ---- what tells the class


def _ridge_accuracy(features, labels, *, fit, penalty):
    """Fit one-hot targets on the first videos; give the share of right classes on the others."""
    mean, spread = features[:fit].mean(0), features[:fit].std(0) + 1e-6
    x = np.c_[(features - mean) / spread, np.ones(len(features))]
    y = np.eye(len(MOTION_CLASSES))[labels]
    weights = np.linalg.solve(
        x[:fit].T @ x[:fit] + penalty * np.eye(x.shape[1]), x[:fit].T @ y[:fit]
    )
    return ((x[fit:] @ weights).argmax(1) == labels[fit:]).mean()


def _nearest_centroid_accuracy(features, labels, *, fit):
    mean, spread = features[:fit].mean(0), features[:fit].std(0) + 1e-6
    x = (features - mean) / spread
    centroids = np.stack([x[:fit][labels[:fit] == c].mean(0) for c in range(len(MOTION_CLASSES))])
    distance = ((x[fit:, None] - centroids) ** 2).sum(-1)
    return (distance.argmin(1) == labels[fit:]).mean()


def _flow(video):
    """Fit one affine motion to each pair of frames (Lucas and Kanade): [frames - 1, 6]."""
    gray = video.mean(-1) / 255
    side = gray.shape[1]
    place = (np.arange(side) + 0.5) / side - 0.5
    middle = (gray[1:] + gray[:-1]) / 2
    gy, gx = np.gradient(middle, axis=1), np.gradient(middle, axis=2)
    x, y = place[None, None, :], place[None, :, None]
    basis = np.stack([gx, gy, gx * x, gx * y, gy * x, gy * y], -1).reshape(len(middle), -1, 6)
    change = (gray[1:] - gray[:-1]).reshape(len(middle), -1, 1)
    # Where nothing changes is ground: it must not hold the motion of the shape down.
    weight = np.abs(change) > 0.03
    normal = np.einsum("fpi,fpj->fij", basis * weight, basis) + 1e-2 * np.eye(6)
    return -np.linalg.solve(normal, np.einsum("fpi,fpk->fik", basis * weight, change))[..., 0]


def _flow_features(video):
    """Typical motion, its spread, and how it turns: of the six numbers of the affine motion."""
    flow = _flow(video)
    median, spread = np.median(flow, 0), np.abs(flow - np.median(flow, 0)).mean(0)
    signs = np.sign(flow).mean(0)
    return np.concatenate([median, spread, np.log(spread + 1e-3), signs])


@pytest.fixture(scope="module")
def seen():
    """What three observers see: one frame, the mean frame, and the motion, of drawn videos."""
    when = np.random.default_rng(0)
    frame, mean, motion = [], [], []
    for number in range(NUM_FIT + NUM_HELD):
        video = draw_video("train", number, side=32)
        small = video.reshape(32, 8, 4, 8, 4, 3).mean((2, 4))
        frame.append(small[when.integers(32)].ravel())
        mean.append(small.mean(0).ravel())
        motion.append(_flow_features(video))
    labels = np.arange(len(frame)) % len(MOTION_CLASSES)
    return {"frame": np.array(frame), "mean": np.array(mean), "motion": np.array(motion)}, labels


# Chance is 1/12 = 0.083; with 240 held-out videos its standard deviation is 0.018.
NEAR_CHANCE = 1 / 12 + 4 * 0.018


@pytest.mark.slow
@pytest.mark.parametrize("what", ["frame", "mean"])
def test_a_still_picture_does_not_tell_the_class(seen, what):
    features, labels = seen
    assert _nearest_centroid_accuracy(features[what], labels, fit=NUM_FIT) < NEAR_CHANCE
    assert _ridge_accuracy(features[what], labels, fit=NUM_FIT, penalty=100.0) < NEAR_CHANCE


def test_motion_tells_six_classes_of_few_short_videos():
    """Chance is 1/6, and 0.09 its standard deviation with 18 held-out videos."""
    numbers = [n for n in range(8 * len(MOTION_CLASSES)) if n % len(MOTION_CLASSES) < 6]
    features = np.array(
        [_flow_features(draw_video("train", n, frames=16, side=32)) for n in numbers]
    )
    labels = np.array(numbers) % len(MOTION_CLASSES)
    assert _ridge_accuracy(features, labels, fit=30, penalty=1.0) > 1 / 6 + 4 * 0.09


@pytest.mark.slow
def test_motion_tells_the_class(seen):
    features, labels = seen
    assert _nearest_centroid_accuracy(features["motion"], labels, fit=NUM_FIT) > 0.6
    assert _ridge_accuracy(features["motion"], labels, fit=NUM_FIT, penalty=1.0) > 0.7


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_pose_at_any_frame_has_one_distribution_for_all_motions(motion):
    generator = np.random.Generator(np.random.Philox(key=7))
    drawn = [draw_trajectory(motion, 24, generator=generator) for _ in range(1500)]
    for frame in (0, 11, 23):
        x, y, size, angle = (
            np.array([getattr(poses, name)[frame] for poses in drawn])
            for name in ("x", "y", "size", "angle")
        )
        low, high = np.log(SIZES)
        turns = {
            "area": (x**2 + y**2) / REACH**2,
            "bearing": np.arctan2(y, x) / (2 * np.pi) % 1,
            "size": (np.log(size) - low) / (high - low),
            "angle": angle / (2 * np.pi) % 1,
        }
        for name, share in turns.items():
            # All four are uniform from 0 to 1. The largest gap between that and 1500 draws stays
            # below 2.2 / sqrt(1500) but once in 8000 times (Kolmogorov).
            gap = np.abs(np.sort(share) - (np.arange(1500) + 0.5) / 1500).max()
            assert gap < 2.2 / np.sqrt(1500), (name, frame, gap)
        together = np.corrcoef(np.stack(list(turns.values())))
        assert np.abs(together - np.eye(4)).max() < 4 / np.sqrt(1500)


def test_every_motion_moves_evenly_but_for_its_way_back():
    generator = np.random.Generator(np.random.Philox(key=8))
    for _ in range(50):
        poses = draw_trajectory("moves_left", 64, generator=generator)
        steps = np.diff(poses.x)
        assert np.ptp(poses.y) == 0
        assert (steps < 0).mean() > 0.75
