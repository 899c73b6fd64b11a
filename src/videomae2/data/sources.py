"""What a run trains on: sources of videos, each with its own stride and weight."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from videomae2.data.crops import CropConfig
from videomae2.data.listing import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceConfig:
    """One set of videos, and how clips are taken from it."""

    path: Path
    """A folder, a list, a table, or a folder of frame folders."""
    name: str = ""
    """Name in the log; the path's own if not given."""
    root: Path | None = None
    """Put before the paths that a list names."""
    layout: Layout = "auto"
    """How to read the path; found out if not given."""
    frame_interval: float = 4.0
    """Distance between the frames of a clip."""
    interval_unit: Literal["frames", "seconds", "per-second"] = "frames"
    """What the stride counts: frames, seconds, or how many frames are taken per second."""
    frame_sampling: Literal["stride", "dense", "segments"] = "stride"
    """Which frames make a clip: some at exact distances (released pre-training), a grid over a
    window of as many (released fine-tuning), or one of each equal part of the whole video, where
    the stride means nothing."""
    frame_rate: float | None = None
    """Frames per second of frame folders and arrays, which have no clock of their own; needed if
    the stride counts in seconds. Video files go by their own times."""
    weight: float = 1.0
    """How often each video is taken in an epoch; 0.25 takes another quarter of them each time."""
    frame_name: str | None = None
    """Name of a frame's image in a frame folder, such as img_{:05}.jpg, which lists take if it is
    not given; in a folder of frame folders it is found out."""

    @property
    def display_name(self) -> str:
        """The name in the log."""
        return self.name or self.path.stem


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """The mixture of sources, and how views are made of their clips."""

    sources: tuple[SourceConfig, ...]
    """Sets of videos that are mixed."""
    views: int = 4
    """Views made of each decoded clip (repeated augmentation)."""
    crop: CropConfig = field(default_factory=CropConfig)
    """How views are cut out."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """Mean of each channel, of pixels in [0, 1]; ImageNet's."""
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    """Standard deviation of each channel; ImageNet's."""
    max_unreadable_share: float = 0.1
    """Stop when more than this share of all videos turns out unreadable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadingConfig:
    """How reading is done.

    What is read of a video does not depend on it, short of ``max_short_side``; which videos are left
    out as unreadable depends on the limits of time and memory.
    """

    num_workers: int | None = None
    """Reading processes; by the number of cores if not given, 0 reads in the training process."""
    prefetch_factor: int = 2
    """Micro-batches that are read ahead."""
    timeout_seconds: float = 30.0
    """A video that takes longer is tried once more, and then counts as unreadable; by the clock on
    the wall, so a busy machine may leave out more of them."""
    memory_limit_gib: float = 4.0
    """A video that needs more memory counts as unreadable; a smaller limit may leave out more."""
    max_short_side: int | None = None
    """Shrink larger frames to this short side while reading; changes pixels a little and saves
    much memory on large videos."""
