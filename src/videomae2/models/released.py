"""Names and shapes of the released weights, and ours; translated in both directions, strictly.

Ours differ in two places. The patch embedding is a matrix over the values of a cube in the order
(frame, row, column, channel), where the released one is a 3-d convolution. A classifier's encoder
is a part with a name here, where the released one has its weights at the top.
"""

from collections.abc import Mapping

from einops import rearrange
from torch import Tensor

from videomae2.tensors.grid import Cubes

_PATCH_EMBED = "patch_embed.proj.weight"
_ENCODER = "encoder."
_ENCODER_PARTS = ("patch_embed.", "blocks.", "norm.")
_HEAD_PARTS = ("head.", "fc_norm.")
"""Parts of a classifier that may stand beside a wrapped encoder."""
_WRAPPERS = ("_orig_mod.", "module.", "model.", "backbone.")


def from_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights (already without wrappers such as ``module.``) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {name: _flatten_patch_embed(name, value, cubes) for name, value in state.items()}


def to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights into released ones."""
    return {name: _unflatten_patch_embed(name, value, cubes) for name, value in state.items()}


def classifier_from_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights of a classifier (already without wrappers) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {
        f"{_ENCODER}{name}" if name.startswith(_ENCODER_PARTS) else name: value
        for name, value in from_official(state, cubes).items()
    }


def classifier_to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights of a classifier into released ones."""
    return {name.removeprefix(_ENCODER): value for name, value in to_official(state, cubes).items()}


def is_official_pretraining(state: Mapping[str, Tensor]) -> bool:
    """Whether weights are of pre-training: those alone have an encoder by that name."""
    return any(name.startswith(_ENCODER) for name in state)


def strip_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take away what torch.compile, data parallelism and Hugging Face put before the names.

    A head and its norm may do without, where all the rest has it: ``backbone.`` is often put before
    an encoder alone.

    Source: run_class_finetuning.py of the released code, which takes ``backbone.`` and ``encoder.``
        away name by name.
    """
    names = list(state)
    while names and (prefix := _find_shared_wrapper(names)):
        names = [name.removeprefix(prefix) for name in names]
    return dict(zip(names, state.values(), strict=True))


def _find_shared_wrapper(names: list[str]) -> str | None:
    """The prefix that stands before every name, or every one but those of the head."""
    return next((wrapper for wrapper in _WRAPPERS if _is_shared_wrapper(wrapper, names)), None)


def _is_shared_wrapper(wrapper: str, names: list[str]) -> bool:
    unwrapped = [name for name in names if not name.startswith(wrapper)]
    stripped = {name.removeprefix(wrapper) for name in names}
    only_head = all(name.startswith(_HEAD_PARTS) for name in unwrapped)
    return len(unwrapped) < len(names) == len(stripped) and only_head


def _flatten_patch_embed(name: str, value: Tensor, cubes: Cubes) -> Tensor:
    if not name.endswith(_PATCH_EMBED):
        return value
    expected = (cubes.channels, cubes.tubelet_size, cubes.patch_size, cubes.patch_size)
    if tuple(value.shape[1:]) != expected:
        raise ValueError(f"{name} is over {tuple(value.shape[1:])}, want {expected}")
    return rearrange(value, "dim c p0 p1 p2 -> dim (p0 p1 p2 c)").contiguous()


def _unflatten_patch_embed(name: str, value: Tensor, cubes: Cubes) -> Tensor:
    if not name.endswith(_PATCH_EMBED):
        return value
    return rearrange(
        value,
        "dim (p0 p1 p2 c) -> dim c p0 p1 p2",
        p0=cubes.tubelet_size,
        p1=cubes.patch_size,
        p2=cubes.patch_size,
    ).contiguous()
