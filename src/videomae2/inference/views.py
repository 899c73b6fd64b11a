"""Which views of a whole video are scored: as asked, else as the model was trained.

For evaluation and prediction alike, so that both see the same.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from videomae2.base.ranges import ONE_OR_MORE, POSITIVE, find_range_errors
from videomae2.base.text import format_count
from videomae2.data.loading.sources import find_without_timestamps
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.requests import IntervalUnit, ViewSpec
from videomae2.errors import ConfigError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling

# strided and tsn: of the released test programs, each with 3 crops; one clip shows a whole video
_DEFAULT_CLIPS = {"strided": 5, "tsn": 2, "whole": 1}
_DEFAULT_CROPS = 3
_UNKNOWN_SOURCE = "the model does not say how it was trained"


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalViews:
    """The views of each video; what is not given is as the model was trained."""

    frame_sampling: Literal["strided", "tsn", "whole"] | None = None
    """Clips of equal steps spread over the video, or interleaved grids over all of it (tsn, whole);
    as in training if not given."""
    clips: Annotated[int | None, ONE_OR_MORE] = None
    """Clips per video; 5 of strided clips, 2 of tsn, 1 of whole if not given."""
    crops: Annotated[int | None, ONE_OR_MORE] = None
    """Crops per clip along the longer side; 3 if not given."""
    frame_interval: Annotated[float | None, POSITIVE] = None
    """Distance between the frames of a strided clip; as in training if not given."""
    interval_unit: IntervalUnit | None = None
    """What the frame interval counts: frames, seconds, or frames taken per second."""
    antialias: bool | None = None
    """Resize frames with antialiasing, as training here does, or plainly as the released code does;
    plainly for a model that does not say how it was trained, if not given."""


def resolve_views(
    encoder: EncoderConfig,
    frame_sampling: FrameSampling | None,
    eval_views: EvalViews,
    *,
    limits: ReadLimits,
    frame_rate: float | None = None,
) -> ViewSpec:
    """Fill in what is not asked for with what the model was trained on, where it says that.

    Raises:
        ConfigError: Numbers make no sense, or a frame interval would have no effect; all at once.
    """
    trained, interval = frame_sampling or FrameSampling(), eval_views.frame_interval
    kind, unit = eval_views.frame_sampling or trained.kind, eval_views.interval_unit
    clips, crops, antialias = eval_views.clips, eval_views.crops, eval_views.antialias
    is_asked = (eval_views.frame_sampling, interval, unit) != (None, None, None)
    views = ViewSpec(
        frame_sampling=kind,
        clips=_DEFAULT_CLIPS[kind] if clips is None else clips,
        crops=_DEFAULT_CROPS if crops is None else crops,
        frames=encoder.frames,
        channels=encoder.channels,
        frame_interval=trained.frame_interval if interval is None else interval,
        interval_unit=unit or trained.interval_unit,
        antialias=frame_sampling is not None if antialias is None else antialias,
        source="as asked" if is_asked else "as in training" if frame_sampling else _UNKNOWN_SOURCE,
        limits=limits,
        frame_rate=frame_rate,
    )
    _check_views(views, eval_views)
    return views


def _check_views(views: ViewSpec, eval_views: EvalViews) -> None:
    problems = [problem for _, problem in find_range_errors(eval_views)]
    interval, unit = eval_views.frame_interval, eval_views.interval_unit
    if views.frame_sampling != "strided" and (interval is not None or unit is not None):
        problems.append(
            f"a frame interval has no effect on {views.frame_sampling} clips, only on strided "
            f"ones; leave it out"
        )
    elif views.interval_unit == "frames" and views.frame_interval % 1:
        problems.append(f"the frame interval is {views.frame_interval:g} frames, wanted whole ones")
    if views.frame_sampling == "strided" and unit is not None and interval is None:
        problems.append("an interval unit wants a frame interval to go with it")
    if problems:
        raise ConfigError(problems)


def bind_views(views: ViewSpec, manifest: Manifest) -> ViewSpec:
    """The views of the videos of a list, as its frame folders call their images.

    Raises:
        ConfigError: The frame interval counts time, and a video has no clock; names it.
    """
    counts_time = views.frame_sampling == "strided" and views.interval_unit != "frames"
    if counts_time and not views.frame_rate:
        untimed = find_without_timestamps(manifest)
        if untimed is not None:
            raise ConfigError(
                f"the frame interval counts {views.interval_unit}, and {untimed} is a folder of "
                f"images or an array, which has no clock; give its frame rate, or a frame interval "
                f"in frames"
            )
    return replace(views, frame_name=manifest.frame_name)


def is_assumed(views: ViewSpec) -> bool:
    """Whether nobody said which frames make a clip."""
    return views.source == _UNKNOWN_SOURCE


def format_views(views: ViewSpec) -> str:
    """The views in words."""
    interval = ""
    if views.frame_sampling == "strided":
        interval = f", every {views.frame_interval:g} {views.interval_unit}"
    return (
        f"{format_count(views.clips, 'clip')} x {format_count(views.crops, 'crop')}, "
        f"{views.frame_sampling}{interval} "
        f"({views.source}), resized {'with antialiasing' if views.antialias else 'plainly'}"
    )


def format_frames(views: ViewSpec) -> str:
    """Which frames make a clip, in words."""
    if views.frame_sampling == "tsn":
        return "one frame of each equal part of the video"
    if views.frame_sampling == "whole":
        return "frames at even distances over the whole video"
    if views.interval_unit != "frames":
        return f"one frame every {views.step_seconds:.3g} s"
    interval = views.frame_interval
    return "every frame" if interval == 1 else f"every {interval:g} frames"
