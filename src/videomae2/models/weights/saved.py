"""Our format of a saved model: a folder with ``model.safetensors`` and ``config.json``.

A checkpoint of a run is such a folder, with the optimizer's state beside it. Weights are loaded
strictly, and where they are taken over, the encoders must compute the same: that is not told by
the shapes of their weights.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.layers import compute_mlp_width
from videomae2.models.weights.config_json import CONFIG_FILE, ModelConfig, save_model_config
from videomae2.tensors.files import load_tensors, save_tensors

MODEL_FILE = "model.safetensors"
M = TypeVar("M", bound=nn.Module)
_MAX_SHOWN = 12
_SIZE_FIELDS = ("embed_dim", "depth", "num_heads", "mlp_ratio", "patch_size", "tubelet_size")
_ENCODER_FIELDS = (
    *_SIZE_FIELDS, "channels", "init_values", "cosine_attention", "pos_embed", "layer_norm_eps",
    "last_norm_eps",
)  # fmt: skip


def check_architecture(encoder: EncoderConfig, pretrained: EncoderConfig, path: Path) -> None:
    """Refuse an encoder that computes something else, also where all shapes agree."""
    expected, saved = _collect_architecture(encoder), _collect_architecture(pretrained)
    differences = [
        f"{name} {saved[name]} there and {value} here"
        for name, value in expected.items()
        if value != saved[name]
    ]
    if not differences:
        return
    flags = [
        f"--model.encoder.{name.replace('_', '-')} {_get_setting(pretrained, name)}"
        for name in ("size", *_ENCODER_FIELDS)
        if getattr(encoder, name) != getattr(pretrained, name)
    ]
    is_grey = (encoder.channels, pretrained.channels) == (1, 3)
    remark = ", and grey videos may be read as 3 channels" if is_grey else ""
    raise CheckpointError(
        f"{path} has another encoder: {', '.join(differences)}; {' '.join(flags)} would build that "
        f"one{remark}"
    )


def _get_setting(config: EncoderConfig, name: str) -> Any:
    """A setting, or what its size stands for."""
    value = getattr(config, name)
    return getattr(config.shape, name) if value is None and name in _SIZE_FIELDS else value


def _collect_architecture(config: EncoderConfig) -> dict[str, Any]:
    shape = {name: getattr(config.shape, name) for name in _SIZE_FIELDS if name != "mlp_ratio"}
    return shape | {
        "mlp_width": compute_mlp_width(config.shape.embed_dim, config.shape.mlp_ratio),
        "channels": config.channels,
        "init_values": config.init_values > 0,
        "cosine_attention": config.cosine_attention,
        "pos_embed": config.pos_embed,
        "norm_eps": config.norm_eps,
    }


def save_model(folder: Path, state: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Write a model into a folder that exists; the card comes last, and without it is no model."""
    (folder / CONFIG_FILE).unlink(missing_ok=True)
    save_tensors(folder / MODEL_FILE, state)
    save_model_config(folder, config)


def load_saved_state(folder: Path) -> dict[str, Tensor]:
    """Read the weights of a saved model under our names."""
    return load_tensors(folder / MODEL_FILE)


def build_matching(build: Callable[[], M], state_dict: Mapping[str, Tensor], path: Path) -> M:
    """Build a model of which all weights are there, so that it takes no more room than they do.

    Raises:
        CheckpointError: It cannot be built, or the weights are not its own: lists what is missing,
            left over, or of another shape.
    """
    try:
        with torch.device("meta"):
            expected = build().state_dict()
    except (ValueError, RuntimeError, OverflowError) as error:  # sizes that no tensor has
        reason = str(error) if isinstance(error, ValueError) else "its sizes are too large"
        card = path.with_name(CONFIG_FILE) if path.name == MODEL_FILE else path
        raise CheckpointError(f"{card} describes no model: {reason}") from error
    check_state_dict(expected, state_dict, path)
    return build()


def check_state_dict(
    expected: Mapping[str, Tensor], state_dict: Mapping[str, Tensor], path: Path
) -> None:
    """Hold weights against those of a model; raises as ``build_matching``."""
    problems = []
    for name, value in expected.items():
        if name not in state_dict:
            problems.append(f"{name} is missing")
        elif state_dict[name].shape != value.shape:
            problems.append(f"{name} is {tuple(state_dict[name].shape)}, want {tuple(value.shape)}")
        elif not state_dict[name].is_floating_point():
            problems.append(f"{name} holds {state_dict[name].dtype}, want floating point")
    problems += [f"{name} is not of this model" for name in state_dict if name not in expected]
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_MAX_SHOWN])
        more = len(problems) - _MAX_SHOWN
        raise CheckpointError(
            f"{path} does not fit the model in {len(problems)} of its weights:{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
        )
