"""Which frames make the clips that a frozen encoder sees: as in training, or as asked."""

from dataclasses import replace
from pathlib import Path

from videomae2.config import PretrainRun, load
from videomae2.data.clocks import check_clocks
from videomae2.data.manifest import Manifest
from videomae2.data.readers import ReadLimits
from videomae2.data.sources import LoadingConfig, SourceConfig
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.view_reading import GridShape
from videomae2.errors import ConfigError
from videomae2.jobs.probe.settings import ClipSettings
from videomae2.jobs.run_folder import RUN_FILE
from videomae2.models.cards import Card, ClipSpan, read_card
from videomae2.models.frozen import Frozen
from videomae2.tensors.grid import Cubes


def span_of(frozen: Frozen, asked: ClipSettings) -> ClipSpan:
    """Choose the span: what is asked goes before what the weights were trained with.

    Raises:
        ConfigError: A choice has no effect or cannot work, or the sources of the run differ.
    """
    if asked.clips < 1:
        raise ConfigError(f"--clips is {asked.clips}, wanted 1 or more")
    if asked.stride_unit is not None and asked.stride is None:
        raise ConfigError(f"--stride-unit {asked.stride_unit} has no effect without a --stride")
    span = ClipSpan(kind=asked.sampling or "dense")
    if asked.stride is not None:
        span = replace(span, stride=asked.stride, stride_unit=asked.stride_unit or "frames")
    elif asked.sampling != "segments":
        span = frozen.span or _of_run(frozen.path) or span
        span = span if asked.sampling is None else replace(span, kind=asked.sampling)
    if span.kind == "segments" and asked.stride is not None:
        raise ConfigError("--stride has no effect where clips are segments; leave it out")
    if not span.stride > 0 or (span.stride_unit == "frames" and span.stride % 1):
        raise ConfigError(
            f"--stride {span.stride:g} {span.stride_unit} cannot work; wanted a number above 0, "
            f"and a whole one of frames"
        )
    return span


def in_words(span: ClipSpan) -> str:
    """Which frames make a clip."""
    if span.kind == "segments":
        return "one frame of each equal part"
    return f"every {span.stride:g} {span.stride_unit}"


def _of_run(model: Path) -> ClipSpan | None:
    """What pre-training took, going by the configuration in its run folder."""
    run = model.parent.parent / RUN_FILE
    if model.parent.name != "checkpoints" or not run.exists():
        return None
    if not isinstance(read_card(model), Card):
        return None
    sources = load(PretrainRun, run).data.sources
    found = {ClipSpan(stride=one.stride, stride_unit=one.stride_unit) for one in sources}
    if len(found) > 1:
        ways = ", ".join(f"{one.title}: {one.stride:g} {one.stride_unit}" for one in sources)
        raise ConfigError(f"the sources of {run} have different strides ({ways}); give --stride")
    return found.pop()


def grid_shape(
    cubes: Cubes,
    span: ClipSpan,
    manifest: Manifest,
    *,
    clips: int,
    frame_rate: float | None = None,
    loading: LoadingConfig | None = None,
) -> GridShape:
    """What a reading process needs to know about the clips of a list; each shows its middle crop.

    Raises:
        ConfigError: The stride counts in seconds of what has no clock.
    """
    loading = loading or LoadingConfig()
    if span.kind == "dense" and span.stride_unit != "frames" and frame_rate is None:
        _check_clock(manifest, span)
    limits = ReadLimits(seconds=loading.deadline_seconds, max_bytes=int(loading.memory_gib * 2**30))
    return GridShape(
        grid=ViewGridConfig(kind=span.kind, clips=clips, crops=1),
        frames=cubes.frames,
        channels=cubes.channels,
        stride=span.stride,
        stride_unit=span.stride_unit,
        limits=limits,
        frame_name=manifest.frame_name,
        frame_rate=frame_rate,
    )


def _check_clock(manifest: Manifest, span: ClipSpan) -> None:
    source = SourceConfig(
        path=Path(manifest.source), stride=span.stride, stride_unit=span.stride_unit
    )
    try:
        check_clocks([source], [manifest])
    except ConfigError as error:
        raise ConfigError(
            f"{manifest.source} has folders of images or arrays, which have no clock, and the "
            f"stride counts {span.stride_unit}; give --frame-rate, or --stride in frames"
        ) from error
