"""What can be chosen about an evaluation, and what the model's card decides where nothing is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from videomae2.data.listing import Layout
from videomae2.data.readers import ReadLimits
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.view_making import Shrinking
from videomae2.data.view_reading import GridShape
from videomae2.errors import ConfigError
from videomae2.models.cards import ClassifierCard, ClipSpan
from videomae2.models.chosen import Weights
from videomae2.tensors.intervals import ROUNDS

_CLIPS = {"dense": 5, "segments": 2}  # of the released test programs, each with 3 crops
_CROPS = 3

LEAST_ROUNDS = 100  # of which two or three are beyond each end of a 95 % interval

StrideUnit = Literal["frames", "seconds", "per-second"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewsWish:
    """The views of each video; what is not given is as the model was trained."""

    kind: Literal["dense", "segments"] | None = None
    """Clips of equal steps spread over the video, or interleaved grids over all of it; as in
    training if not given."""
    clips: int | None = None
    """Clips per video; 5 of dense clips, 2 of segments if not given."""
    crops: int | None = None
    """Crops per clip along the longer side; 3 if not given."""
    stride: float | None = None
    """Distance between the frames of a dense clip; as in training if not given."""
    stride_unit: StrideUnit | None = None
    """What the stride counts: frames, seconds, or frames taken per second."""
    shrinking: Shrinking | None = None
    """Resize frames with antialiasing, as training here does, or plainly as the released code does;
    plainly for a model that does not say how it was trained, if not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListConfig:
    """How the list of videos is read."""

    root: Path | None = None
    """Put before the paths that a list names."""
    layout: Layout = "auto"
    """How to read the path; found out if not given."""
    frame_name: str | None = None
    """Name of a frame's image in a frame folder, such as img_{:05}.jpg."""
    keep: str | None = None
    """Rows of a table to keep, as column=value, such as split=test."""
    column: str | None = None
    """The column of labels of which any number holds, separated by semicolons; label if not
    given."""
    frame_rate: float | None = None
    """Frames per second of frame folders and arrays; needed if the stride counts in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingConfig:
    """How videos are read."""

    workers: int | None = None
    """Reading processes; by the number of cores if not given, 0 reads in this process."""
    deadline_seconds: float = 60.0
    """A video that takes longer counts as unreadable."""
    memory_gib: float = 4.0
    """A video that needs more memory counts as unreadable."""
    shrink_side: int | None = None
    """Shrink larger frames to this short side while reading; changes pixels a little and saves
    much memory on large videos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig:
    """How a classifier is evaluated."""

    views: ViewsWish = field(default_factory=ViewsWish)
    """The views of each video that are scored and averaged."""
    list: ListConfig = field(default_factory=ListConfig)
    """How the list of videos is read."""
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    """How videos are read."""
    classes: Path | None = None
    """A file with the names of the classes, where neither the model nor the list has them: one a
    line, JSON, or a table of id,name."""
    weights: Weights = "auto"
    """The running mean of the weights (ema) where the model has it, or the weights as saved
    (raw)."""
    allow_unreadable: bool = False
    """Report on the videos that can be read, and do not fail because of the others."""
    batch: int = 16
    """Views on the device at once."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bf16 or not; auto does where the machine computes bf16 fast."""
    rounds: int = ROUNDS
    """Samples drawn for each interval; fewer for mAP and calibration of very many scores."""
    seed: int = 0
    """Draws the samples of the intervals."""

    def __post_init__(self) -> None:
        least = {"batch": (self.batch, 1), "rounds": (self.rounds, LEAST_ROUNDS)}
        problems = [
            f"--{name} is {value}, wanted {wanted} or more"
            for name, (value, wanted) in least.items()
            if value < wanted
        ]
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSettings:
    """The views that are made, with nothing left open."""

    grid: ViewGridConfig
    stride: float
    stride_unit: StrideUnit
    shrinking: Shrinking
    origin: str
    """Where the choice of frames comes from."""

    def __str__(self) -> str:
        grid = self.grid
        step = f", every {self.stride:g} {self.stride_unit}" if grid.kind == "dense" else ""
        return (
            f"{grid.clips} clips x {grid.crops} crops, {grid.kind}{step} ({self.origin}), "
            f"resized {'with antialiasing' if self.shrinking == 'antialiased' else 'plainly'}"
        )

    def shape(self, card: ClassifierCard, config: EvaluateConfig, name: str | None) -> GridShape:
        """What a reading process is told; ``name`` is the template of images in frame folders."""
        reading, encoder = config.reading, card.model.encoder
        limits = ReadLimits(
            seconds=reading.deadline_seconds,
            max_bytes=int(reading.memory_gib * 2**30),
            shrink_side=reading.shrink_side,
        )
        return GridShape(
            grid=self.grid,
            frames=encoder.frames,
            channels=encoder.channels,
            stride=self.stride,
            stride_unit=self.stride_unit,
            limits=limits,
            frame_name=name,
            frame_rate=config.list.frame_rate,
        )


def settle_views(span: ClipSpan | None, wish: ViewsWish) -> ViewSettings:
    """Fill in what is not asked for with what the model was trained on.

    Raises:
        ConfigError: Numbers make no sense, or a stride would have no effect; all at once.
    """
    trained = span or ClipSpan()
    kind = wish.kind or trained.kind
    grid = ViewGridConfig(
        kind=kind,
        clips=_CLIPS[kind] if wish.clips is None else wish.clips,
        crops=_CROPS if wish.crops is None else wish.crops,
    )
    unit = wish.stride_unit or trained.stride_unit
    stride = trained.stride if wish.stride is None else wish.stride
    _check(grid, stride, unit, wish)
    asked = (wish.kind, wish.stride, wish.stride_unit) != (None, None, None)
    unknown = "the model does not say how it was trained"
    origin = "as asked" if asked else "as in training" if span else unknown
    shrinking = wish.shrinking or ("antialiased" if span else "plain")
    return ViewSettings(
        grid=grid, stride=stride, stride_unit=unit, shrinking=shrinking, origin=origin
    )


def _check(grid: ViewGridConfig, stride: float, unit: StrideUnit, wish: ViewsWish) -> None:
    problems = [
        f"--views.{name} is {value}, wanted 1 or more"
        for name, value in (("clips", grid.clips), ("crops", grid.crops))
        if value < 1
    ]
    if grid.kind == "segments" and (wish.stride is not None or wish.stride_unit is not None):
        problems.append(
            "a stride has no effect on segments, leave it out or use --views.kind dense"
        )
    elif not stride > 0:
        problems.append(f"--views.stride is {stride:g}, wanted above 0")
    elif unit == "frames" and stride != int(stride):
        problems.append(f"--views.stride is {stride:g} frames, wanted whole ones")
    if wish.stride_unit is not None and wish.stride is None and grid.kind == "dense":
        problems.append("--views.stride-unit wants a --views.stride to go with it")
    if problems:
        raise ConfigError(problems)
