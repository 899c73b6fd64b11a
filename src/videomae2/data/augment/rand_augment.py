"""RandAugment on clips: some of 15 operations in a row, one draw for all frames of a clip.

Cost on one core, measured with the released numbers (two operations carried out on average): 45 ms
for a clip of 16 frames of 224 pixels, 2.5 ms of 64 pixels. With keys on a device all operations
are computed for all clips, which is 17 times the work there (10 times at 64 pixels).

Axes: batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from jaxtyping import Bool, Float64, Int64, UInt8
from torch import Tensor

from videomae2.base.ranges import NOT_NEGATIVE, SHARE, Range
from videomae2.data.augment import geometric_ops, pixel_ops
from videomae2.data.augment.ops import FILL, OPERATIONS, Operation
from videomae2.tensors.clips import masked_apply, to_device
from videomae2.tensors.rng_torch import fold_in, normal, uniform

Clip = UInt8[Tensor, "batch frames height width channels"]

MAX_MAGNITUDE = 10.0
"""The largest magnitude."""

_WHICH, _APPLY, _SIGN, _NOISE = 11, 12, 13, 14  # streams of a clip's key


@dataclass(frozen=True, kw_only=True, slots=True)
class RandAugmentConfig:
    """Operations on colours, tones and place, as many and as strong as asked."""

    num_ops: Annotated[int, NOT_NEGATIVE] = 4
    """Operations drawn for each clip, the same one maybe twice; 0 leaves clips as they are."""
    magnitude: Annotated[float, Range("a number from 0 to 10", minimum=0.0, maximum=10.0)] = 7.0
    """How strong they are, from 0 to 10."""
    magnitude_std: Annotated[float, NOT_NEGATIVE] = 0.5
    """Standard deviation of the magnitude around that, drawn for each operation."""
    prob: Annotated[float, SHARE] = 0.5
    """Share of the drawn operations that are carried out."""


@dataclass(frozen=True, slots=True)
class OperationDraw:
    """One operation for each clip of a batch, on the device of the clips' keys."""

    operation: Int64[Tensor, " batch"]
    """Numbers in ``OPERATIONS``."""
    is_applied: Bool[Tensor, " batch"]
    magnitude: Float64[Tensor, " batch"]
    """From 0 to 10."""
    sign: Float64[Tensor, " batch"]
    """-1 or 1: which way an operation goes that has two."""

    def select_clips(self, number: int) -> Bool[Tensor, " batch"]:
        """The clips that get an operation."""
        return self.is_applied & (self.operation == number)

    def compute_amount(self, operation: Operation) -> Float64[Tensor, " batch"]:
        """How strong an operation would be."""
        return operation.amount(self.magnitude, self.sign)


def rand_augment(clips: Clip, keys: Int64[Tensor, " batch"], config: RandAugmentConfig) -> Clip:
    """Carry out what is drawn for each clip; statistics such as a mean are of each frame.

    With keys on the CPU, as those of a batch that was just read, only what is drawn is computed; on
    another device everything, for the host must not wait.

    Source: dataset/rand_augment.py of the released code (its increasing set), with the numbers of
        Pillow. Unlike there, posterize keeps at least 1 bit.
    """
    for layer in draw_operations(keys, config):
        clips = apply_operation(clips, layer)
    return clips


def draw_operations(
    keys: Int64[Tensor, " batch"], config: RandAugmentConfig
) -> list[OperationDraw]:
    """Draw the operations of each clip, with repetition, and how they are done."""
    count = config.num_ops
    operation = (uniform(fold_in(keys, _WHICH), count).double() * len(OPERATIONS)).long()
    is_applied = uniform(fold_in(keys, _APPLY), count) < config.prob
    noise = normal(fold_in(keys, _NOISE), count).double() * config.magnitude_std
    magnitude = (config.magnitude + noise).clamp(0, MAX_MAGNITUDE)
    sign = 1 - 2 * (uniform(fold_in(keys, _SIGN), count) < 0.5).double()
    parts = (part.unbind(1) for part in (operation, is_applied, magnitude, sign))
    return [OperationDraw(*drawn) for drawn in zip(*parts, strict=True)]


def apply_operation(clips: Clip, layer: OperationDraw) -> Clip:
    """Carry out one operation on each clip; at most one of the kinds changes it."""
    clips = _apply_pixel_tables(clips, layer)
    for number, operation in _iterate_kind("pixels"):
        amount = to_device(layer.compute_amount(operation), clips.device)
        clips = masked_apply(clips, layer.select_clips(number), operation.transform, amount)
    return _apply_matrices(clips, layer)


def _apply_pixel_tables(clips: Clip, layer: OperationDraw) -> Clip:
    """Make the tables of all clips, then look up once."""
    tables = pixel_ops.identity_table(clips)
    is_changed = torch.zeros_like(layer.is_applied)
    for number, operation in _iterate_kind("table"):
        selected = layer.select_clips(number)
        amount = to_device(layer.compute_amount(operation), clips.device)
        tables = masked_apply(tables, selected, partial(_build_table, operation), clips, amount)
        is_changed = is_changed | selected
    return masked_apply(clips, is_changed, pixel_ops.apply_table, tables)


def _build_table(operation: Operation, previous: Tensor, clips: Tensor, amount: Tensor) -> Tensor:
    return operation.transform(clips, amount)


def _apply_matrices(clips: Clip, layer: OperationDraw) -> Clip:
    """Make the matrices of all clips, then move pixels once."""
    matrix = geometric_ops.build_matrix(layer.magnitude)
    is_moved = torch.zeros_like(layer.is_applied)
    for number, operation in _iterate_kind("matrix"):
        selected = layer.select_clips(number)
        candidate = operation.transform(
            layer.compute_amount(operation), clips.shape[2], clips.shape[3]
        )
        matrix = torch.where(selected[:, None], candidate, matrix)
        is_moved = is_moved | selected
    return masked_apply(
        clips,
        is_moved,
        partial(geometric_ops.warp_affine, fill=FILL),
        to_device(matrix, clips.device),
    )


def _iterate_kind(kind: str) -> Iterator[tuple[int, Operation]]:
    return ((n, each) for n, each in enumerate(OPERATIONS) if each.kind == kind)
