"""What a run trains on: sources of videos, each with its own frame interval and weight."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.ranges import ONE_OR_MORE, POSITIVE, SHARE
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.read import ListConfig
from videomae2.data.views.crops import CropConfig
from videomae2.errors import ConfigError
from videomae2.tensors.normalization import Normalization

Cache = Literal["auto", "memory", "off"]
"""Whether decoded videos are kept in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceConfig(ListConfig):
    """One set of videos, and how clips are taken from it."""

    path: Path
    """A folder, a list, a table, or a folder of frame folders."""
    name: str = ""
    """Name in the log; the path's own if not given."""
    frame_interval: Annotated[float, POSITIVE] = 4.0
    """Distance between the frames of a clip."""
    interval_unit: Literal["frames", "seconds", "per-second"] = "frames"
    """What the frame interval counts: frames, seconds, or how many frames are taken per second."""
    frame_sampling: Literal["strided", "dense", "tsn", "whole"] = "strided"
    """Which frames make a clip: strided, some at exact distances (released pre-training); dense, a
    grid over a window of as many (released fine-tuning); tsn, one of each equal part of the whole
    video; whole, even distances over a random 70 to 100 % of it, and over all of it where it is
    judged. For tsn and whole the frame interval means nothing."""
    weight: Annotated[float, POSITIVE] = 1.0
    """How often each video is taken in an epoch; 0.25 takes another quarter of them each time."""

    @property
    def display_name(self) -> str:
        """The name in the log."""
        return self.name or self.path.stem


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig(Normalization):
    """The mixture of sources, and how views are made of their clips."""

    sources: tuple[SourceConfig, ...]
    """Sets of videos that are mixed."""
    views: Annotated[int, ONE_OR_MORE] = 4
    """Views made of each decoded clip (repeated augmentation)."""
    crop: CropConfig = field(default_factory=CropConfig)
    """How views are cut out."""
    max_unreadable_share: Annotated[float, SHARE] = 0.1
    """Stop when more than this share of all videos turns out unreadable."""
    cache: Cache = "auto"
    """Keep decoded videos in memory, one copy for all reading processes, so that later epochs
    wait for nothing; clips are the same to the bit. auto does where videos are read more than
    once and all of them fit into half of the free memory, memory insists (up to four fifths),
    off decodes every clip anew."""

    @property
    def bits(self) -> int | None:
        """Bits that are used of images of 16, where all sources agree."""
        values = {source.bits for source in self.sources}
        return values.pop() if len(values) == 1 else None


def with_found_bits(data: DataConfig, manifests: Sequence[Manifest]) -> DataConfig:
    """The data with the bits of 16 that were found in the lists of its sources."""
    sources = (
        replace(source, bits=manifest.bits)
        for source, manifest in zip(data.sources, manifests, strict=True)
    )
    return replace(data, sources=tuple(sources))


def check_timestamps(sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> None:
    """Refuse strides in seconds of frame folders and arrays whose frame rate is not known.

    Raises:
        ConfigError: With every such source, and what would work.
    """
    problems = []
    for number, (source, manifest) in enumerate(zip(sources, manifests, strict=True)):
        needs_clock = source.interval_unit != "frames" and source.frame_rate is None
        path = find_without_timestamps(manifest) if needs_clock else None
        if path is not None:
            flag = f"--data.sources.{number}"
            problems.append(
                f"{path} is a folder of images or an array, which has no clock, and frames "
                f"are taken by the second; give its frames per second with {flag}.frame-rate, "
                f"or count frames with {flag}.interval-unit frames and {flag}.frame-interval 4"
            )
    if problems:
        raise ConfigError(problems)


def find_without_timestamps(manifest: Manifest) -> str | None:
    """The first video that is known to have no clock, going by the list alone."""
    entries = zip(manifest.paths, manifest.is_frames.tolist(), strict=True)
    return next((path for path, is_frames in entries if is_frames or path.endswith(".npy")), None)


def load_manifests(data: DataConfig) -> list[Manifest]:
    """List the videos of every source.

    Raises:
        ManifestError: A list cannot be read.
        ConfigError: A stride counts in seconds of what has no clock.
    """
    manifests = [source.read(source.path) for source in data.sources]
    check_timestamps(data.sources, manifests)
    return manifests
