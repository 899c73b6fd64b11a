"""Random numbers as a function of a key: the torch half, equal to ``draws`` bit by bit.

Batched over clips and computed on the device of the keys, without a generator's state and
without a wait for the host. Where a caller would rather bring a ``torch.Generator``, ``scores``
takes that as well.

Axes: batch, numbers.
"""

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Generator, Tensor

from videomae2.tensors.draws import GAMMA, MIX_1, MIX_2, to_int64

Rng = Generator | Int64[Tensor, " batch"]


def draw_scores(batch: int, numbers: int, rng: Rng) -> Shaped[Tensor, "batch numbers"]:
    """Give numbers to rank by: random, the same for the same randomness.

    Args:
        batch: How many rows.
        numbers: How many numbers in a row.
        rng: A generator, or one key per row; fixes the device of the result.

    Raises:
        ValueError: If there are not as many keys as rows.
    """
    if isinstance(rng, Generator):
        return torch.rand(batch, numbers, generator=rng, device=rng.device)
    if len(rng) != batch:
        raise ValueError(f"want one key for each of {batch} rows, got {len(rng)} keys")
    return bits(rng, numbers)


def fold_in(keys: Int64[Tensor, " batch"], stream: int) -> Int64[Tensor, " batch"]:
    """Make another key of each, for another use."""
    return _mix(keys + to_int64(GAMMA * (stream + 1) & 0xFFFFFFFFFFFFFFFF))


def bits(keys: Int64[Tensor, " batch"], numbers: int) -> Int64[Tensor, "batch numbers"]:
    """The first 64-bit numbers of each key; torch's integers wrap around as the mixer needs."""
    counter = torch.arange(1, numbers + 1, device=keys.device)
    return _mix(keys[:, None] + counter * to_int64(GAMMA))


def uniform(keys: Int64[Tensor, " batch"], numbers: int) -> Float[Tensor, "batch numbers"]:
    """The first numbers of each key in [0, 1), with the 24 bits that float32 holds."""
    return _shift_right(bits(keys, numbers), 40).float() * 2.0**-24


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * to_int64(MIX_1)
    x = (x ^ _shift_right(x, 27)) * to_int64(MIX_2)
    return x ^ _shift_right(x, 31)


def _shift_right(x: Tensor, num_bits: int) -> Tensor:
    """Shift right and fill with zeros; torch's own shift repeats the sign."""
    return (x >> num_bits) & ((1 << (64 - num_bits)) - 1)
