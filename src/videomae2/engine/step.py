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

from videomae2.engine.optim import skip_where
from videomae2.engine.runtime import Runtime
from videomae2.tensors.clips import Clips


@runtime_checkable
class Task(Protocol):
    """Turns clips into (loss, metrics); knows no optimizer, rank or file."""

    def __call__(self, clips: Clips) -> tuple[Tensor, dict[str, Tensor]]: ...

    def parameters(self) -> Iterable[nn.Parameter]: ...


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step gave; all on the device."""

    loss: Tensor
    norm: Tensor
    bad: Tensor
    metrics: dict[str, Tensor]


def train_step(
    task: Task,
    optimizer: AdamW,
    micro_batches: Iterable[Clips],
    *,
    accumulate: int = 1,
    lr: float,
    clip_norm: float | None,
    runtime: Runtime,
) -> StepResult:
    """Add up the gradients of all micro-batches and move the weights once.

    Args:
        task: What to compute.
        optimizer: Fused AdamW; its groups carry an ``lr_scale``.
        micro_batches: The clips of the step, in parts that fit the device; taken one by one.
        accumulate: How many parts there are.
        lr: Learning rate of this step, before each group's scale.
        clip_norm: Limit of the gradient's norm; None only measures it.
        runtime: Says in which precision the task runs.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
    optimizer.zero_grad(set_to_none=True)
    loss, metrics = _backward(task, micro_batches, 1 / accumulate, runtime)
    parameters = [p for p in task.parameters() if p.grad is not None]
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    if clip_norm is not None:
        clip_grads_with_norm_(parameters, clip_norm, norm)
    bad = ~(torch.isfinite(loss) & torch.isfinite(norm))
    skip_where(optimizer, bad)
    optimizer.step()
    return StepResult(loss, norm, bad, metrics)


def _backward(
    task: Task, micro_batches: Iterable[Clips], share: float, runtime: Runtime
) -> tuple[Tensor, dict[str, Tensor]]:
    """Leave the mean gradient in the parameters; give the mean loss and metrics."""
    losses: list[Tensor] = []
    metrics: dict[str, Tensor] = {}
    for clips in micro_batches:
        with runtime.autocast():
            loss, found = task(clips)
        (loss * share).backward()
        losses.append(loss.detach())
        for name, value in found.items():
            metrics[name] = metrics.get(name, 0) + value * share
    return torch.stack(losses).mean(), metrics
