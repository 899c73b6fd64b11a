"""Which videos a step sees: a pure function of the step, whatever the number of workers.

Each source is gone through in passes, every pass in another random order; an epoch takes from
each source as many videos as its weight says, all mixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from videomae2.base.text import format_count
from videomae2.errors import ConfigError
from videomae2.tensors import rng

_EPOCH_STREAM, _PASS_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class SampleRef:
    """One video of a step: which, and the how-manieth time it is taken."""

    source: int
    video: int
    repeat: int


class Mixture:
    """The order in which the videos of several sources are taken."""

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], *, seed: int) -> None:
        """Fix the order, of so many videos and so many passes in an epoch for each source."""
        self.sizes = list(sizes)
        self.samples_per_epoch = [max(1, round(n * w)) for n, w in zip(sizes, weights, strict=True)]
        self.seed = seed
        self.epoch_size = sum(self.samples_per_epoch)
        self._source_ends = np.cumsum(self.samples_per_epoch)
        # a run looks at two epochs and, for each source, two passes at a time
        self._epoch_order_cached = lru_cache(maxsize=2)(self._compute_epoch_order)
        self._pass_order_cached = lru_cache(maxsize=2 * len(self.sizes))(self._compute_pass_order)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole steps in an epoch; the rest of the epoch is left out, as in the released code.

        Raises:
            ConfigError: If an epoch has fewer videos than a step.
        """
        if self.epoch_size < batch_size:
            raise ConfigError(
                f"an epoch has {format_count(self.epoch_size, 'video')} and a step wants "
                f"--optim.global-batch-size {batch_size}; "
                f"use a batch of at most {self.epoch_size}, --optim.allow-smaller-batch, or take "
                f"each video more often with --data.sources.0.weight "
                f"{self._compute_weight_for(batch_size)}"
            )
        return self.epoch_size // batch_size

    def _compute_weight_for(self, batch_size: int) -> int:
        """The least whole weight of the first source that makes an epoch a step."""
        remaining_sources = self.epoch_size - self.samples_per_epoch[0]
        return -(-(batch_size - remaining_sources) // self.sizes[0])

    def count_passes(self, num_samples: int) -> list[float]:
        """How often so many samples take each video, for every source."""
        epochs = num_samples / self.epoch_size
        pairs = zip(self.samples_per_epoch, self.sizes, strict=True)
        return [epochs * samples / size for samples, size in pairs]

    def list_step(self, step: int, batch_size: int) -> list[SampleRef]:
        """The videos of a step."""
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch(batch_size))
        order = self._epoch_order_cached(epoch)
        return [
            self._resolve_sample(epoch, int(i))
            for i in order[step_in_epoch * batch_size : (step_in_epoch + 1) * batch_size]
        ]

    def _resolve_sample(self, epoch: int, position: int) -> SampleRef:
        source = int(np.searchsorted(self._source_ends, position, side="right"))
        start = int(self._source_ends[source]) - self.samples_per_epoch[source]
        num_drawn = epoch * self.samples_per_epoch[source] + position - start
        repeat, position_in_pass = divmod(num_drawn, self.sizes[source])
        return SampleRef(
            source, int(self._pass_order_cached(source, repeat)[position_in_pass]), repeat
        )

    def _compute_epoch_order(self, epoch: int) -> np.ndarray:
        return rng.permutation(rng.make_key(self.seed, _EPOCH_STREAM, epoch), self.epoch_size)

    def _compute_pass_order(self, source: int, repeat: int) -> np.ndarray:
        key = rng.make_key(self.seed, _PASS_STREAM, source, repeat)
        return rng.permutation(key, self.sizes[source])
