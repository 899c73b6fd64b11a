"""Everything that can be chosen about an extraction."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.ranges import ONE_OR_MORE, POSITIVE, find_range_errors
from videomae2.commands.extract.presets import PRESETS, PresetName
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.views.window_grid import ShortVideos
from videomae2.errors import ConfigError
from videomae2.inference.features.encode import FeatureDtype, Norm, Pooling

FileFormat = Literal["safetensors", "zarr", "parquet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowConfig:
    """Which windows of each video become features."""

    frames: Annotated[int | None, ONE_OR_MORE] = None
    """Frames that the encoder sees of a window; as in training if not given."""
    frame_interval: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the video from one of them to the next; as in training if not given."""
    stride: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the video from the start of one window to the next; a window's length if not
    given."""
    window_seconds: Annotated[float | None, POSITIVE] = None
    """Length of a window, of which frames at equal distances are seen; instead of a frame
    interval."""
    stride_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds from the start of one window to the next; a window's length if not given."""
    short: ShortVideos | None = None
    """A video shorter than a window has one in which its last frame repeats (repeat, if not given),
    or counts as unreadable (skip)."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of a clip in pixels; as in training if not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractConfig:
    """What is kept of each window, and how it is computed."""

    preset: PresetName | None = None
    """Windows and files as detection code expects them: 16 frames in a row, every 4 (THUMOS14) or
    16 (FineAction), with what to write into its configuration."""
    released_preprocessing: bool = False
    """Frames as in the released extraction of features: squashed to the clip's size whatever their
    shape, and without mean and deviation; else as in training."""
    layer: Annotated[int | None, ONE_OR_MORE] = None
    """The block whose output is taken, from 1; the last if not given."""
    pooling: Pooling | None = None
    """The mean of a window's tokens (mean, if not given), the mean of each time slot, all tokens,
    or what an attentive probe makes of them."""
    attentive_probe: Path | None = None
    """A file of: videomae2 probe --save-attentive."""
    norm: Norm | None = None
    """Features behind the encoder's final norm, without it (plain), or both; tokens also each
    standardized. If not given, final of the last block, and plain of others."""
    dtype: FeatureDtype | None = None
    """Numbers in the files; float32 if not given."""
    ema: bool = False
    """Take the running mean of a checkpoint's weights."""
    batch_size: Annotated[int, ONE_OR_MORE] = 8
    """Windows that the encoder sees at once, of several videos."""
    windows: WindowConfig = field(default_factory=WindowConfig)
    """Which windows of each video become features."""
    reading: ReadingConfig = field(default_factory=lambda: ReadingConfig(timeout_seconds=60.0))
    """How videos are read; what is unreadable is tried again the next time."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """How the encoder computes; auto takes bf16 where the machine computes it fast."""


def check_extract_config(config: ExtractConfig) -> None:
    """Refuse choices that cannot work or have no effect.

    Raises:
        ConfigError: With every problem.
    """
    problems = [
        problem.replace("--windows.", "--").replace("--reading.", "--")
        for _, problem in find_range_errors(config)
    ]
    problems += [*_find_window_problems(config.windows), *_find_preset_problems(config)]
    if (config.attentive_probe is not None) != (config.pooling == "attentive"):
        problems.append("--pooling attentive and --attentive-probe FILE go together; give both")
    if problems:
        raise ConfigError(problems)


def _find_window_problems(windows: WindowConfig) -> Iterator[str]:
    by_time = windows.window_seconds is not None
    if by_time and windows.frame_interval is not None:
        yield "--window-seconds and --frame-interval both say how long a window is; give one"
    if by_time and windows.stride is not None:
        yield "--stride counts frames and --window-seconds time; give --stride-seconds"
    if not by_time and windows.stride_seconds is not None:
        yield "--stride-seconds wants --window-seconds to go with it; or give --stride in frames"


def _find_preset_problems(config: ExtractConfig) -> Iterator[str]:
    if config.preset is None:
        return
    fixed = {name: getattr(config.windows, name) for name in PRESETS[config.preset].windows}
    fixed |= {name: getattr(config, name) for name in ("pooling", "norm", "layer", "dtype")}
    fixed |= {n: getattr(config.windows, n) for n in ("window_seconds", "stride_seconds")}
    given = [f"--{name.replace('_', '-')}" for name, value in fixed.items() if value is not None]
    if given:
        yield f"--preset {config.preset} says {', '.join(given)} already; leave one of them out"
