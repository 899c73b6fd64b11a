"""Videos on both sides under other names: the same bytes, and nearly the same pictures."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.videos import ZOO
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.data.splits.duplicates import (
    compute_likeness,
    compute_signature,
    describe_duplicates,
    find_equal_files,
    find_near_pairs,
    list_side,
)

READING = ReadingConfig(num_workers=0)
FIGHTS = ZOO.parent / "fights"


@pytest.fixture
def sides(tmp_path):
    """Two folders of files of one size; three are the same on both sides."""
    rng = np.random.default_rng(0)
    for side in ("train", "test"):
        (tmp_path / side).mkdir()
        for number in range(6):
            content = rng.bytes(200_000)
            (tmp_path / side / f"{side}{number}.mp4").write_bytes(content)
    for number in range(2):
        shutil.copy(tmp_path / "train" / f"train{number}.mp4", tmp_path / "test" / f"c{number}.mp4")
    middle = bytearray((tmp_path / "train" / "train4.mp4").read_bytes())
    middle[100_000] ^= 1  # the ends are equal, and the sizes
    (tmp_path / "test" / "nearly.mp4").write_bytes(middle)
    return tmp_path


def entries(folder):
    return list(read_manifest(folder))


def test_equal_bytes_are_found_whatever_the_name(sides):
    found = find_equal_files(entries(sides / "train"), entries(sides / "test"))
    assert [(Path(p.first).name, Path(p.second).name) for p in found] == [
        ("train0.mp4", "c0.mp4"), ("train1.mp4", "c1.mp4"),
    ]  # fmt: skip
    assert all(pair.is_equal for pair in found)


def test_the_same_file_behind_a_link_or_gone_or_empty_is_no_pair(sides):
    (sides / "test" / "link.mp4").symlink_to(sides / "train" / "train3.mp4")
    (sides / "test" / "gone.mp4").symlink_to(sides / "nowhere.mp4")
    for side in ("train", "test"):
        (sides / side / "empty.mp4").write_bytes(b"")
    found = find_equal_files(entries(sides / "train"), entries(sides / "test"))
    assert len(found) == 2


def test_what_is_found_is_said_with_numbers_or_not_looked_for(sides):
    pair = [list_side([read_manifest(sides / side)]) for side in ("train", "test")]
    text = describe_duplicates(*pair, "bytes", READING, num_workers=0)
    assert text.startswith("2 pairs of videos on both sides (2 the same bytes), whose answers are")
    assert "train0.mp4 and " in text
    assert describe_duplicates(*pair, "off", READING, num_workers=0) is None
    rows = [np.arange(2, 6), np.arange(6)]
    manifests = [read_manifest(sides / side) for side in ("train", "test")]
    parts = [list_side([m], [r]) for m, r in zip(manifests, rows, strict=True)]
    assert describe_duplicates(*parts, "bytes", READING, num_workers=0) is None


def scene(seed, frames=40, side=64):
    """A textured background with a spot that moves its own way."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 8))
    picture = np.kron(coarse, np.ones((side // 8, side // 8))).astype(float)
    start, step = rng.uniform(0, side, 2), rng.uniform(-2, 2, 2)
    rows, cols = np.mgrid[:side, :side]
    video = []
    for number in range(frames):
        row, col = (start + number * step) % side
        spot = 160 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 60)
        video.append(np.clip(picture * 0.5 + spot, 0, 255))
    return np.stack(video).astype(np.uint8)[..., None].repeat(3, axis=3)


def enlarged(frames):
    return frames.repeat(2, axis=1).repeat(2, axis=2)


CHANGES = {
    "noise": lambda f: np.clip(
        f + np.random.default_rng(1).integers(-12, 13, f.shape), 0, 255
    ).astype(np.uint8),
    "another size": enlarged,
    "another shape": lambda f: f.repeat(2, axis=2),
    "brighter": lambda f: np.clip(f * 0.8 + 40, 0, 255).astype(np.uint8),
    "cut at the end": lambda f: f[:-2],
    "cut at the start": lambda f: f[2:],
    "every second frame": lambda f: f[::2],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_no_other(tmp_path, change):
    for side in ("train", "test"):
        (tmp_path / side).mkdir()
    for seed in range(5):
        np.save(tmp_path / "train" / f"{seed}.npy", scene(seed))
    np.save(tmp_path / "test" / "copy.npy", CHANGES[change](scene(3)))
    np.save(tmp_path / "test" / "other.npy", scene(77))
    np.save(tmp_path / "test" / "black.npy", np.zeros((40, 64, 64, 3), np.uint8))
    pair = [list_side([read_manifest(tmp_path / side)]) for side in ("train", "test")]
    found = find_near_pairs(*pair, READING, num_workers=0)
    assert [(Path(p.first).name, Path(p.second).name) for p in found] == [("3.npy", "copy.npy")]
    text = describe_duplicates(*pair, "near", READING, num_workers=0)
    assert text.startswith("1 pair of videos on both sides (1 nearly the same pictures)")


def test_what_shows_nothing_is_like_nothing():
    blank = compute_signature(np.full((16, 40, 30, 1), 77, np.uint8))
    assert not blank.any()
    assert compute_likeness(blank[None], blank[None]).item() == 0


@pytest.mark.slow
@pytest.mark.skipif(not FIGHTS.is_dir(), reason=f"the surveillance clips are not at {FIGHTS}")
def test_the_near_doubles_of_the_surveillance_clips_are_found():
    manifests = [
        read_manifest(FIGHTS / "labels.csv", row_filter=f"split={name}")
        for name in ("train", "test")
    ]
    found = find_near_pairs(*(list_side([each]) for each in manifests), READING, num_workers=0)
    names = [tuple(Path(path).stem[-3:] for path in (p.first, p.second)) for p in found]
    assert sorted(names) == [
        ("062", "066"), ("062", "067"), ("063", "066"), ("063", "067"), ("065", "066"),
        ("065", "067"),
        ("068", "066"), ("068", "067"), ("073", "070"), ("079", "081"), ("080", "081"),
        ("091", "088"), ("091", "090"),
    ]  # fmt: skip
