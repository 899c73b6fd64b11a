"""Which frames make the clips that a frozen encoder sees: as in training, or as asked."""

from dataclasses import replace
from pathlib import Path

from videomae2.config import PretrainRun, load_config
from videomae2.data.clocks import check_timestamps
from videomae2.data.manifest import Manifest
from videomae2.data.readers import ReadLimits
from videomae2.data.sources import LoadingConfig, SourceConfig
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.view_reading import ViewSpec
from videomae2.errors import ConfigError
from videomae2.jobs.probe.settings import ProbeClipConfig
from videomae2.jobs.run_folder import RUN_FILE
from videomae2.models.cards import SavedAutoencoderConfig, FrameSampling, load_model_config
from videomae2.models.frozen import FrozenEncoder
from videomae2.tensors.grid import Cubes


def resolve_sampling(frozen: FrozenEncoder, clip_config: ProbeClipConfig) -> FrameSampling:
    """Choose the span: what is asked goes before what the weights were trained with.

    Raises:
        ConfigError: A choice has no effect or cannot work, or the sources of the run differ.
    """
    if clip_config.clips < 1:
        raise ConfigError(f"--clips is {clip_config.clips}, wanted 1 or more")
    if clip_config.interval_unit is not None and clip_config.frame_interval is None:
        raise ConfigError(f"--interval-unit {clip_config.interval_unit} has no effect without a --frame-interval")
    sampling = FrameSampling(kind=clip_config.frame_sampling or "dense")
    if clip_config.frame_interval is not None:
        sampling = replace(sampling, frame_interval=clip_config.frame_interval, interval_unit=clip_config.interval_unit or "frames")
    elif clip_config.frame_sampling != "segments":
        sampling = frozen.frame_sampling or _load_run_sampling(frozen.path) or sampling
        sampling = sampling if clip_config.frame_sampling is None else replace(sampling, kind=clip_config.frame_sampling)
    if sampling.kind == "segments" and clip_config.frame_interval is not None:
        raise ConfigError("--frame-interval has no effect where clips are segments; leave it out")
    if not sampling.frame_interval > 0 or (sampling.interval_unit == "frames" and sampling.frame_interval % 1):
        raise ConfigError(
            f"--frame-interval {sampling.frame_interval:g} {sampling.interval_unit} cannot work; wanted a number above 0, "
            f"and a whole one of frames"
        )
    return sampling


def format_sampling(sampling: FrameSampling) -> str:
    """Which frames make a clip."""
    if sampling.kind == "segments":
        return "one frame of each equal part"
    return f"every {sampling.frame_interval:g} {sampling.interval_unit}"


def _load_run_sampling(model: Path) -> FrameSampling | None:
    """What pre-training took, going by the configuration in its run folder."""
    run = model.parent.parent / RUN_FILE
    if model.parent.name != "checkpoints" or not run.exists():
        return None
    if not isinstance(load_model_config(model), SavedAutoencoderConfig):
        return None
    sources = load_config(PretrainRun, run).data.sources
    samplings = {FrameSampling(frame_interval=one.frame_interval, interval_unit=one.interval_unit) for one in sources}
    if len(samplings) > 1:
        intervals = ", ".join(f"{one.display_name}: {one.frame_interval:g} {one.interval_unit}" for one in sources)
        raise ConfigError(f"the sources of {run} have different strides ({intervals}); give --frame-interval")
    return samplings.pop()


def build_view_spec(
    cubes: Cubes,
    sampling: FrameSampling,
    manifest: Manifest,
    *,
    clips: int,
    frame_rate: float | None = None,
    reading: LoadingConfig | None = None,
) -> ViewSpec:
    """What a reading process needs to know about the clips of a list; each shows its middle crop.

    Raises:
        ConfigError: The stride counts in seconds of what has no clock.
    """
    reading = reading or LoadingConfig()
    if sampling.kind == "dense" and sampling.interval_unit != "frames" and frame_rate is None:
        _check_timestamps(manifest, sampling)
    limits = ReadLimits(timeout_seconds=reading.timeout_seconds, max_bytes=int(reading.memory_limit_gib * 2**30))
    return ViewSpec(
        grid=ViewGridConfig(kind=sampling.kind, clips=clips, crops=1),
        frames=cubes.frames,
        channels=cubes.channels,
        frame_interval=sampling.frame_interval,
        interval_unit=sampling.interval_unit,
        limits=limits,
        frame_name=manifest.frame_name,
        frame_rate=frame_rate,
    )


def _check_timestamps(manifest: Manifest, sampling: FrameSampling) -> None:
    source = SourceConfig(
        path=Path(manifest.source), frame_interval=sampling.frame_interval, interval_unit=sampling.interval_unit
    )
    try:
        check_timestamps([source], [manifest])
    except ConfigError as error:
        raise ConfigError(
            f"{manifest.source} has folders of images or arrays, which have no clock, and the "
            f"stride counts {sampling.interval_unit}; give --frame-rate, or --frame-interval in frames"
        ) from error
