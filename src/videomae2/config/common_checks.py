"""Checks of what every kind of run has: videos, clips, optimizer, folder, device.

Each problem is one line: the flag and what it says, what was wanted, what would work.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from videomae2.config.runs import Run
from videomae2.data.crops import CropConfig
from videomae2.data.sources import SourceConfig
from videomae2.models.encoder import EncoderConfig

Check = tuple[Callable[[Any], Iterator[str]], tuple[str, ...]]
"""A check, and the settings whose numbers must lie in their range before it can compute."""


def _sources(run: Run) -> Iterator[str]:
    if not run.data.sources:
        yield "there are no videos; name a folder or a list of videos"
    for number, source in enumerate(run.data.sources):
        yield from source_there(source, f"--data.sources.{number}")


def source_there(source: SourceConfig, flag: str) -> Iterator[str]:
    """What is wrong with the place of a source."""
    if not exists(source.path):
        yield f"{flag}.path {source.path} does not exist{there(source.path)}"
    if source.root is not None and not exists(source.root):
        yield f"{flag}.root {source.root} does not exist{there(source.root)}"
    elif source.root is not None and source.path.is_dir():
        yield f"{flag}.root {source.root} has no effect, {source.path} is a folder; leave it out"


def _strides(run: Run) -> Iterator[str]:
    for number, source in enumerate(run.data.sources):
        flag, at_rest = f"--data.sources.{number}.stride", SourceConfig(path=source.path).stride
        if source.sampling == "segments":
            if source.stride != at_rest:
                yield (
                    f"{flag} {source.stride:g} has no effect with --data.sources.{number}.sampling "
                    f"segments, a frame of each part of a video; leave it out, or say {at_rest:g} "
                    f"where a recipe has another"
                )
        elif source.stride_unit == "frames" and source.stride % 1:
            yield (
                f"{flag} {source.stride:g} is no whole number of frames; "
                f"{max(1, round(source.stride))} is, or count in another {flag}-unit"
            )


def _crop(run: Run) -> Iterator[str]:
    crop, usual = run.data.crop, CropConfig()
    ranges = (("area", crop.area, usual.area), ("ratio", crop.ratio, usual.ratio))
    for name, (least, most), at_rest in ranges:
        flag = f"--data.crop.{name} {least:g} {most:g}"
        if least > most:
            yield f"{flag} has its larger end first; {most:g} {least:g} would work"
        if crop.kind != "random-resized" and (least, most) != at_rest:
            yield (
                f"{flag} has no effect with --data.crop.kind {crop.kind}; leave it out, or choose "
                f"random-resized"
            )


def _channels(run: Run) -> Iterator[str]:
    yield from channels_fit(run, run.model.encoder, "--model")


def channels_fit(run: Run, encoder: EncoderConfig, flag: str) -> Iterator[str]:
    """What does not go with the channels of a model, which ``flag`` sets."""
    channels = encoder.channels
    for name, values in (("mean", run.data.mean), ("std", run.data.std)):
        if len(values) != channels:
            yield (
                f"--data.{name} has {count(len(values), 'value')}, "
                f"{flag}.encoder.channels wants {channels}"
            )


def cubes_split(run: Run) -> Iterator[str]:
    """What does not split into cubes."""
    yield from splits(run.model.encoder, "--model")


def splits(encoder: EncoderConfig, flag: str) -> Iterator[str]:
    """What of a model, which ``flag`` sets, does not split into cubes."""
    shape = encoder.shape
    for name, size, unit in (
        ("frames", encoder.frames, shape.tubelet),
        ("height", encoder.height, shape.patch),
        ("width", encoder.width, shape.patch),
    ):
        if size % unit:
            yield (
                f"{flag}.encoder.{name} {size} does not split into cubes of {unit}; "
                f"{multiples(size, unit)} would"
            )


def _batch(run: Run) -> Iterator[str]:
    batch, micro = run.optim.batch, run.optim.micro_batch
    if micro is not None and batch % micro:
        yield (
            f"--optim.batch {batch} does not split into micro-batches of {micro}; "
            f"{multiples(batch, micro)} would"
        )


def _warmup(run: Run) -> Iterator[str]:
    optim = run.optim
    if optim.warmup_epochs > optim.epochs:
        yield (
            f"--optim.warmup-epochs {optim.warmup_epochs:g} is longer than the run of "
            f"--optim.epochs {optim.epochs:g}; {optim.epochs / 10:g} is usual"
        )


def _last_lr(run: Run) -> Iterator[str]:
    optim = run.optim
    if optim.last_lr > optim.lr:
        yield (
            f"--optim.last-lr {optim.last_lr:g} is above the peak of --optim.lr {optim.lr:g}; "
            f"it wants that or less"
        )


def _record(run: Run) -> Iterator[str]:
    record = run.record
    out, save, keep = record.out, record.save_every, record.keep_every
    if str(out).startswith("~"):
        yield f"--out {out} is not expanded here; write the path in full"
    elif out.exists() and not out.is_dir():
        yield f"--out {out} is a file; it wants a folder, which is made if it is not there"
    if keep is not None and keep % save:
        yield (
            f"--record.keep-every {keep} misses the checkpoints that --record.save-every {save} "
            f"makes; {multiples(keep, save)} would not"
        )


def clips_not_enlarged(run: Run) -> Iterator[str]:
    """Whether frames would be shrunk below the size of a clip."""
    encoder, side = run.model.encoder, run.loading.shrink_side
    least = min(encoder.height, encoder.width)
    if side is not None and side < least:
        yield (
            f"--loading.shrink-side {side} is smaller than the clips, which would be enlarged "
            f"again; {least} or more would work"
        )


def _device(run: Run) -> Iterator[str]:
    device = run.runtime.device
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        yield f"--runtime.device {device} is not known; it wants auto, cpu, cuda or cuda:N"


def exists(path: Path) -> bool:
    """Whether a path is there, with a home folder that is written ~."""
    return os.path.exists(os.path.expanduser(path))


def there(path: Path) -> str:
    """Say how much of a path exists."""
    full = Path(os.path.abspath(os.path.expanduser(path)))
    there = next(parent for parent in full.parents if parent.is_dir())
    return f"; {there} does, without {full.relative_to(there).parts[0]}"


def multiples(number: int, unit: int) -> str:
    """The multiples around a number that is none."""
    below = number // unit * unit
    return f"{below} or {below + unit}" if below else f"{unit}"


def heads_split(encoder: EncoderConfig, flag: str) -> Iterator[str]:
    """Whether a model, which ``flag`` sets, splits over its heads."""
    shape = encoder.shape
    if shape.dim % shape.heads:
        yield (
            f"{flag}.encoder.dim {shape.dim} does not split over {shape.heads} heads; "
            f"{multiples(shape.dim, shape.heads)} would"
        )


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


SHARED: tuple[Check, ...] = (
    (_sources, ()),
    (_strides, ("data.sources.",)),
    (_crop, ("data.crop.",)),
    (_batch, ("optim.batch", "optim.micro_batch")),
    (_warmup, ("optim.epochs", "optim.warmup_epochs")),
    (_last_lr, ("optim.lr", "optim.last_lr")),
    (_record, ("record.",)),
    (_device, ()),
)
"""Checks of runs of any number of models."""

COMMON: tuple[Check, ...] = (
    *SHARED,
    (_channels, ()),
    (cubes_split, ("model.encoder.",)),
    (clips_not_enlarged, ("model.encoder.", "loading.shrink_side")),
)
"""Checks of runs of one model."""
