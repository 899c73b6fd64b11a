"""Names and shapes of the released weights, and ours; translated in both directions, strictly.

Ours differ in two places. The patch embedding is a matrix over the values of a cube in the order
(frame, row, column, channel), where the released one is a 3-d convolution. A classifier's encoder
is a part with a name here, where the released one has its weights at the top.
"""

from collections.abc import Mapping

from einops import rearrange
from torch import Tensor

from videomae2.tensors.grid import Cubes

_PATCH = "patch_embed.proj.weight"
_ENCODER = "encoder."
_OF_ENCODER = ("patch_embed.", "blocks.", "norm.")
_BESIDE = ("head.", "fc_norm.")
"""Parts of a classifier that may stand beside a wrapped encoder."""
_WRAPPERS = ("_orig_mod.", "module.", "model.", "backbone.")


def from_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights (already without wrappers such as ``module.``) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {name: _flatten(name, value, cubes) for name, value in state.items()}


def to_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights into released ones."""
    return {name: _unflatten(name, value, cubes) for name, value in state.items()}


def classifier_from_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights of a classifier (already without wrappers) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {
        f"{_ENCODER}{name}" if name.startswith(_OF_ENCODER) else name: value
        for name, value in from_released(state, cubes).items()
    }


def classifier_to_released(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights of a classifier into released ones."""
    return {name.removeprefix(_ENCODER): value for name, value in to_released(state, cubes).items()}


def is_pretrained(state: Mapping[str, Tensor]) -> bool:
    """Whether weights are of pre-training: those alone have an encoder by that name."""
    return any(name.startswith(_ENCODER) for name in state)


def unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take away what torch.compile, data parallelism and Hugging Face put before the names.

    A head and its norm may do without, where all the rest has it: ``backbone.`` is often put before
    an encoder alone.

    Source: run_class_finetuning.py of the released code, which takes ``backbone.`` and ``encoder.``
        away name by name.
    """
    names = list(state)
    while names and (found := _shared_wrapper(names)):
        names = [name.removeprefix(found) for name in names]
    return dict(zip(names, state.values(), strict=True))


def _shared_wrapper(names: list[str]) -> str | None:
    """The prefix that stands before every name, or every one but those of the head."""
    return next((wrapper for wrapper in _WRAPPERS if _wraps(wrapper, names)), None)


def _wraps(wrapper: str, names: list[str]) -> bool:
    rest = [name for name in names if not name.startswith(wrapper)]
    bare = {name.removeprefix(wrapper) for name in names}
    beside = all(name.startswith(_BESIDE) for name in rest)
    return len(rest) < len(names) == len(bare) and beside


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
