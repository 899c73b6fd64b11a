"""Names and shapes, from theirs to ours and back: one table for both directions.

Ours differ from the released ones in two places. The patch embedding is a matrix over the values
of a cube in the order (frame, row, column, channel), where theirs is a 3-d convolution. And a
classifier's encoder is a part with a name.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.foreign import KeyReport
from videomae2.models.weights.formats.names import NameTable
from videomae2.tensors.grid import Cubes
from videomae2.tensors.pos_embed import build_sinusoid

PATCH_EMBED = "encoder.patch_embed.proj.weight"
_POS_EMBED = re.compile(r"(?:.*\.)?(?:pos_embed|position_embeddings)")
_POS_EMBED_TOLERANCE = 2e-3  # of tables in half precision
_MAX_SHOWN = 3
Explain = Callable[[str], str | None]


def build_expected_state(config: ModelConfig, path: Path) -> dict[str, Tensor]:
    """The weights of a model on the meta device.

    Raises:
        CheckpointError: There is no such model.
    """
    kind = Classifier if isinstance(config, SavedClassifierConfig) else Autoencoder
    try:
        with torch.device("meta"):
            return kind(config.model).state_dict()  # type: ignore[arg-type]
    except (ValueError, RuntimeError, OverflowError) as error:
        reason = str(error) if isinstance(error, ValueError) else "its sizes are too large"
        raise CheckpointError(f"{path} describes no model: {reason}") from error


def to_ours(
    tensors: Mapping[str, Tensor],
    table: NameTable,
    config: ModelConfig,
    source: Source,
    report: KeyReport,
    explain: Explain = lambda _: None,
    *,
    has_biases: bool = True,
) -> dict[str, Tensor]:
    """Turn tensors into those of a model, and note what became of each.

    Args:
        tensors: By their names.
        table: Of these names.
        config: The model.
        source: Where they were read, and what they are called there.
        report: What is known so far; gets all keys.
        explain: Says why a key that the model has no use for may be left out; None: it may not.
        has_biases: Whether attention has biases there; else they are zeros here.

    Raises:
        CheckpointError: A tensor is missing, of another shape, or not explained.
    """
    cubes, state, path = config.model.encoder.cubes, {}, source.path
    missing, wrong = [], []
    remaining = _split_qkv_biases(tensors, table, report)
    for ours, expected in build_expected_state(config, path).items():
        theirs = table.to_theirs(ours)
        alternative = table.to_alternative(ours)
        if alternative in remaining and theirs[0] not in remaining:
            theirs = (alternative,)
        if not theirs or any(name not in remaining for name in theirs):
            if ours.endswith((".q_bias", ".v_bias")) and not has_biases:
                state[ours] = torch.zeros_like(expected, device="cpu")
                report.made[ours] = "zeros, for config.json says that attention has no biases"
            else:
                missing.append(next((n for n in theirs if n not in remaining), ours))
            continue
        value = _merge([remaining.pop(name) for name in theirs], ours, cubes, report)
        if value.shape != expected.shape:
            wrong.append(f"{theirs[0]} is {tuple(value.shape)}, want {tuple(expected.shape)}")
        elif not value.is_floating_point():
            wrong.append(f"{theirs[0]} holds {value.dtype}, want floating point")
        state[ours] = value
        report.used |= dict.fromkeys(theirs, ours)
    unknown = _explain_rest(remaining, config.model.encoder, path, report, explain)
    problems = {"it lacks ": missing, "": wrong, "nothing is known of ": unknown}
    if any(problems.values()):
        said = (f"{start}{_shorten(names)}" for start, names in problems.items() if names)
        raise CheckpointError(
            f"{path} is damaged, or no {report.format} as it should be: {'; '.join(said)}; fetch "
            "it again, or save the weights of the model alone"
        )
    _restore_names(report, tensors, source)
    return state


def _restore_names(report: KeyReport, tensors: Mapping[str, Tensor], source: Source) -> None:
    """Call every key what it is called in the file: a tensor is the same under both names."""
    in_source = {id(value): source.names.get(n, n) for n, value in source.tensors.items()}
    names = {name: in_source.get(id(value), name) for name, value in tensors.items()}
    report.used = {names.get(name, name): ours for name, ours in report.used.items()}
    report.left_out = {names.get(name, name): why for name, why in report.left_out.items()}


def from_ours(
    state: Mapping[str, Tensor], table: NameTable, cubes: Cubes, report: KeyReport
) -> dict[str, Tensor]:
    """Turn our tensors into theirs, in our order, and note what became of each."""
    theirs: dict[str, Tensor] = {}
    for ours, value in state.items():
        names = table.to_theirs(ours)
        if not names:
            report.left_out[ours] = "the format has no place for it"
            continue
        if ours == PATCH_EMBED:
            value = _unflatten_patch_embed(value, cubes)
            report.reshaped[ours] = "a matrix over cubes became a 3-d convolution"
        if len(names) > 1:
            report.reshaped[ours] = f"split into {len(names)}"
        parts = value.chunk(len(names)) if len(names) > 1 else [value]
        theirs |= dict(zip(names, (part.contiguous() for part in parts), strict=True))
        report.used |= dict.fromkeys(names, ours)
    return theirs


def _merge(values: list[Tensor], ours: str, cubes: Cubes, report: KeyReport) -> Tensor:
    if len(values) > 1:
        report.reshaped[ours] = f"{len(values)} put together"
        return torch.cat(values)
    if ours != PATCH_EMBED:
        return values[0]
    report.reshaped[ours] = "a 3-d convolution became a matrix over cubes"
    return flatten_patch_embed(values[0], cubes)


def flatten_patch_embed(value: Tensor, cubes: Cubes) -> Tensor:
    """A 3-d convolution as a matrix over the values of a cube."""
    if value.ndim != 5 or tuple(value.shape[1:]) != (
        cubes.channels, cubes.tubelet_size, cubes.patch_size, cubes.patch_size
    ):  # fmt: skip
        return value  # its shape is refused then
    return rearrange(value, "dim c p0 p1 p2 -> dim (p0 p1 p2 c)").contiguous()


def _unflatten_patch_embed(value: Tensor, cubes: Cubes) -> Tensor:
    sizes = {"p0": cubes.tubelet_size, "p1": cubes.patch_size, "p2": cubes.patch_size}
    return rearrange(value, "dim (p0 p1 p2 c) -> dim c p0 p1 p2", **sizes).contiguous()


def _split_qkv_biases(
    tensors: Mapping[str, Tensor], table: NameTable, report: KeyReport
) -> dict[str, Tensor]:
    """Where one bias stands for query, key and value, take it apart; that of the key is dropped."""
    remaining = dict(tensors)
    for name in [name for name in tensors if name.endswith("attn.qkv.bias")]:
        ours = table.to_ours(name)
        if ours is None or len(tensors[name]) % 3:
            continue
        query, _, value = remaining.pop(name).chunk(3)
        for part, bias in (("q_bias", query), ("v_bias", value)):
            remaining[table.to_theirs(ours.replace("qkv.bias", part))[0]] = bias
        report.left_out[f"{name} (its middle third)"] = _KEY_BIAS
    return remaining


_KEY_BIAS = "a bias of the key, which softmax does not see"


def _explain_rest(
    remaining: Mapping[str, Tensor],
    encoder: EncoderConfig,
    path: Path,
    report: KeyReport,
    explain: Explain,
) -> list[str]:
    """Note why tensors are left out; those of which nobody knows come back."""
    unexplained = []
    for name, value in remaining.items():
        if _POS_EMBED.fullmatch(name):
            _check_pos_embed(name, value, encoder, path)
            report.left_out[name] = "the fixed position table, which the model makes itself"
        elif name.endswith((".key.bias", ".k_bias")):
            report.left_out[name] = _KEY_BIAS
        elif (reason := explain(name)) is not None:
            report.left_out[name] = reason
        else:
            unexplained.append(name)
    return unexplained


def _check_pos_embed(name: str, value: Tensor, encoder: EncoderConfig, path: Path) -> None:
    tokens, dim = encoder.cubes.tokens, value.shape[-1]
    if value.ndim not in (2, 3) or value.numel() != value.shape[-2] * dim:
        raise CheckpointError(f"{path} is damaged: {name} is {tuple(value.shape)}")
    if value.shape[-2] != tokens:
        raise CheckpointError(
            f"{path} has places for {value.shape[-2]} cubes, and clips of "
            f"{encoder.clip_dimensions} have {tokens} ({name}); --frames and --side say of which "
            "clips it is, of videomae2 convert, too"
        )
    if value.device.type == "meta":
        return
    table = build_sinusoid(tokens, dim)
    error = (value.reshape(tokens, dim).float() - table).abs().max()
    if not error < _POS_EMBED_TOLERANCE:
        raise CheckpointError(
            f"{path} has a position table of its own, {name}, and models here have the fixed one"
        )


def _shorten(names: list[str]) -> str:
    more = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
