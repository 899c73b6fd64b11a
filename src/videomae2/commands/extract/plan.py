"""Weights and videos → what will be extracted, checked without decoding a video."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from videomae2.base.files import check_writable
from videomae2.base.summary import Summary
from videomae2.base.text import format_bytes, format_count, format_duration
from videomae2.commands.extract.config import ExtractConfig, WindowConfig, check_extract_config
from videomae2.commands.extract.presets import PRESETS
from videomae2.data.loading.sources import find_without_timestamps
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.read import ListConfig
from videomae2.data.manifests.roots import check_outside
from videomae2.data.video.trim import open_video
from videomae2.data.views.window_grid import WindowGrid
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.features.attentive import load_attentive_pooling
from videomae2.inference.features.encode import ClipEncoder, FeatureKind, check_kind, cut_layers
from videomae2.inference.features.naming import name_videos
from videomae2.inference.features.reading import Resize, WindowReader
from videomae2.inference.features.store import FeatureStore, FeatureVideo, count_done
from videomae2.inference.features.writing import check_names, check_settings
from videomae2.models.encoder import Normalize
from videomae2.models.weights.config_json import FrameSampling
from videomae2.models.weights.frozen_encoder import FrozenEncoder, load_frozen_encoder
from videomae2.models.weights.resolve import locate_model
from videomae2.reports.probe import format_encoder
from videomae2.tensors.normalization import Normalization
from videomae2.training.runtime import (
    Runtime,
    RuntimeConfig,
    prepare_runtime,
    resolve_num_workers,
)

FEATURES = "features"
"""The name of the one kind."""
_FORMAT = 1
_MAX_SAMPLE = 8  # videos whose lengths stand for all in a dry run


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractPlan:
    """What will be extracted, from which videos, and where to."""

    encoder: ClipEncoder
    grid: WindowGrid
    resize: Resize
    videos: Sequence[FeatureVideo]
    manifest: Manifest
    out: Path
    config: ExtractConfig
    frame_rate: float | None = None

    @property
    def kind(self) -> FeatureKind:
        """What is kept of each window."""
        return self.encoder.kinds[FEATURES]

    @property
    def runtime(self) -> Runtime:
        """Where it is computed."""
        return self.encoder.runtime

    def make_reader(self) -> WindowReader:
        """Who reads the videos."""
        cubes, reading = self.encoder.frozen.encoder.cubes, self.config.reading
        return WindowReader(
            grid=self.grid,
            resize=self.resize,
            size=(cubes.height, cubes.width),
            channels=cubes.channels,
            reading=reading,
            num_workers=resolve_num_workers(reading.num_workers, self.runtime),
            device=self.runtime.device,
            frame_name=self.manifest.frame_name,
            frame_rate=self.frame_rate,
        )

    def list_settings(self) -> dict[str, Any]:
        """What the features follow from, beside the videos."""
        frozen, reading = self.encoder.frozen, self.config.reading
        cubes, normalize = frozen.encoder.cubes, frozen.normalize
        probe = self.config.attentive_probe
        return {
            "format": _FORMAT,
            "weights": str(frozen.path.absolute()),
            "backbone": frozen.digest,
            "encoder": format_encoder(frozen.encoder.config),
            "layer": self.config.layer,
            "attentive_probe": None if probe is None else str(probe.absolute()),
            "features": self.kind.to_provenance(),
            "windows": self.grid.to_provenance(),
            "size": [cubes.height, cubes.width],
            "resize": self.resize,
            "normalization": {
                "mean": normalize.mean.tolist(),
                "std": normalize.std.tolist(),
                "subtract": normalize.subtract,
            },
            "max_short_side": reading.max_short_side,
            "square_pixels": reading.square_pixels,
            "frame_rate": self.frame_rate,
            "precision": self.runtime.precision,
        }

    def list_constants(self) -> dict[str, Any]:
        """What every line of the table repeats, for who reads nothing else."""
        windows = self.grid
        by_time = windows.window_seconds is not None
        return {
            "backbone": self.encoder.frozen.digest,
            "pooling": self.kind.pooling,
            "norm": self.kind.norm,
            "window_frames": None if by_time else windows.frames * windows.frame_interval,
            "stride_frames": None if by_time else windows.stride,
            "window_seconds": windows.window_seconds,
            "stride_seconds": windows.stride_seconds if by_time else None,
        }

    def summary(self, *, with_estimate: bool = False) -> Summary:
        """What will be done, and what is there already."""
        store = FeatureStore(self.out)
        num_done = count_done([store], self.videos)
        kind, frozen = self.kind, self.encoder.frozen
        shape = " x ".join(map(str, kind.compute_shape(frozen)))
        layer = "" if self.config.layer is None else f", of block {self.config.layer}"
        rows = [
            ("weights", f"{frozen.path} ({format_encoder(frozen.encoder.config)})"),
            ("videos", f"{len(self.videos)} ({self.manifest.source}), {num_done} are done"),
            *(("warning", text) for text in self.manifest.warnings),
            ("windows", format_grid(self.grid)),
            ("frames", format_resize(self.resize)),
            ("features", f"{kind.pooling}, norm {kind.norm}: {shape} {kind.dtype}{layer}"),
        ]
        if with_estimate and num_done < len(self.videos):
            rows += self._estimate(len(self.videos) - num_done)
        return Summary((*rows, ("out", str(self.out)), ("device", str(self.runtime))))

    def _estimate(self, num_videos: int) -> list[tuple[str, str]]:
        counts = [count for video in self._sample() if (count := self._count_windows(video))]
        if not counts:
            return [("size", "unknown: none of the first videos can be opened")]
        windows = round(float(np.mean(counts)) * num_videos)
        num_bytes = windows * self.kind.count_bytes(self.encoder.frozen)
        check_writable(self.out, num_bytes, dry_run=True)
        batches = -(-windows // self.config.batch_size)
        seconds = batches * self._measure_batch()
        text = f"about {format_count(windows, 'window')}, by {format_count(len(counts), 'video')}"
        return [
            ("size", f"{text}: {format_bytes(num_bytes)}"),
            ("time", f"about {format_duration(seconds)} for the forward passes, beside reading"),
        ]

    def _sample(self) -> Sequence[FeatureVideo]:
        step = max(1, len(self.videos) // _MAX_SAMPLE)
        return self.videos[::step][:_MAX_SAMPLE]

    def _count_windows(self, video: FeatureVideo) -> int:
        """How many a video has, by its container."""
        request = self.make_reader().build_request(video.entry)
        with suppress(VideoError, ValueError), open_video(video.entry, request) as reader:
            frames, _ = self.grid.place(reader.num_frames, reader.seconds, reader.start_seconds)
            return len(frames)
        return 0

    def _measure_batch(self) -> float:
        """Seconds of a forward pass of a batch."""
        cubes = self.encoder.frozen.encoder.cubes
        shape = (self.config.batch_size, cubes.frames, cubes.height, cubes.width, cubes.channels)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=self.runtime.device)
        self.encoder(pixels[:1])
        started = perf_counter()
        self.encoder(pixels)
        return perf_counter() - started


def prepare_extract(
    weights: Path,
    videos: Path,
    out: Path,
    config: ExtractConfig | None = None,
    list_config: ListConfig | None = None,
    *,
    is_query: bool = False,
) -> ExtractPlan:
    """Read list and weights and check all that can be known, without decoding a video.

    ``is_query``: the features are to be held against those of the folder, not put there.

    Raises:
        ConfigError: A choice cannot work or has no effect, or the folder has other features.
        DataError: The list is wrong.
        CheckpointError: There are no weights that can be read.
    """
    config, list_config = config or ExtractConfig(), list_config or ListConfig()
    check_extract_config(config)
    if config.preset is not None:
        preset = PRESETS[config.preset]
        config = replace(config, windows=replace(config.windows, **preset.windows))
    weights = locate_model(weights)
    check_outside(out, videos)
    manifest = list_config.read(videos)
    runtime = prepare_runtime(RuntimeConfig(device=config.device, precision=config.precision))
    windows = config.windows
    frozen = _load_encoder(weights, windows, use_ema=config.ema)
    grid = build_grid(frozen, windows)
    if grid.window_seconds is not None and not list_config.frame_rate:
        _check_clock(manifest)
    plan = ExtractPlan(
        encoder=build_encoder(frozen, config, runtime),
        grid=grid,
        resize="squash" if config.released_preprocessing else "cover",
        videos=name_videos(manifest),
        manifest=manifest,
        out=out,
        config=config,
        frame_rate=list_config.frame_rate,
    )
    store = FeatureStore(out)
    check_settings(store, plan.list_settings(), "--out")
    if not is_query:
        check_names(store, plan.videos, "--out")
    return plan


def _load_encoder(weights: Path, windows: WindowConfig, *, use_ema: bool) -> FrozenEncoder:
    """The encoder; of another size than it was trained with, its position table is resampled."""
    frozen, wanted = load_frozen_encoder(weights, use_ema=use_ema), (windows.frames, windows.side)
    cubes = frozen.encoder.cubes
    sizes = (cubes.frames,), (cubes.height, cubes.width)
    is_same = [size is None or {size} == set(own) for size, own in zip(wanted, sizes, strict=True)]
    if all(is_same):
        return frozen
    return load_frozen_encoder(weights, frames=wanted[0], side=wanted[1], use_ema=use_ema)


def build_encoder(frozen: FrozenEncoder, config: ExtractConfig, runtime: Runtime) -> ClipEncoder:
    """The encoder up to the wanted block, with what is kept of its tokens.

    Raises:
        ConfigError: A norm or block does not fit.
        CheckpointError: The attentive probe cannot be read.
    """
    depth = len(frozen.encoder.blocks)
    frozen = cut_layers(frozen, config.layer)
    if config.released_preprocessing:
        channels = frozen.encoder.cubes.channels
        plain = Normalization(mean=(0.0,) * channels, std=(1.0,) * channels)
        frozen = replace(frozen, normalize=Normalize(plain, channels))
    attentive = None
    if config.attentive_probe is not None:
        attentive = load_attentive_pooling(config.attentive_probe, frozen)
    is_last = config.layer in (None, depth)
    pooling = config.pooling or "mean"
    norm = config.norm or ("final" if is_last and pooling != "attentive" else "plain")
    if config.norm is None and pooling == "tokens" and frozen.norm_input != "tokens":
        norm = "plain"
    kind = FeatureKind(pooling=pooling, norm=norm, dtype=config.dtype or "float32")
    check_kind(kind, frozen)
    return ClipEncoder(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        kinds={FEATURES: kind},
        attentive=None if attentive is None else attentive.to(runtime.device),
    )


def build_grid(frozen: FrozenEncoder, windows: WindowConfig) -> WindowGrid:
    """The windows: as asked, else as the weights were trained.

    Raises:
        ConfigError: They were trained on whole videos, so nothing says how long a window is.
    """
    frames, short = frozen.encoder.cubes.frames, windows.short or "repeat"
    sampling = frozen.frame_sampling or FrameSampling()
    interval, seconds = windows.frame_interval, windows.window_seconds
    if interval is None and seconds is None:
        if sampling.kind != "strided":
            raise ConfigError(
                "the weights were trained on clips over whole videos, which have no length of "
                "their own; choose --frame-interval FRAMES or --window-seconds SECONDS"
            )
        step = sampling.frame_interval
        if sampling.interval_unit == "frames":
            interval = round(step)
        else:
            seconds = frames * (step if sampling.interval_unit == "seconds" else 1 / step)
    if interval is not None:
        return WindowGrid(
            frames=frames,
            frame_interval=interval,
            stride=windows.stride or frames * interval,
            short=short,
        )
    if windows.stride is not None:
        raise ConfigError(
            "--stride counts frames, and the weights were trained on clips by time; give "
            "--frame-interval too, or --window-seconds and --stride-seconds"
        )
    return WindowGrid(
        frames=frames,
        window_seconds=seconds,
        stride_seconds=windows.stride_seconds or seconds or 0.0,
        short=short,
    )


def _check_clock(manifest: Manifest) -> None:
    untimed = find_without_timestamps(manifest)
    if untimed is not None:
        raise ConfigError(
            f"windows count in seconds, and {untimed} is a folder of images or an array, which "
            f"has no clock; give --frame-rate, or --frame-interval"
        )


def format_grid(grid: WindowGrid) -> str:
    """The windows in words."""
    short = "" if grid.short == "repeat" else "; shorter videos have none"
    if grid.window_seconds is not None:
        return (
            f"{grid.frames} frames over {grid.window_seconds:g} s, one every "
            f"{grid.stride_seconds:g} s{short}"
        )
    interval = "in a row" if grid.frame_interval == 1 else f"every {grid.frame_interval}"
    return f"{grid.frames} frames {interval}, a window every {grid.stride} frames{short}"


def format_resize(resize: Resize) -> str:
    """What becomes of frames, in words."""
    if resize == "squash":
        return "squashed to the clip's size, without mean and deviation, as released"
    return "resized to cover the clip, the middle of them, normalised as in training"
