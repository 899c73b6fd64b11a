"""Names and shapes of the released weights, and ours; translated in both directions, strictly.

Ours differ in one place: the patch embedding is a matrix over the values of a cube in the order
(frame, row, column, channel), where the released one is a 3-d convolution.
"""

from collections.abc import Mapping

from einops import rearrange
from torch import Tensor

from videomae2.tensors.grid import Cubes

_PATCH = "patch_embed.proj.weight"


def from_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights (already without wrappers such as ``module.``) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {name: _flatten(name, value, cubes) for name, value in state.items()}


def to_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights into released ones."""
    return {name: _unflatten(name, value, cubes) for name, value in state.items()}


def _flatten(name: str, value: Tensor, cubes: Cubes) -> Tensor:
    if not name.endswith(_PATCH):
        return value
    want = (cubes.channels, cubes.tubelet, cubes.patch, cubes.patch)
    if tuple(value.shape[1:]) != want:
        raise ValueError(f"{name} is over {tuple(value.shape[1:])}, want {want}")
    return rearrange(value, "dim c p0 p1 p2 -> dim (p0 p1 p2 c)").contiguous()


def _unflatten(name: str, value: Tensor, cubes: Cubes) -> Tensor:
    if not name.endswith(_PATCH):
        return value
    return rearrange(
        value,
        "dim (p0 p1 p2 c) -> dim c p0 p1 p2",
        p0=cubes.tubelet,
        p1=cubes.patch,
        p2=cubes.patch,
    ).contiguous()
