"""Choose the clip of a video that a reconstruction shows: as training took clips, or as asked."""

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from videomae2.base.ranges import BITS, NOT_NEGATIVE, ONE_OR_MORE, POSITIVE, find_range_errors
from videomae2.commands.train.run_folder import RUN_FILE
from videomae2.config.files import load_config
from videomae2.config.runs import PretrainRun
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.reader import Reader, Seconds, open_reader
from videomae2.data.video.trim import fit_channels
from videomae2.data.views import sampling
from videomae2.data.views.jumps import close_jumps, format_jumps, list_jumps
from videomae2.errors import ConfigError, ManifestError
from videomae2.models.weights.config_json import FrameSampling
from videomae2.tasks.reconstruct import StatisticsSource
from videomae2.tensors.grid import Cubes

_logger = logging.getLogger(__name__)

_CENTER = 0.5
_DEFAULT_FRAME_INTERVAL = 4  # of the released recipes, where a model does not say its own


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconstructConfig:
    """Which clip is taken, and how it is rebuilt."""

    start: Annotated[float | None, NOT_NEGATIVE] = None
    """Second of the video at which the clip begins; in its middle if not given."""
    frame_interval: Annotated[int | None, ONE_OR_MORE] = None
    """Frames from one frame of the clip to the next; as in training if not given. It takes a clip
    in the middle also of a model whose clips show whole videos."""
    frame_rate: Annotated[float | None, POSITIVE] = None
    """Frames per second of a folder of images or an array; as in training if not given."""
    bits: Annotated[int | None, BITS] = None
    """Bits that are used of images and arrays of 16 bits; as in training if not given."""
    statistics: StatisticsSource = "visible"
    """Where the mean and contrast of rebuilt cubes come from: the visible cubes around, or the
    truth, which flatters the model."""
    seed: int = 0
    """Draws what is hidden."""
    all_hidden: bool = False
    """Ask the decoder for all hidden cubes at once, not for a part at a time as in training."""

    def __post_init__(self) -> None:
        if problems := [problem for _, problem in find_range_errors(self)]:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True)
class VideoClip:
    """The frames of a clip, which ones of the video they are, and when they are shown."""

    pixels: UInt8[np.ndarray, "frames height width channels"]
    indices: Int64[np.ndarray, " frames"]
    seconds: Float64[np.ndarray, " frames"] | None
    """None if the video has no clock."""


def read_clip(
    video: Path,
    cubes: Cubes,
    source: SourceConfig | None,
    config: ReconstructConfig,
    *,
    bits: int | None = None,
) -> VideoClip:
    """Read the clip that is shown of a video; ``bits``: used of images of 16 in training.

    Raises:
        VideoError: If it cannot be read or has another number of channels.
        ConfigError: If a choice cannot work with it.
    """
    frame_rate = config.frame_rate or (source.frame_rate if source else None)
    with open_reader(
        video,
        pixels="gray" if cubes.channels == 1 else "rgb",
        frame_rate=frame_rate,
        bits=config.bits or bits or (source.bits if source else None),
    ) as reader:
        indices = _select_indices(reader, cubes.frames, video, source, config)
        unique_indices, positions = np.unique(indices, return_inverse=True)
        frames = reader.read(unique_indices.tolist())[positions]
        seconds = None if reader.seconds is None else reader.seconds[indices]
    return VideoClip(fit_channels(video, frames, cubes.channels), indices, seconds)


def warn_about_folder(video: Path) -> None:
    """Say which images of a folder are no frames, and which numbers are missing."""
    if not video.is_dir():
        return
    with suppress(ManifestError):  # of folders below, which are not asked for
        for text in read_manifest(video, layout="frame-folders").warnings:
            _logger.warning(f"{video}: {text}")


