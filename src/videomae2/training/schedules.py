"""Step → learning rate, and a length in epochs → steps: the one place where it is converted."""

import math
from dataclasses import dataclass

from videomae2.errors import ConfigError
from videomae2.training.optim import OptimConfig


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


def count_steps(optim: OptimConfig, steps_per_epoch: int) -> tuple[int, int]:
    """The steps of a run and of its warm-up, however they are said.

    Raises:
        ConfigError: One of them is not said, or the warm-up is longer than the run.
    """
    steps = optim.steps
    if steps is None:
        steps = max(1, round(_require(optim.epochs, "epochs") * steps_per_epoch))
    warmup_steps = optim.warmup_steps
    if warmup_steps is None:
        warmup_steps = round(_require(optim.warmup_epochs, "warmup-epochs") * steps_per_epoch)
    if warmup_steps > steps and (optim.steps, optim.warmup_steps) != (None, None):
        raise ConfigError(
            f"the learning rate would rise for {warmup_steps} steps "
            f"({_format_setting(optim, 'warmup_steps', 'warmup_epochs')}), and the run has {steps} "
            f"({_format_setting(optim, 'steps', 'epochs')}); --optim.warmup-steps "
            f"{max(1, steps // 20)} is usual"
        )
    return steps, min(steps, warmup_steps)


def _require(length: float | None, name: str) -> float:
    if length is None:
        steps = name.replace("epochs", "steps")
        raise ConfigError(f"--optim.{steps} is missing, or --optim.{name} in its place")
    return length


def _format_setting(optim: OptimConfig, *names: str) -> str:
    """The one of some settings that is given."""
    given = {name: getattr(optim, name) for name in names if getattr(optim, name) is not None}
    return ", ".join(f"--optim.{name.replace('_', '-')} {v:g}" for name, v in given.items())
