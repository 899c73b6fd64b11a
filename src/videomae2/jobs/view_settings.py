"""Which views of a whole video are looked at: as asked, and as the model was trained.

For evaluation and prediction alike, so that both look at the same.
"""

from dataclasses import dataclass
from typing import Literal

from videomae2.data.readers import ReadLimits
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.view_making import Shrinking
from videomae2.data.view_reading import GridShape
from videomae2.errors import ConfigError
from videomae2.models.cards import ClipSpan
from videomae2.models.encoder import EncoderConfig

_CLIPS = {"dense": 5, "segments": 2}  # of the released test programs, each with 3 crops
_CROPS = 3
_UNKNOWN = "the model does not say how it was trained"

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

    @property
    def is_assumed(self) -> bool:
        """Whether nobody said which frames make a clip."""
        return self.origin == _UNKNOWN

    @property
    def frames_of_a_clip(self) -> str:
        """Which they are, in words."""
        if self.grid.kind == "segments":
            return "one frame of each equal part of the video"
        if self.stride_unit != "frames":
            step = self.stride if self.stride_unit == "seconds" else 1 / self.stride
            return f"one frame every {step:.3g} s"
        return "every frame" if self.stride == 1 else f"every {self.stride:g} frames"

    def shape(
        self,
        encoder: EncoderConfig,
        limits: ReadLimits,
        *,
        frame_name: str | None = None,
        frame_rate: float | None = None,
    ) -> GridShape:
        """What a reading process is told.

        Args:
            encoder: What looks at the clips.
            limits: What reading may cost.
            frame_name: Template of the images in frame folders.
            frame_rate: Of what has no clock of its own.
        """
        return GridShape(
            grid=self.grid,
            frames=encoder.frames,
            channels=encoder.channels,
            stride=self.stride,
            stride_unit=self.stride_unit,
            limits=limits,
            frame_name=frame_name,
            frame_rate=frame_rate,
        )


def wrong_numbers(wish: ViewsWish, *, flags: str = "--views.") -> list[str]:
    """Say what works with no model; ``flags`` is what the names of the choices begin with."""
    counts = {"clips": wish.clips, "crops": wish.crops}
    problems = [
        f"{flags}{name} is {value}, wanted 1 or more"
        for name, value in counts.items()
        if value is not None and value < 1
    ]
    if wish.stride is not None and not wish.stride > 0:
        problems.append(f"{flags}stride is {wish.stride:g}, wanted above 0")
    return problems


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
    _check(grid.kind, stride, unit, wish)
    asked = (wish.kind, wish.stride, wish.stride_unit) != (None, None, None)
    origin = "as asked" if asked else "as in training" if span else _UNKNOWN
    shrinking = wish.shrinking or ("antialiased" if span else "plain")
    return ViewSettings(
        grid=grid, stride=stride, stride_unit=unit, shrinking=shrinking, origin=origin
    )


def _check(
    kind: Literal["dense", "segments"], stride: float, unit: StrideUnit, wish: ViewsWish
) -> None:
    problems = wrong_numbers(wish)
    if kind == "segments" and (wish.stride is not None or wish.stride_unit is not None):
        problems.append("a stride has no effect on segments, only on dense clips; leave it out")
    elif unit == "frames" and stride % 1:
        problems.append(f"--views.stride is {stride:g} frames, wanted whole ones")
    if wish.stride_unit is not None and wish.stride is None and kind == "dense":
        problems.append("--views.stride-unit wants a --views.stride to go with it")
    if problems:
        raise ConfigError(problems)
