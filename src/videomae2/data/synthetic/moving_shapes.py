"""The built-in data set: videos of moving shapes whose class is how they move, as real mp4 files.

No single frame tells the class (``trajectories`` says why); only time does. Everything follows
from the settings: the same settings give the same list of files and the same pixels before
encoding.

    folder/train/<class>/<number>.mp4    folder/train.csv    path,label; paths from the folder
    folder/test/<class>/<number>.mp4     folder/test.csv
    folder/labelled.csv    a small share of train.csv, as if the other labels were not known
    folder/dataset.json                  the settings        folder/README.txt

A flip from left to right or from top to bottom turns classes into one another, so train on these
labels without flips.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from videomae2.base.files import atomic_write
from videomae2.base.progress import track
from videomae2.data.synthetic.scene import Frames, draw_scene
from videomae2.data.synthetic.trajectories import MOTIONS
from videomae2.data.video.writer import write_video
from videomae2.errors import ConfigError

ShapesSplit = Literal["train", "test"]
SHAPES_SPLITS: tuple[ShapesSplit, ...] = ("train", "test")
MOTION_CLASSES = tuple(MOTIONS)

LABELLED_LIST = "labelled.csv"
"""The list, in the folder of the data set, of what is labelled."""

_FORMAT_VERSION = 4  # raise it when the pixels of equal settings change
_TEST_SHARE = 0.2

_README = """Moving shapes: a small data set for trying things out, made by videomae2.

Each video shows one textured shape. Its class is how the shape moves; no single frame tells it.
train.csv and test.csv list the videos and their classes, labelled.csv some of train.csv, and
dataset.json the settings they were made with. Flipping a video turns some classes into others. All
of it can be deleted and made again.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MovingShapes:
    """A data set on disk."""

    folder: Path
    train: Path
    """List of the videos to train on: a CSV file with the columns path, label."""
    test: Path
    """List of the videos held out."""
    labelled: Path
    """The first videos of each class in ``train``: what is labelled where labels are dear."""
    classes: tuple[str, ...]
    num_train: int
    num_test: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _ShapesSettings:
    videos: int
    frames: int
    side: int
    rate: int
    seed: int
    labelled: int
    format: int = _FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.videos < 5:
            raise ValueError(
                f"videos must be 5 or more, one in five is held out, got {self.videos}"
            )
        if self.frames < 2 or self.rate < 1:
            raise ValueError(f"want 2 or more frames at a rate of 1 or more, got {self}")
        if self.side < 16 or self.side % 2:
            raise ValueError(f"side must be even and 16 or more pixels, got {self.side}")
        if self.labelled < 1:
            raise ValueError(f"labelled must be 1 or more, got {self.labelled}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in 0..2**64-1, got {self.seed}")

    def count_videos(self, split: ShapesSplit) -> int:
        num_test = round(self.videos * _TEST_SHARE)
        return num_test if split == "test" else self.videos - num_test


def write_moving_shapes(
    folder: Path,
    *,
    videos: int = 640,
    frames: int = 32,
    side: int = 64,
    rate: int = 16,
    seed: int = 0,
    labelled: int = 20,
    num_workers: int = 2,
) -> MovingShapes:
    """Write the data set, or what is missing of it.

    A second call with the same settings writes nothing. A call after an interruption writes the
    rest: every file is there whole or not at all, and the lists come last.

    The classes of all ``videos`` (5 or more) are equally frequent up to one video, and one in five
    is held out. From about 24 ``frames`` on (2 or more), a video shows its motion in full; ``side``
    is its even width and height in pixels, ``rate`` its frames per second. ``seed``, 0 to
    2**64 - 1, draws everything; ``labelled`` counts the videos of each class in ``labelled.csv``.

    Raises:
        ConfigError: If the folder holds a data set of other settings, or other files under the
            names of this one.
        ValueError: If a setting is out of its range.
    """
    settings = _ShapesSettings(
        videos=videos, frames=frames, side=side, rate=rate, seed=seed, labelled=labelled
    )
    _write_settings(folder, settings)
    missing = [
        video for video in _list_videos(settings) if not (folder / _format_path(*video)).exists()
    ]
    if missing:
        _write_videos(folder, missing, settings, num_workers=num_workers)
    for split in SHAPES_SPLITS:
        _write_if_changed(folder / f"{split}.csv", _format_list(settings, split))
    num_labelled = min(settings.count_videos("train"), labelled * len(MOTION_CLASSES))
    _write_if_changed(folder / LABELLED_LIST, _format_list(settings, "train", num_labelled))
    return MovingShapes(
        folder=folder,
        train=folder / "train.csv",
        test=folder / "test.csv",
        labelled=folder / LABELLED_LIST,
        classes=MOTION_CLASSES,
        num_train=settings.count_videos("train"),
        num_test=settings.count_videos("test"),
    )


