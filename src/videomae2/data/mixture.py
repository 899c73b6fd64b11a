"""Which videos a step sees: a pure function of the step, whatever the number of workers.

Each source is gone through in passes, every pass in another random order; an epoch takes from
each source as many videos as its weight says, all mixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from videomae2.data.manifest import Manifest
from videomae2.errors import ConfigError
from videomae2.tensors import draws

_EPOCH_STREAM, _PASS_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class Pick:
    """One video of a step: which, and the how-manieth time it is taken."""

    source: int
    video: int
    turn: int


class Mixture:
    """The order in which the videos of several sources are taken."""

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], *, seed: int) -> None:
        """Fix the order.

        Args:
            sizes: Videos of each source.
            weights: Passes through each source in an epoch.
            seed: The seed of the run.
        """
        self.sizes = list(sizes)
        self.shares = [max(1, round(n * w)) for n, w in zip(sizes, weights, strict=True)]
        self.seed = seed
        self.epoch_size = sum(self.shares)
        self._ends = np.cumsum(self.shares)
        # a run looks at two epochs and, for each source, two passes at a time
        self._epoch = lru_cache(maxsize=2)(self._epoch_order)
        self._pass = lru_cache(maxsize=2 * len(self.sizes))(self._pass_order)

    @classmethod
    def of(cls, manifests: Sequence[Manifest], weights: Sequence[float], *, seed: int) -> "Mixture":
        """The mixture of some lists of videos."""
        return cls([len(m) for m in manifests], weights, seed=seed)

    def steps_per_epoch(self, batch: int) -> int:
        """Whole steps in an epoch; the rest of the epoch is left out, as in the released code.

        Raises:
            ConfigError: If an epoch has fewer videos than a step.
        """
        if self.epoch_size < batch:
            raise ConfigError(
                f"an epoch has {self.epoch_size} videos and a step wants --optim.batch {batch}; "
                f"use a batch of at most {self.epoch_size}, --optim.batch-may-shrink, or take "
                f"each video more often with --data.sources.0.weight "
                f"{self._weight_for(batch)}"
            )
        return self.epoch_size // batch

    def _weight_for(self, batch: int) -> int:
        """The least whole weight of the first source that makes an epoch a step."""
        others = self.epoch_size - self.shares[0]
        return -(-(batch - others) // self.sizes[0])

    def step(self, step: int, batch: int) -> list[Pick]:
        """The videos of a step."""
        epoch, place = divmod(step, self.steps_per_epoch(batch))
        order = self._epoch(epoch)
        return [self._pick(epoch, int(i)) for i in order[place * batch : (place + 1) * batch]]

    def _pick(self, epoch: int, place: int) -> Pick:
        source = int(np.searchsorted(self._ends, place, side="right"))
        start = int(self._ends[source]) - self.shares[source]
        taken = epoch * self.shares[source] + place - start
        turn, place_in_pass = divmod(taken, self.sizes[source])
        return Pick(source, int(self._pass(source, turn)[place_in_pass]), turn)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        return draws.permutation(draws.key(self.seed, _EPOCH_STREAM, epoch), self.epoch_size)

    def _pass_order(self, source: int, turn: int) -> np.ndarray:
        key = draws.key(self.seed, _PASS_STREAM, source, turn)
        return draws.permutation(key, self.sizes[source])
