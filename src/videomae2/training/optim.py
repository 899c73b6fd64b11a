"""Parameter groups and the optimizer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import nn
from torch.optim import AdamW

from videomae2.base.ranges import BELOW_ONE, INNER_SHARE, NOT_NEGATIVE, ONE_OR_MORE, POSITIVE, Range

_LAYER = re.compile(r"(?:^|(?:^|\.)encoder\.)(?:patch_embed|blocks\.(?P<block>\d+))\.")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """AdamW, the learning rate, and how long it runs."""

    ALTERNATIVES: ClassVar = (("epochs", "steps"), ("warmup_epochs", "warmup_steps"))

    lr: Annotated[float, POSITIVE]
    """Peak learning rate for a global batch of 256."""
    epochs: Annotated[float | None, POSITIVE] = None
    """Times that the mixture is gone through; this or steps say how long a run is."""
    steps: Annotated[int | None, ONE_OR_MORE] = None
    """Steps of the run, whatever the number of videos; in place of epochs."""
    warmup_epochs: Annotated[float | None, NOT_NEGATIVE] = None
    """Epochs with a rising learning rate; this or warmup-steps say how many."""
    warmup_steps: Annotated[int | None, NOT_NEGATIVE] = None
    """Steps with a rising learning rate, in place of warmup-epochs."""
    global_batch_size: Annotated[int, ONE_OR_MORE]
    """Global batch: videos that one step sees, over all devices and accumulation."""
    allow_smaller_batch: bool = False
    """Take a smaller batch where there are fewer videos in an epoch than that, and say so; else it
    is an error."""
    micro_batch_size: Annotated[int | None, ONE_OR_MORE] = None
    """Videos on the device at once; gradients of several are added up. All of them if not given."""
    lr_scale_by: Literal["videos", "views"] = "videos"
    """What the 256 counts: videos as in the released code, or views of them."""
    min_lr: Annotated[float, NOT_NEGATIVE] = 1e-5
    """Learning rate at the end, for a global batch of 256."""
    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.05
    """Decay of matrices; vectors have none."""
    layer_decay: Annotated[float, Range("a number above 0, to 1", above=0.0, maximum=1.0)] = 1.0
    """Factor of the learning rate from each block to the one before it; 1 gives all the same."""
    betas: Annotated[tuple[float, float], BELOW_ONE] = (0.9, 0.95)
    """Memory of the first and second moment."""
    eps: Annotated[float, POSITIVE] = 1e-8
    """Added to the root of the second moment."""
    clip_norm: Annotated[float | None, POSITIVE] = None
    """Limit of the gradient's norm."""
    ema_decay: Annotated[float | None, INNER_SHARE] = None
    """Keep a running mean of the weights with this decay."""

    @property
    def gradient_accumulation_steps(self) -> int:
        """Micro-batches of a step."""
        return self.global_batch_size // (self.micro_batch_size or self.global_batch_size)


def has_weight_decay(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies: not to vectors, biases, scales and learnt tokens.

    Source: get_parameter_groups in optim_factory.py of the released code, with its skip list.
    """
    no_decay = ("pos_embed", "cls_token", "mask_token")
    leaf_name = name.rsplit(".", 1)[-1]
    return parameter.ndim > 1 and leaf_name not in ("bias", "scale", *no_decay)


def get_layer_id(name: str, depth: int) -> int:
    """The number of the layer of a parameter of the encoder, or of something that holds it.

    It is 0 for the patch embedding, i+1 for block i, depth+1 for all that comes after or beside.

    Source: get_num_layer_for_vit in optim_factory.py of the released code.
    """
    match = _LAYER.search(name)
    if match is None:
        return depth + 1
    return 0 if match["block"] is None else int(match["block"]) + 1


def build_param_groups(
    parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """Sort what learns by whether it decays and, if layers differ in their rate, by layer.

    Each group has an ``lr_scale``: of layer k, ``layer_decay`` to the power of (last layer - k).

    Source: LayerDecayValueAssigner and get_parameter_groups in optim_factory.py of the released
        code.
    """
    named_parameters = list(parameters)
    matches = [_LAYER.search(name) for name, _ in named_parameters]  # also of what does not learn
    depth = max((int(m["block"]) + 1 for m in matches if m and m["block"]), default=0)
    groups: dict[tuple[bool, int], list[nn.Parameter]] = {}
    for name, parameter in named_parameters:
        if parameter.requires_grad:
            layer = depth + 1 if layer_decay == 1 else get_layer_id(name, depth)
            groups.setdefault((not has_weight_decay(name, parameter), layer), []).append(parameter)
    return [
        {
            "params": members,
            "weight_decay": 0.0 if no_decay else weight_decay,
            "lr_scale": layer_decay ** (depth + 1 - layer),
        }
        for (no_decay, layer), members in sorted(groups.items(), key=lambda item: item[0])
    ]


def build_optimizer(task: nn.Module, config: OptimConfig) -> AdamW:
    """AdamW over all parameters of a task, fused: one kernel that can skip a step by itself."""
    groups = build_param_groups(task.named_parameters(), config.weight_decay, config.layer_decay)
    return AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=True)


def any_step_taken(optimizer: AdamW) -> bool:
    """Whether any step so far, before a resume too, was not skipped; waits for the device."""
    return any(bool(state["step"] > 0) for state in optimizer.state.values())


def set_found_inf(optimizer: AdamW, nonfinite: torch.Tensor) -> None:
    """Make the next step do nothing where ``nonfinite`` is 1, decided on the device without a wait.

    The fused kernels take the flag that PyTorch's gradient scaler hands them.
    """
    optimizer.grad_scale = None  # type: ignore[attr-defined]
    optimizer.found_inf = nonfinite.float()  # type: ignore[attr-defined]
