"""Numbers to predict, in units in which a head learns them: mean 0 and deviation 1 each.

Axis: outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetScaler:
    """A head says how many ``std`` each number lies above ``mean``; both are of the training."""

    mean: tuple[float, ...]
    """In the units of the data."""
    std: tuple[float, ...]
    """Likewise, above 0."""

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise ValueError(f"one mean and one std above 0 for each number, got {self}")

    def select(self, rows: Sequence[int]) -> "TargetScaler":
        """That of some of the numbers."""
        mean, std = (tuple(values[row] for row in rows) for values in (self.mean, self.std))
        return TargetScaler(mean=mean, std=std)


def fit_target_scaler(rows: Sequence[Float[Tensor, "_ outputs"]]) -> TargetScaler:
    """The scale of training targets; a number that is always the same keeps its unit."""
    targets = torch.cat(list(rows)).double()
    std = targets.std(dim=0, correction=0)
    return TargetScaler(
        mean=tuple(targets.mean(dim=0).tolist()),
        std=tuple(torch.where(std > 0, std, 1).tolist()),
    )


def rescale_head(
    head: Mapping[str, Tensor], before: TargetScaler | None, after: TargetScaler | None
) -> dict[str, Tensor]:
    """Give a head's weights such that it says the same numbers in another scale.

    Args:
        head: ``head.weight`` and ``head.bias``, or nothing.
        before: What its answers are counted in; None: the units of the data.
        after: What they are to be counted in.
    """
    if not head or before == after:
        return dict(head)
    weight, bias = head["head.weight"], head["head.bias"].double()
    old_mean, old_std, new_mean, new_std = (
        bias.new_tensor(values)
        for scaler in (before, after)
        for values in ((scaler.mean, scaler.std) if scaler else ([0.0], [1.0]))
    )
    shifted = (bias * old_std + old_mean - new_mean) / new_std
    scaled = weight.double() * (old_std / new_std)[:, None]
    return {"head.weight": scaled.to(weight.dtype), "head.bias": shifted.to(weight.dtype)}
