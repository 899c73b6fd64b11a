"""RandAugment on clips: some of 15 operations in a row, one draw for all frames of a clip.

Cost on one core, measured with the released numbers (two operations carried out on average): 45 ms
for a clip of 16 frames of 224 pixels, 2.5 ms of 64 pixels. With keys on a device all operations
are computed for all clips, which is 17 times the work there (10 times at 64 pixels).

Axes: batch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float64, Int64, UInt8
from torch import Tensor

from videomae2.data.operations import FILL, OPERATIONS, Operation
from videomae2.tensors import tones, warps
from videomae2.tensors.distributions import normal
from videomae2.tensors.keyed import split, uniform
from videomae2.tensors.moving import moved
from videomae2.tensors.rows import on_rows

Clip = UInt8[Tensor, "batch frames height width channels"]

MOST = 10.0
"""The largest magnitude."""
_WHICH, _WHETHER, _SIGN, _NOISE = 11, 12, 13, 14  # streams of a clip's key


@dataclass(frozen=True, kw_only=True, slots=True)
class RandAugmentConfig:
    """Operations on colours, tones and place, as many and as strong as asked."""

    operations: int = 4
    """Operations drawn for each clip, the same one maybe twice; 0 leaves clips as they are."""
    magnitude: float = 7.0
    """How strong they are, from 0 to 10."""
    magnitude_std: float = 0.5
    """Standard deviation of the magnitude around that, drawn for each operation."""
    share: float = 0.5
    """Share of the drawn operations that are carried out."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation for each clip of a batch, on the device of the clips' keys."""

    operation: Int64[Tensor, " batch"]
    """Numbers in ``OPERATIONS``."""
    applied: Bool[Tensor, " batch"]
    magnitude: Float64[Tensor, " batch"]
    """From 0 to 10."""
    sign: Float64[Tensor, " batch"]
    """-1 or 1: which way an operation goes that has two."""

    def chooses(self, number: int) -> Bool[Tensor, " batch"]:
        """The clips that get an operation."""
        return self.applied & (self.operation == number)

    def amount(self, operation: Operation) -> Float64[Tensor, " batch"]:
        """How strong an operation would be."""
        return operation.amount(self.magnitude, self.sign)


def parse(text: str) -> RandAugmentConfig:
    """Read timm's notation, such as rand-m7-n4-mstd0.5-inc1.

    Raises:
        ValueError: If it is no such text, or asks for what is not here: another set of
            operations than the increasing one (inc1), or weights.
    """
    name, *parts = text.split("-")
    found = [re.fullmatch(r"(mstd|inc|m|n)(\d+(?:\.\d+)?)", part) for part in parts]
    values = {part[1]: part[2] for part in found if part}
    whole = values.get("n", "2").isdigit()
    if name != "rand" or len(values) != len(parts) or not whole or not float(values.get("inc", 0)):
        raise ValueError(
            f"cannot read the RandAugment text '{text}'; want something like "
            f"rand-m7-n4-mstd0.5-inc1: m magnitude, n operations, mstd noise, inc1 always"
        )
    return RandAugmentConfig(
        operations=int(values.get("n", 2)),
        magnitude=float(values.get("m", MOST)),
        magnitude_std=float(values.get("mstd", 0)),
    )


def rand_augment(clips: Clip, keys: Int64[Tensor, " batch"], config: RandAugmentConfig) -> Clip:
    """Carry out what is drawn for each clip; statistics such as a mean are of each frame.

    Args:
        clips: The values 0…255.
        keys: One key per clip. On the CPU, as those of a batch that was just read are, only what
            is drawn gets computed; on another device everything, for the host must not wait.
        config: How many operations, how strong.

    Source: dataset/rand_augment.py of the released code (its increasing set), with the numbers of
        Pillow. Unlike there, posterize keeps at least 1 bit.
    """
    for layer in draw_layers(keys, config):
        clips = apply(clips, layer)
    return clips


def draw_layers(keys: Int64[Tensor, " batch"], config: RandAugmentConfig) -> list[Layer]:
    """Draw the operations of each clip, with repetition, and how they are done."""
    count = config.operations
    operation = (uniform(split(keys, _WHICH), count).double() * len(OPERATIONS)).long()
    applied = uniform(split(keys, _WHETHER), count) < config.share
    noise = normal(split(keys, _NOISE), count).double() * config.magnitude_std
    magnitude = (config.magnitude + noise).clamp(0, MOST)
    sign = 1 - 2 * (uniform(split(keys, _SIGN), count) < 0.5).double()
    parts = (part.unbind(1) for part in (operation, applied, magnitude, sign))
    return [Layer(*drawn) for drawn in zip(*parts, strict=True)]


def apply(clips: Clip, layer: Layer) -> Clip:
    """Carry out one operation on each clip; at most one of the kinds changes it."""
    clips = _change_tones(clips, layer)
    for number, operation in _of_kind("pixels"):
        amount = moved(layer.amount(operation), clips.device)
        clips = on_rows(clips, layer.chooses(number), operation.change, amount)
    return _move(clips, layer)


def _change_tones(clips: Clip, layer: Layer) -> Clip:
    """Make the tables of all clips, then look up once."""
    tables = tones.identity(clips)
    changed = torch.zeros_like(layer.applied)
    for number, operation in _of_kind("table"):
        chosen = layer.chooses(number)
        amount = moved(layer.amount(operation), clips.device)
        tables = on_rows(tables, chosen, partial(_new_table, operation), clips, amount)
        changed = changed | chosen
    return on_rows(clips, changed, tones.look_up, tables)


def _new_table(operation: Operation, old: Tensor, clips: Tensor, amount: Tensor) -> Tensor:
    return operation.change(clips, amount)


def _move(clips: Clip, layer: Layer) -> Clip:
    """Make the matrices of all clips, then move pixels once."""
    matrix = warps.still(layer.magnitude)
    any_moved = torch.zeros_like(layer.applied)
    for number, operation in _of_kind("matrix"):
        chosen = layer.chooses(number)
        new = operation.change(layer.amount(operation), clips.shape[2], clips.shape[3])
        matrix = torch.where(chosen[:, None], new, matrix)
        any_moved = any_moved | chosen
    return on_rows(clips, any_moved, partial(warps.warp, fill=FILL), moved(matrix, clips.device))


def _of_kind(kind: str) -> Iterator[tuple[int, Operation]]:
    return ((n, each) for n, each in enumerate(OPERATIONS) if each.kind == kind)
