"""Parameter groups and the optimizer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import AdamW


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """AdamW, the learning rate, and how long it runs."""

    lr: float
    """Peak learning rate for a global batch of 256."""
    epochs: float
    """Times that the mixture is gone through."""
    warmup_epochs: float
    """Of these, with a rising learning rate."""
    batch: int
    """Global batch: videos that one step sees, over all devices and accumulation."""
    micro_batch: int | None = None
    """Videos on the device at once; gradients of several are added up. All of them if not given."""
    lr_counts: Literal["videos", "views"] = "videos"
    """What the 256 counts: videos as in the released code, or views of them."""
    last_lr: float = 1e-5
    """Learning rate at the end, for a global batch of 256."""
    weight_decay: float = 0.05
    """Decay of matrices; vectors have none."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Memory of the first and second moment."""
    eps: float = 1e-8
    """Added to the root of the second moment."""
    clip_norm: float | None = None
    """Limit of the gradient's norm."""
    ema_decay: float | None = None
    """Keep a running mean of the weights with this decay."""

    @property
    def accumulate(self) -> int:
        """Micro-batches of a step."""
        return self.batch // (self.micro_batch or self.batch)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies: not to vectors, biases, scales and learnt tokens.

    Source: get_parameter_groups in optim_factory.py of the released code, with its skip list.
    """
    no_decay = ("pos_embed", "cls_token", "mask_token")
    last = name.rsplit(".", 1)[-1]
    return parameter.ndim > 1 and last not in ("bias", "scale", *no_decay)


def parameter_groups(
    parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float
) -> list[dict[str, Any]]:
    """Sort parameters into those with and without weight decay; each group has an ``lr_scale``."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in parameters:
        if parameter.requires_grad:
            (decayed if decays(name, parameter) else plain).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay, "lr_scale": 1.0},
        {"params": plain, "weight_decay": 0.0, "lr_scale": 1.0},
    ]


def build_optimizer(task: nn.Module, config: OptimConfig) -> AdamW:
    """AdamW over all parameters of a task, fused: one kernel that can skip a step by itself."""
    groups = parameter_groups(task.named_parameters(), config.weight_decay)
    return AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=True)


def has_moved(optimizer: AdamW) -> bool:
    """Whether any step so far, before a resume too, was not skipped; waits for the device."""
    return any(bool(state["step"] > 0) for state in optimizer.state.values())


def skip_where(optimizer: AdamW, bad: torch.Tensor) -> None:
    """Make the next step do nothing where ``bad`` is 1, decided on the device without a wait.

    The fused kernels take the flag that PyTorch's gradient scaler hands them.
    """
    optimizer.grad_scale = None  # type: ignore[attr-defined]
    optimizer.found_inf = bad.float()  # type: ignore[attr-defined]
