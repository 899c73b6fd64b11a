"""Checks of what every kind of run has: videos, clips, optimizer, folder, device.

Each problem is one line: the flag and what it says, what was wanted, what would work.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from videomae2.base.files import path_exists, path_hint
from videomae2.base.schema import flag_name
from videomae2.base.text import format_count, format_multiples
from videomae2.config.runs import Run
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.roots import check_outside
from videomae2.data.views.crops import CropConfig
from videomae2.errors import ConfigError
from videomae2.training.optim import OptimConfig

Check = tuple[Callable[[Any], Iterator[str]], tuple[str, ...]]
"""A check, and the settings whose numbers must lie in their range before it can compute."""


def _check_sources(run: Run) -> Iterator[str]:
    if not run.data.sources:
        yield "there are no videos; name a folder or a list of videos"
    for number, source in enumerate(run.data.sources):
        yield from check_source(source, f"--data.sources.{number}")


def check_source(source: SourceConfig, flag: str) -> Iterator[str]:
    """What is wrong with the place of a source."""
    if not path_exists(source.path):
        yield f"videos: {source.path} does not exist{path_hint(source.path)}"
    if source.root is not None and not path_exists(source.root):
        yield f"{flag}.root {source.root} does not exist{path_hint(source.root)}"
    elif source.root is not None and source.path.is_dir():
        yield f"{flag}.root {source.root} has no effect, {source.path} is a folder; leave it out"


WHOLE_VIDEO_TEXTS = {
    "tsn": "a frame of each part of a video",
    "whole": "frames over all of a video",
}
"""Ways to take frames that a distance means nothing to."""


def _format_value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _check_frame_intervals(run: Run) -> Iterator[str]:
    for number, source in enumerate(run.data.sources):
        flag, default_source = f"--data.sources.{number}", SourceConfig(path=source.path)
        interval = f"{source.frame_interval:g}"
        if source.frame_sampling in WHOLE_VIDEO_TEXTS:
            ineffective = ["frame_interval"]
            ineffective += ["interval_unit"] * (source.frame_sampling == "whole")
            for name in ineffective:
                value, default = getattr(source, name), getattr(default_source, name)
                if value != default:
                    yield (
                        f"{flag_name(f'{flag[2:]}.{name}')} {_format_value(value)} has no effect "
                        f"with {flag}.frame-sampling {source.frame_sampling}, "
                        f"{WHOLE_VIDEO_TEXTS[source.frame_sampling]}; leave it out, or say "
                        f"{_format_value(default)} where a recipe has another"
                    )
        elif source.interval_unit == "frames" and source.frame_interval % 1:
            yield (
                f"{flag}.frame-interval {interval} is no whole number of frames; "
                f"{max(1, round(source.frame_interval))} is, or count in another "
                f"{flag}.interval-unit"
            )


def _check_crop(run: Run) -> Iterator[str]:
    crop, default_crop = run.data.crop, CropConfig()
    ranges = (("scale", crop.scale, default_crop.scale), ("ratio", crop.ratio, default_crop.ratio))
    for name, (low, high), default_range in ranges:
        flag = f"--data.crop.{name} {low:g} {high:g}"
        if low > high:
            yield f"{flag} has its larger end first; {high:g} {low:g} would work"
        if crop.kind != "random-resized" and (low, high) != default_range:
            yield (
                f"{flag} has no effect with --data.crop.kind {crop.kind}; leave it out, or choose "
                f"random-resized"
            )


def _check_channels(run: Run) -> Iterator[str]:
    channels = run.model.encoder.channels
    for name, values in (("mean", run.data.mean), ("std", run.data.std)):
        if len(values) != channels:
            yield (
                f"--data.{name} has {format_count(len(values), 'value')}, "
                f"--model.encoder.channels wants {channels}"
            )


def check_cubes(run: Run) -> Iterator[str]:
    """Whether clips split into cubes."""
    encoder = run.model.encoder
    shape = encoder.shape
    for name, size, unit in (
        ("frames", encoder.frames, shape.tubelet_size),
        ("height", encoder.height, shape.patch_size),
        ("width", encoder.width, shape.patch_size),
    ):
        if size % unit:
            yield (
                f"--model.encoder.{name} {size} does not split into cubes of {unit}; "
                f"{format_multiples(size, unit)} would"
            )


def _check_batch(run: Run) -> Iterator[str]:
    global_batch_size, micro_batch_size = run.optim.global_batch_size, run.optim.micro_batch_size
    if micro_batch_size is not None and global_batch_size % micro_batch_size:
        yield (
            f"--optim.global-batch-size {global_batch_size} does not split into micro-batches of "
            f"{micro_batch_size}; {format_multiples(global_batch_size, micro_batch_size)} would"
        )


def _check_length(run: Run) -> Iterator[str]:
    optim = run.optim
    for names in OptimConfig.ALTERNATIVES:
        epochs, steps = (getattr(optim, name) for name in names)
        epochs_flag, steps_flag = (flag_name(f"optim.{name}") for name in names)
        if epochs is not None and steps is not None:
            yield (
                f"{epochs_flag} {epochs:g} and {steps_flag} {steps} say the same length twice; "
                f"leave out one, or take it back with {epochs_flag} None"
            )
        elif epochs is None and steps is None:
            yield f"{steps_flag} is missing, or {epochs_flag} in its place"
    # of epochs and steps together the number of videos decides (training/schedules.py)
    for name, length, warmup in (
        ("epochs", optim.epochs, optim.warmup_epochs),
        ("steps", optim.steps, optim.warmup_steps),
    ):
        if length is not None and warmup is not None and warmup > length:
            usual = f"{length / 10:g}" if name == "epochs" else max(1, int(length) // 20)
            yield (
                f"--optim.warmup-{name} {warmup:g} is longer than the run of "
                f"--optim.{name} {length:g}; {usual} is usual"
            )


def _check_min_lr(run: Run) -> Iterator[str]:
    optim = run.optim
    if optim.min_lr > optim.lr:
        yield (
            f"--optim.min-lr {optim.min_lr:g} is above the peak of --optim.lr {optim.lr:g}; "
            f"it wants that or less"
        )


def _check_run_folder(run: Run) -> Iterator[str]:
    yield from check_output_dir(run, run.output_dir, "--out")


def check_output_dir(run: Run, folder: Path, flag: str) -> Iterator[str]:
    """What is wrong with a folder that a run writes to."""
    if str(folder).startswith("~"):
        yield f"{flag} {folder} is not expanded here; write the path in full"
    elif folder.exists() and not folder.is_dir():
        yield f"{flag} {folder} is a file; it wants a folder, which is made if it is not there"
    else:
        try:
            check_outside(folder, *run.list_inputs(), flag=flag)
        except ConfigError as error:
            yield from error.problems


def _check_checkpoint(run: Run) -> Iterator[str]:
    interval, keep_interval = run.checkpoint.interval, run.checkpoint.keep_interval
    if keep_interval is not None and keep_interval % interval:
        yield (
            f"--checkpoint.keep-interval {keep_interval} misses the checkpoints that "
            f"--checkpoint.interval {interval} makes; "
            f"{format_multiples(keep_interval, interval)} would not"
        )


def _check_short_side(run: Run) -> Iterator[str]:
    encoder, short_side = run.model.encoder, run.reading.max_short_side
    clip_side = min(encoder.height, encoder.width)
    if short_side is not None and short_side < clip_side:
        yield (
            f"--reading.max-short-side {short_side} is smaller than the clips, which would be "
            f"enlarged again; {clip_side} or more would work"
        )


def _check_device(run: Run) -> Iterator[str]:
    device = run.runtime.device
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        yield f"--runtime.device {device} is not known; it wants auto, cpu, cuda or cuda:N"


def check_heads(run: Run) -> Iterator[str]:
    """Whether an encoder splits over its heads."""
    shape = run.model.encoder.shape
    yield from check_split_over_heads("encoder", shape.embed_dim, shape.num_heads)


def check_split_over_heads(part: str, dim: int, num_heads: int) -> Iterator[str]:
    """Whether the width of the encoder or the decoder splits over its heads."""
    if dim % num_heads:
        yield (
            f"--model.{part}.embed-dim {dim} does not split over {num_heads} heads; "
            f"{format_multiples(dim, num_heads)} would"
        )


SHARED_CHECKS: tuple[Check, ...] = (
    (_check_sources, ()),
    (_check_frame_intervals, ("data.sources.",)),
    (_check_crop, ("data.crop.",)),
    (_check_batch, ("optim.global_batch_size", "optim.micro_batch_size")),
    (
        _check_length,
        ("optim.epochs", "optim.steps", "optim.warmup_epochs", "optim.warmup_steps"),
    ),
    (_check_min_lr, ("optim.lr", "optim.min_lr")),
    (_check_run_folder, ()),
    (_check_checkpoint, ("checkpoint.",)),
    (_check_device, ()),
    (_check_channels, ()),
    (check_cubes, ("model.encoder.",)),
    (_check_short_side, ("model.encoder.", "reading.max_short_side")),
)
"""Checks of every run."""
