"""The optimizer's state as named tensors: safe to store, independent of the groups' order."""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from videomae2.engine.checkpoints import read_tensors
from videomae2.errors import CheckpointError


def save_optimizer(
    optimizer: Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], path: Path
) -> None:
    """Write every parameter's state as ``<what>/<parameter>``."""
    tensors = {
        f"{kind}/{name}": value.detach().cpu().contiguous()
        for name, parameter in named_parameters
        for kind, value in optimizer.state.get(parameter, {}).items()
    }
    save_file(tensors, path)


def load_optimizer(
    optimizer: Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], path: Path
) -> None:
    """Read what ``save_optimizer`` wrote.

    Raises:
        CheckpointError: If it cannot be read, or is the state of other parameters.
    """
    state: dict[str, dict[str, Tensor]] = {}
    for key, value in read_tensors(path).items():
        kind, name = key.split("/", 1)
        state.setdefault(name, {})[kind] = value
    parameters = {name: parameter for name, parameter in named_parameters if parameter.requires_grad}
    if state and state.keys() != parameters.keys():
        mismatched = sorted(state.keys() ^ parameters.keys())
        raise CheckpointError(f"{path} is the state of other parameters, such as {mismatched[0]}")
    for name, values in state.items():
        parameter = parameters[name]
        optimizer.state[parameter] = {
            kind: _to_parameter(value, parameter) for kind, value in values.items()
        }


def _to_parameter(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """Moments take the parameter's type; the step count stays float32, as fused AdamW wants."""
    dtype = torch.float32 if value.ndim == 0 else parameter.dtype
    return value.to(parameter.device, dtype)