def _select_indices(
    reader: Reader, frames: int, video: Path, source: SourceConfig | None, config: ReconstructConfig
) -> Int64[np.ndarray, " frames"]:
    """Which frames make the clip; a short video repeats its last ones, as in training."""
    start, interval = config.start, config.frame_interval
    kind = source.frame_sampling if source and interval is None else "strided"
    if kind in ("tsn", "whole"):
        if start is not None:
            raise ConfigError(
                "--start has no effect: training took frames over the whole video; leave it out, "
                "or choose the --frame-interval of a clip"
            )
        choose = sampling.segment_indices if kind == "tsn" else sampling.whole_indices
        return choose(reader.num_frames, frames, None)
    if interval is None and source is not None and source.interval_unit != "frames":
        counts_seconds = source.interval_unit == "seconds"
        step = source.frame_interval if counts_seconds else 1 / source.frame_interval
        seconds = _require_timestamps(
            reader, video, "the frame interval of training", ", or a --frame-interval in frames"
        )
        running = close_jumps(seconds)
        if start is None:
            return sampling.timed_indices(running, frames, step, _CENTER)
        _check_start(start, seconds, video)
        first = max(0, int(np.searchsorted(seconds, start, side="right")) - 1)
        times = start + (running[first] - seconds[first]) + step * np.arange(frames)
        numbers = np.searchsorted(running, times, side="right") - 1
        return np.maximum(numbers, 0).astype(np.int64)
    interval = interval or int(source.frame_interval if source else _DEFAULT_FRAME_INTERVAL)
    if start is None:
        first = sampling.draw_first_frame(reader.num_frames, frames * interval, _CENTER)
    else:
        seconds = _require_timestamps(reader, video, "--start", "")
        _check_start(start, seconds, video)
        first = int(np.searchsorted(seconds, start))
    return sampling.pretrain_indices(reader.num_frames, frames, interval, first=first)


def _require_timestamps(reader: Reader, video: Path, setting: str, alternative: str) -> Seconds:
    """The times of the frames, where something counts in seconds."""
    if reader.seconds is None:
        raise ConfigError(
            f"{setting} counts in seconds, and {video} is a folder of images or an array, which "
            f"has no clock; give its --frame-rate{alternative}"
        )
    return reader.seconds


def _check_start(start: float, seconds: Seconds, video: Path) -> None:
    if start > seconds[-1]:
        raise ConfigError(f"--start is {start:g}, and {video} ends at {seconds[-1]:.2f} s")
    jumps = list_jumps(seconds)
    if any(begin < start < stop for begin, stop in jumps):
        raise ConfigError(f"--start is {start:g}, and of {video} {format_jumps(jumps)}")


def find_source(
    run: Path, video: Path, config: ReconstructConfig, trained: FrameSampling | None = None
) -> SourceConfig | None:
    """The source whose clips are like the one to show; None if nobody says how they were taken.

    Without a run beside it, the card of the model says how it was ``trained``.

    A video that is not of the run is taken as all its sources are, if they agree.

    Raises:
        ConfigError: If the frame interval of training is wanted and cannot be told.
    """
    if not (run / RUN_FILE).exists():
        return None if trained is None else _build_source(trained)
    sources = load_config(PretrainRun, run / RUN_FILE).data.sources
    if len({_format_sampling(source) for source in sources}) == 1:
        return sources[0]
    if config.frame_interval is not None:
        return None
    containing = [source for source in sources if _contains(source, video)]
    if len({_format_sampling(source) for source in containing}) == 1:
        return containing[0]
    intervals = ", ".join(
        f"{source.display_name}: {_format_sampling(source)}" for source in containing or sources
    )
    count_text = "several" if containing else "none"
    raise ConfigError(
        f"{video} is in {count_text} of the run's sources, whose frames are taken differently "
        f"({intervals}); choose --frame-interval"
    )


def _build_source(trained: FrameSampling) -> SourceConfig:
    return SourceConfig(
        path=Path(),
        frame_sampling=trained.kind,
        frame_interval=trained.frame_interval,
        interval_unit=trained.interval_unit,
    )


def _format_sampling(source: SourceConfig) -> str:
    """How clips are taken, in words."""
    rate = f" at {source.frame_rate:g} frames per second" if source.frame_rate else ""
    if source.frame_sampling in ("tsn", "whole"):
        return f"{source.frame_sampling}{rate}"
    return f"{source.frame_interval:g} {source.interval_unit}{rate}"


def _contains(source: SourceConfig, video: Path) -> bool:
    """Whether a video is one of a source: lies in its folder, or stands in its list."""
    path, real_path = Path(os.path.expanduser(source.path)), os.path.realpath(video)
    if path.is_dir():
        return Path(real_path).is_relative_to(path.resolve())
    try:
        manifest = read_manifest(
            path,
            root=source.root,
            layout=source.layout,
            frame_name=source.frame_name,
            check_some_exist=False,
        )
    except ManifestError as error:
        raise ConfigError(
            f"the frame interval of {video} in training cannot be told, choose --frame-interval: "
            f"{error}"
        ) from error
    # links are followed for few of perhaps a million paths
    names = {os.path.basename(os.path.abspath(video)), os.path.basename(real_path)}
    return any(
        os.path.realpath(os.path.join(manifest.root, listed)) == real_path
        for listed in manifest.paths
        if os.path.basename(listed.rstrip("/")) in names
    )
