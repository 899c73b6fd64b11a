"""The exponential moving average of the weights (EMA)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """Follows the parameters of a model with a decay; a step that was skipped moves nothing new.

    Source: timm's ModelEma as the released fine-tuning uses it: mean = decay*mean + (1-decay)*w.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = dict(model.named_parameters())
        self.values = {n: p.detach().clone() for n, p in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the weights as they are now."""
        parameters = [p.detach() for p in self._parameters.values()]
        torch._foreach_lerp_(list(self.values.values()), parameters, 1 - self.decay)

    @contextmanager
    def average_parameters(self) -> Iterator[None]:
        """Lend the mean to the model; what was learnt last is put back at the end."""
        parameters = [p.detach() for p in self._parameters.values()]
        backup = [p.clone() for p in parameters]
        torch._foreach_copy_(parameters, list(self.values.values()))
        try:
            yield
        finally:
            torch._foreach_copy_(parameters, backup)

    def load_values(self, values: dict[str, Tensor]) -> None:
        """Take over saved values of the same names and shapes."""
        for name, value in self.values.items():
            value.copy_(values[name])
