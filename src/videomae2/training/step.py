"""One optimizer step: the only place where weights change.

Nothing here waits for the device: results are tensors on it, and a step with a loss or gradient
that is not finite is skipped by the fused optimizer itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import AdamW

from videomae2.tensors.clips import Clips
from videomae2.training.optim import set_found_inf
from videomae2.training.runtime import Runtime

_LOSS = ""


@runtime_checkable
class TrainingTask(Protocol):
    """Turns clips into (loss, count, metrics); knows no optimizer, rank or file.

    The loss is a mean over ``count`` things, and finite where there are none. Parts of a step are
    weighted by their count, so it does not matter how a step is cut into parts.
    """

    def __call__(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]: ...

    def parameters(self) -> Iterable[nn.Parameter]: ...


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step gave; all on the device."""

    loss: Tensor
    grad_norm: Tensor
    nonfinite: Tensor
    metrics: dict[str, Tensor]


def train_step(
    task: TrainingTask,
    optimizer: AdamW,
    micro_batches: Iterable[Clips],
    *,
    lr: float,
    clip_norm: float | None,
    runtime: Runtime,
) -> StepResult:
    """Add up the gradients of all micro-batches and move the weights once.

    The optimizer is fused, and its groups carry an ``lr_scale`` that ``lr`` is multiplied by.
    ``clip_norm`` limits the norm of the gradient; None only measures it.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
    optimizer.zero_grad(set_to_none=True)
    loss, metrics, rescale = _backward(task, micro_batches, runtime)
    parameters = [p for p in task.parameters() if p.grad is not None]
    gradients = [p.grad for p in parameters if p.grad is not None]
    if rescale is not None:
        torch._foreach_mul_(gradients, rescale)
    grad_norm = get_total_norm(gradients)
    if clip_norm is not None:
        clip_grads_with_norm_(parameters, clip_norm, grad_norm)
    nonfinite = ~(torch.isfinite(loss) & torch.isfinite(grad_norm))
    set_found_inf(optimizer, nonfinite)
    optimizer.step()
    return StepResult(loss, grad_norm, nonfinite, metrics)


def _backward(
    task: TrainingTask, micro_batches: Iterable[Clips], runtime: Runtime
) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
    """Leave gradients in the parameters; give mean loss, mean metrics and what to scale them by.

    What counts in the whole step is known only at its end. Until then the first part is the unit:
    a step in one part needs no scaling, which would read and write every gradient once more.
    Where nothing counts the loss becomes NaN: 0 times 1/0.
    """
    sums: dict[str, Tensor] = {}
    counts: list[Tensor] = []
    for clips in micro_batches:
        with runtime.autocast():
            loss, count, metrics = task(clips)
        counts.append(count.detach())
        weight = counts[-1] / _replace_zero_count(counts[0])
        (loss * weight).backward()
        for name, value in {_LOSS: loss, **metrics}.items():
            sums[name] = sums.get(name, 0) + value.detach() * weight
    rescale = _replace_zero_count(counts[0]) / torch.stack(counts).sum()
    means = {name: value * rescale for name, value in sums.items()}
    return means.pop(_LOSS), means, rescale if len(counts) > 1 else None


def _replace_zero_count(count: Tensor) -> Tensor:
    """What counts in the first part, or 1 if nothing does."""
    return torch.where(count > 0, count, 1)
