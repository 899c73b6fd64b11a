"""Random numbers as a function of a key: the torch half, equal to ``tensors/rng.py`` bit by bit.

Batched over clips and computed on the device of the keys, without a generator's state and with a
fixed amount of work, so nothing waits for the host. Uniform, normal, gamma and beta. Where a caller
would rather bring a ``torch.Generator``, ``draw_scores`` takes that as well. At the end, what
stochastic depth and dropout leave out in training.

Axes: batch, numbers, depth = blocks, 2 = the branches of a block (attention, MLP), dim.
"""

import math

import torch
from einops import rearrange
from jaxtyping import Float, Float32, Float64, Int64, Shaped
from torch import Generator, Tensor

from videomae2.tensors.rng import GAMMA, MIX_1, MIX_2, to_int64

Rng = Generator | Int64[Tensor, " batch"]


def draw_scores(batch: int, numbers: int, rng: Rng) -> Shaped[Tensor, "batch numbers"]:
    """Give numbers to rank by, from a generator or one key per row, on the device of these.

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


MAX_TRIES = 16
"""One try of the gamma draw fails in less than 5 % of cases, so all of these in 1e-21."""

_ALPHA_STREAM, _BETA_STREAM, _BOOST_STREAM, _ACCEPT_STREAM = 1, 2, 3, 4


def normal(keys: Int64[Tensor, " batch"], numbers: int) -> Float32[Tensor, "batch numbers"]:
    """The first standard normal numbers of each key; none is beyond 5.8.

    Each word gives two: its upper 24 bits the radius, its lower 24 bits the angle.

    Source: Box and Muller, "A note on the generation of random normal deviates", 1958.
    """
    words = bits(keys, -(-numbers // 2))
    radius_uniform = ((words >> 40) & 0xFFFFFF).float().add_(1).mul_(2.0**-24)  # above 0, up to 1
    radius = radius_uniform.log_().mul_(-2).sqrt_()
    angle = (words & 0xFFFFFF).float().mul_(2 * math.pi * 2.0**-24)
    pairs = torch.stack((angle.cos() * radius, angle.sin() * radius), dim=2)
    return pairs.flatten(1)[:, :numbers]


def beta(keys: Int64[Tensor, " batch"], a: float, b: float) -> Float64[Tensor, " batch"]:
    """One beta-distributed number of each key, with shapes above 0 and mean a / (a + b)."""
    odds = log_gamma(fold_in(keys, _ALPHA_STREAM), a) - log_gamma(fold_in(keys, _BETA_STREAM), b)
    return torch.sigmoid(odds)


def log_gamma(keys: Int64[Tensor, " batch"], shape: float) -> Float64[Tensor, " batch"]:
    """The logarithm of one gamma-distributed number of each key, of scale 1.

    Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; for
        shapes below 1 by their remark that gamma(a) = gamma(a + 1) U^(1/a).
    """
    boosted = shape if shape >= 1 else shape + 1
    d = boosted - 1 / 3
    x = normal(keys, MAX_TRIES).double()
    v = (1 + x / math.sqrt(9 * d)).clamp(min=0) ** 3
    u = _uniform_above_zero(fold_in(keys, _ACCEPT_STREAM), MAX_TRIES)
    accepted = u.log() < 0.5 * x * x + d - d * v + d * v.log()
    first = accepted.int().argmax(dim=1, keepdim=True)
    log_sample = (d * v.gather(1, first)[:, 0]).log()
    if shape >= 1:
        return log_sample
    return log_sample + _uniform_above_zero(fold_in(keys, _BOOST_STREAM), 1)[:, 0].log() / shape


def _uniform_above_zero(keys: Tensor, numbers: int) -> Tensor:
    """Uniform in (0, 1]."""
    return 1 - uniform(keys, numbers).double()


def drop_path_mask(
    keys: Int64[Tensor, " batch"], rate: float, depth: int
) -> Float32[Tensor, "depth 2 batch 1 1"]:
    """What to multiply each residual branch of each clip by: 0, or 1 over the share that is kept.

    ``rate`` is the share of the clips that the last block leaves out; it rises linearly from 0 at
    the first. Keys are split for this use.

    Source: DropPath of timm, which the released code uses.
    """
    noise = rearrange(uniform(keys, 2 * depth), "b (depth two) -> depth two b 1 1", two=2)
    rates = torch.arange(depth, device=keys.device) * (rate / max(1, depth - 1))
    return _scaled_keep_mask(noise, rates.view(-1, 1, 1, 1, 1))


def dropout_mask(
    keys: Int64[Tensor, " batch"], rate: float, dim: int
) -> Float32[Tensor, "batch dim"]:
    """What to multiply each feature of each clip by: dropout, with a rate for all."""
    return _scaled_keep_mask(uniform(keys, dim), rate)


def _scaled_keep_mask(noise: Tensor, rate: Tensor | float) -> Tensor:
    return (noise >= rate) / (1 - rate)
