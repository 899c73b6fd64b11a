"""Step → learning rate, and epochs → steps: the one place where they are converted."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CosineSchedule:
    """Linear warm-up from 0, then half a cosine down to (and never quite reaching) the last value.

    Both ends of the warm-up are included, so step ``warmup_steps - 1`` has the peak already.

    Source: cosine_scheduler in utils.py of the released code.
    """

    peak: float
    final: float
    steps: int
    warmup_steps: int

    def __call__(self, step: int) -> float:
        """The value at a step, counted from 0."""
        if step < self.warmup_steps:
            return self.peak * step / max(1, self.warmup_steps - 1)
        progress = (step - self.warmup_steps) / (self.steps - self.warmup_steps)
        return self.final + 0.5 * (self.peak - self.final) * (1 + math.cos(math.pi * progress))


def scale_lr(lr: float, batch_size: int) -> float:
    """Linear scaling: ``lr`` is for a global batch of 256 videos (the released code) or views."""
    return lr * batch_size / 256
