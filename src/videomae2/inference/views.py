"""Which views of a whole video are scored: as asked, else as the model was trained.

For evaluation and prediction alike, so that both see the same.
"""

from dataclasses import dataclass
from typing import Literal

from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.specs import ViewGridConfig, ViewSpec
from videomae2.errors import ConfigError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling

_DEFAULT_CLIPS = {"strided": 5, "tsn": 2}  # of the released test programs, each with 3 crops


_DEFAULT_CROPS = 3


_UNKNOWN_SOURCE = "the model does not say how it was trained"


IntervalUnit = Literal["frames", "seconds", "per-second"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalViews:
    """The views of each video; what is not given is as the model was trained."""

    frame_sampling: Literal["strided", "tsn"] | None = None
    """Clips of equal steps spread over the video, or interleaved grids over all of it; as in
    training if not given."""
    clips: int | None = None
    """Clips per video; 5 of strided clips, 2 of tsn if not given."""
    crops: int | None = None
    """Crops per clip along the longer side; 3 if not given."""
    frame_interval: float | None = None
    """Distance between the frames of a strided clip; as in training if not given."""
    interval_unit: IntervalUnit | None = None
    """What the frame interval counts: frames, seconds, or frames taken per second."""
    antialias: bool | None = None
    """Resize frames with antialiasing, as training here does, or plainly as the released code does;
    plainly for a model that does not say how it was trained, if not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedViews:
    """The views that are made, with nothing left open."""

    grid: ViewGridConfig
    frame_interval: float
    interval_unit: IntervalUnit
    antialias: bool
    source: str
    """Where the choice of frames comes from."""

    def __str__(self) -> str:
        grid = self.grid
        step = (
            f", every {self.frame_interval:g} {self.interval_unit}"
            if grid.kind == "strided"
            else ""
        )
        return (
            f"{grid.clips} clips x {grid.crops} crops, {grid.kind}{step} ({self.source}), "
            f"resized {'with antialiasing' if self.antialias else 'plainly'}"
        )

    @property
    def is_assumed(self) -> bool:
        """Whether nobody said which frames make a clip."""
        return self.source == _UNKNOWN_SOURCE

    @property
    def frames_summary(self) -> str:
        """Which they are, in words."""
        if self.grid.kind == "tsn":
            return "one frame of each equal part of the video"
        if self.interval_unit != "frames":
            step = (
                self.frame_interval if self.interval_unit == "seconds" else 1 / self.frame_interval
            )
            return f"one frame every {step:.3g} s"
        return (
            "every frame" if self.frame_interval == 1 else f"every {self.frame_interval:g} frames"
        )

    def build_spec(
        self,
        encoder: EncoderConfig,
        limits: ReadLimits,
        *,
        frame_name: str | None = None,
        frame_rate: float | None = None,
    ) -> ViewSpec:
        """What a reading process is told.

        Args:
            encoder: What looks at the clips.
            limits: What reading may cost.
            frame_name: Template of the images in frame folders.
            frame_rate: Of what has no clock of its own.
        """
        return ViewSpec(
            grid=self.grid,
            frames=encoder.frames,
            channels=encoder.channels,
            frame_interval=self.frame_interval,
            interval_unit=self.interval_unit,
            limits=limits,
            frame_name=frame_name,
            frame_rate=frame_rate,
        )


def find_view_problems(eval_views: EvalViews, *, flags: str = "--views.") -> list[str]:
    """Say what works with no model; ``flags`` is what the names of the choices begin with."""
    counts = {"clips": eval_views.clips, "crops": eval_views.crops}
    problems = [
        f"{flags}{name} is {value}, wanted 1 or more"
        for name, value in counts.items()
        if value is not None and value < 1
    ]
    if eval_views.frame_interval is not None and not eval_views.frame_interval > 0:
        problems.append(f"{flags}frame-interval is {eval_views.frame_interval:g}, wanted above 0")
    return problems


def resolve_views(frame_sampling: FrameSampling | None, eval_views: EvalViews) -> ResolvedViews:
    """Fill in what is not asked for with what the model was trained on.

    Raises:
        ConfigError: Numbers make no sense, or a frame interval would have no effect; all at once.
    """
    defaults = frame_sampling or FrameSampling()
    kind = eval_views.frame_sampling or defaults.kind
    grid = ViewGridConfig(
        kind=kind,
        clips=_DEFAULT_CLIPS[kind] if eval_views.clips is None else eval_views.clips,
        crops=_DEFAULT_CROPS if eval_views.crops is None else eval_views.crops,
    )
    interval_unit = eval_views.interval_unit or defaults.interval_unit
    frame_interval = (
        defaults.frame_interval if eval_views.frame_interval is None else eval_views.frame_interval
    )
    _check_views(grid.kind, frame_interval, interval_unit, eval_views)
    is_requested = (
        eval_views.frame_sampling,
        eval_views.frame_interval,
        eval_views.interval_unit,
    ) != (
        None,
        None,
        None,
    )
    source = "as asked" if is_requested else "as in training" if frame_sampling else _UNKNOWN_SOURCE
    antialias = frame_sampling is not None if eval_views.antialias is None else eval_views.antialias
    return ResolvedViews(
        grid=grid,
        frame_interval=frame_interval,
        interval_unit=interval_unit,
        antialias=antialias,
        source=source,
    )


def _check_views(
    kind: Literal["strided", "tsn"],
    frame_interval: float,
    interval_unit: IntervalUnit,
    eval_views: EvalViews,
) -> None:
    problems = find_view_problems(eval_views)
    if kind == "tsn" and (
        eval_views.frame_interval is not None or eval_views.interval_unit is not None
    ):
        problems.append(
            "a frame interval has no effect on tsn clips, only on strided ones; leave it out"
        )
    elif interval_unit == "frames" and frame_interval % 1:
        problems.append(f"--views.frame-interval is {frame_interval:g} frames, wanted whole ones")
    if (
        eval_views.interval_unit is not None
        and eval_views.frame_interval is None
        and kind == "strided"
    ):
        problems.append("--views.interval-unit wants a --views.frame-interval to go with it")
    if problems:
        raise ConfigError(problems)
