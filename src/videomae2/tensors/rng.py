"""Random numbers as a function of a key: the NumPy half, for reading processes (no torch here).

A key is a 64-bit integer made from (seed, epoch, sample, view, …). The i-th number of a key is a
hash of both. Nothing has a state, so nothing depends on the order of calls or on how many
workers or ranks share the work. ``tensors/rng_torch.py`` gives the same bits in torch.

Source: the mixer is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014).
"""

import numpy as np
from jaxtyping import Float64, UInt64

GAMMA = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
_WORD = 0xFFFFFFFFFFFFFFFF


def mix(x: int) -> int:
    """Scramble 64 bits; a bijection."""
    x = ((x ^ (x >> 30)) * MIX_1) & _WORD
    x = ((x ^ (x >> 27)) * MIX_2) & _WORD
    return x ^ (x >> 31)


def make_key(*parts: int) -> int:
    """Make one 64-bit key of several integers; their order matters."""
    key = 0
    for part in parts:
        key = mix((key + GAMMA * ((part & _WORD) + 1)) & _WORD)
    return key


def to_int64(key: int) -> int:
    """The same 64 bits as a signed integer, which is what torch's int64 holds."""
    return key - (1 << 64) if key >> 63 else key


def bits(key: int, count: int) -> UInt64[np.ndarray, " count"]:
    """The first ``count`` 64-bit numbers of a key."""
    counter = np.arange(1, count + 1, dtype=np.uint64)
    x = np.uint64(key) + counter * np.uint64(GAMMA)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(MIX_1)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(MIX_2)
    return x ^ (x >> np.uint64(31))


def uniform(key: int, count: int) -> Float64[np.ndarray, " count"]:
    """The first ``count`` numbers of a key in [0, 1)."""
    return (bits(key, count) >> np.uint64(11)) * 2.0**-53


def randint(key: int, stop: int) -> int:
    """An integer in 0 … stop - 1, from the first number of a key."""
    return int(uniform(key, 1)[0] * stop)


def permutation(key: int, count: int) -> np.ndarray:
    """A permutation of 0 … count - 1."""
    return np.argsort(bits(key, count), kind="stable")