def draw_video(
    split: ShapesSplit, number: int, *, frames: int = 32, side: int = 64, seed: int = 0
) -> Frames:
    """Draw a video of the data set as it is before encoding, [frames, side, side, 3]."""
    # The key is what makes a video a function of (seed, split, number), whoever draws it and when;
    # no two videos share it, so none share a texture or a motion.
    key = np.array([seed, SHAPES_SPLITS.index(split) << 32 | number], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key))
    return draw_scene(get_class(number), frames=frames, side=side, generator=generator)


def get_class(number: int) -> str:
    """Name the class of a video of either split."""
    return MOTION_CLASSES[number % len(MOTION_CLASSES)]


def _list_videos(settings: _ShapesSettings) -> Iterator[tuple[ShapesSplit, int]]:
    for split in SHAPES_SPLITS:
        for number in range(settings.count_videos(split)):
            yield split, number


def _format_path(split: ShapesSplit, number: int) -> str:
    return f"{split}/{get_class(number)}/{number:05d}.mp4"


def _format_list(settings: _ShapesSettings, split: ShapesSplit, videos: int | None = None) -> str:
    numbers = range(settings.count_videos(split) if videos is None else videos)
    lines = (f"{_format_path(split, number)},{get_class(number)}\n" for number in numbers)
    return "path,label\n" + "".join(lines)


def _write_settings(folder: Path, settings: _ShapesSettings) -> None:
    """Write down the settings before the first video, so that no other call mixes in its own."""
    path, text = folder / "dataset.json", json.dumps(asdict(settings), indent=2) + "\n"
    if path.exists():
        if (existing := path.read_text(encoding="utf-8")) != text:
            raise ConfigError(
                f"{path} holds a data set made with {' '.join(existing.split())}, wanted "
                f"{' '.join(text.split())}; delete {folder} or choose another folder"
            )
        return
    lists = (LABELLED_LIST, *(name for s in SHAPES_SPLITS for name in (s, f"{s}.csv")))
    conflicts = [name for name in lists if (folder / name).exists()]
    if conflicts:
        raise ConfigError(
            f"{folder} holds {' and '.join(conflicts)} but no dataset.json, so they are not from "
            "here; choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_if_changed(folder / "README.txt", _README)
    _write_if_changed(path, text)


def _write_videos(
    folder: Path,
    videos: list[tuple[ShapesSplit, int]],
    settings: _ShapesSettings,
    *,
    num_workers: int,
) -> None:
    """Draw and encode in threads: NumPy and the encoder both let go of the interpreter's lock."""
    for parent in {(folder / _format_path(*job)).parent for job in videos}:
        parent.mkdir(parents=True, exist_ok=True)
    total, pool = settings.videos, ThreadPoolExecutor(max_workers=num_workers)
    try:
        futures = [pool.submit(_write_video, folder, *job, settings) for job in videos]
        with track("writing", total=total, done=total - len(videos)) as progress:
            for future in as_completed(futures):
                future.result()
                progress.advance()
    finally:
        # After an error or Ctrl-C the videos still waiting must not be drawn first.
        pool.shutdown(cancel_futures=True)


def _write_video(folder: Path, split: ShapesSplit, number: int, settings: _ShapesSettings) -> None:
    pixels = draw_video(
        split, number, frames=settings.frames, side=settings.side, seed=settings.seed
    )
    with atomic_write(folder / _format_path(split, number)) as partial:
        write_video(partial, pixels, rate=settings.rate)


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
