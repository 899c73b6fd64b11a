"""Kept features of training and test videos → what k-NN and linear probes see.

Tokens in their place are many more numbers than there are videos. What the probes say depends on
inner products alone, so such features are replaced, exactly, by their coordinates along the axes
that the training videos span; what a test video has beyond them is one number more.

Axes: videos; parts = tokens or frames; values = numbers in one; rank = axes; kinds, dim.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor

from videomae2.base.text import format_count
from videomae2.commands.probe.config import Pooling
from videomae2.commands.probe.features import FeatureSplit
from videomae2.commands.probe.split_features import SplitFeatures
from videomae2.errors import ConfigError
from videomae2.inference.features.cache import MEAN, SLOTS, TOKENS
from videomae2.metrics.linear_probe import FeatureScaler

MAX_IN_PLACE_VIDEOS = 10_000
"""Training videos of tokens in place: all of their inner products stand in memory, three times."""

_MAX_CHUNK = 2**25  # numbers that are turned into float64 at once
_MIN_VARIANCE = 1e-10  # of an axis, relative to the largest, that counts as any


def check_in_place(num_videos: int, dim: int) -> None:
    """Refuse what would take too much memory and time.

    Raises:
        ConfigError: Says how much.
    """
    if min(num_videos, dim) > MAX_IN_PLACE_VIDEOS:
        gib = 3 * 8 * num_videos**2 / 2**30
        raise ConfigError(
            f"--poolings in-place of {format_count(num_videos, 'training video')} would take "
            f"{gib:.0f} GiB of memory; up to {MAX_IN_PLACE_VIDEOS} are possible, leave it out or "
            f"train on fewer"
        )


def pool_split(
    train: FeatureSplit, test: FeatureSplit, pooling: Pooling, device: torch.device
) -> tuple[SplitFeatures, SplitFeatures]:
    """Give what the probes see of training and test videos."""
    if pooling == "in-place":
        pair = embed_in_place(_PartsOnDisk(train, TOKENS), _PartsOnDisk(test, TOKENS), device)
        return build_split(train, pair[0], pooling), build_split(test, pair[1], pooling)
    name = SLOTS if pooling == "slots" else MEAN
    splits = []
    for part in (train, test):
        array = torch.from_numpy(part.features.load_rows(name, part.rows))
        features = array.flatten(2).to(device)
        splits.append(
            SplitFeatures(
                features,
                part.labels,
                kinds=part.features.kinds,
                pooling=pooling,
                groups=part.groups,
            )
        )
    return splits[0], splits[1]


def build_split(
    part: FeatureSplit, coordinates: Float64[Tensor, "videos rank"], pooling: str
) -> SplitFeatures:
    """The coordinates of ``embed_in_place`` as features of one kind."""
    return SplitFeatures(
        coordinates[:, None],
        part.labels,
        kinds=("scaled",),
        pooling=pooling,
        is_scaled=True,
        groups=part.groups,
    )


@runtime_checkable
class VideoParts(Protocol):
    """Numbers [videos, parts, values] of which some parts are asked for at once."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class _PartsOnDisk:
    """One kind of kept features of some videos."""

    part: FeatureSplit
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        rows = self.part.rows
        return len(rows), *self.part.features.compute_shape(self.name, int(rows[0]))

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        first, stop = key[1].start, key[1].stop
        return self.part.features.load_parts(self.name, self.part.rows, first, stop - first)


@torch.no_grad()
def embed_in_place(
    train: VideoParts, test: VideoParts, device: torch.device
) -> tuple[Float64[Tensor, "train rank"], Float64[Tensor, "test rank"]]:
    """Scale every number of every part by the training videos, and give their coordinates.

    Inner products of training videos, and of training with test videos, are those of the scaled
    numbers themselves; so are the lengths of test videos, by a last coordinate that is 0 of all
    training videos. Numbers that are fewer than training videos are their own coordinates.

    Args:
        train: On the disk or in memory.
        test: Likewise.
        device: Where it is computed.
    """
    (num_train, parts, values), num_test = train.shape, test.shape[0]
    if parts * values <= num_train:
        pairs = [*_iterate_scaled(train, test, device)]
        return torch.cat([x for x, _ in pairs], dim=1), torch.cat([y for _, y in pairs], dim=1)
    gram = torch.zeros(num_train, num_train, dtype=torch.float64, device=device)
    cross = torch.zeros(num_test, num_train, dtype=torch.float64, device=device)
    square = torch.zeros(num_test, dtype=torch.float64, device=device)
    for x, y in _iterate_scaled(train, test, device):
        gram += x @ x.T
        cross += y @ x.T
        square += y.square().sum(dim=1)
    variance, axes = torch.linalg.eigh(gram)
    has_variance = variance > _MIN_VARIANCE * variance[-1].clamp(min=1e-300)
    root, axes = variance[has_variance].sqrt(), axes[:, has_variance]
    test_coordinates = cross @ axes / root
    beyond = (square - test_coordinates.square().sum(dim=1)).clamp(min=0).sqrt()
    return (
        torch.nn.functional.pad(axes * root, (0, 1)),
        torch.cat((test_coordinates, beyond[:, None]), dim=1),
    )


def _iterate_scaled(
    train: VideoParts, test: VideoParts, device: torch.device
) -> Iterator[tuple[Float[Tensor, "train values"], Float[Tensor, "test values"]]]:
    """Some parts at a time, each number at mean 0 and deviation 1 over the training videos."""
    videos, parts, values = train.shape
    step = max(1, _MAX_CHUNK // (max(1, values) * (videos + test.shape[0])))
    for first in range(0, parts, step):
        x, y = (
            rearrange(
                torch.from_numpy(each[:, first : first + step]).to(device).float(),
                "videos parts values -> videos (parts values)",
            )
            for each in (train, test)
        )
        scaler = FeatureScaler.fit(x)
        yield scaler(x), scaler(y)
