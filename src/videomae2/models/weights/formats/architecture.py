"""The model by the shapes of its tensors, under our names; what these do not say is asked for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import SIZES, EncoderConfig, SizeName
from videomae2.models.layers import compute_mlp_width
from videomae2.models.weights.config_json import (
    ModelConfig,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
)
from videomae2.tensors.normalization import Normalization

OFFICIAL_FRAMES, OFFICIAL_SIDE = 16, 224
"""Of the clips of every released model but a few of 32 frames, which do not say so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelHints:
    """What somebody says of a model whose file does not; what the file says must agree."""

    frames: int | None = None
    """Frames of its clips."""
    side: int | None = None
    """Height and width of its clips."""
    num_heads: int | None = None
    """Attention heads of its encoder."""
    decoder_num_heads: int | None = None
    """Attention heads of its decoder."""
    normalization: Normalization | None = None
    """How its pixels are normalised."""
    encoder_only: bool = False
    """Nobody will use its decoder, whose heads need not be known."""
    for_training: bool = False
    """Weights to start from: clips and their normalisation are those of the training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shapes:
    """Tensors by our names, as far as an architecture is seen in them."""

    tensors: Mapping[str, Tensor]
    """Of the encoder under ``encoder.``, its patch embedding as a 3-d convolution."""
    path: Path

    def require(self, name: str) -> Tensor:
        """A tensor that every model has.

        Raises:
            CheckpointError: It is missing.
        """
        if name not in self.tensors:
            raise CheckpointError(f"{self.path} is damaged or no whole model: it lacks {name}")
        return self.tensors[name]

    def count_blocks(self, part: str) -> int:
        """Blocks of a part; those that are missing in between are found out later."""
        start = f"{part}.blocks."
        numbers = (n[len(start) :].split(".")[0] for n in self.tensors if n.startswith(start))
        return 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)


def infer_config(shapes: Shapes, hints: ModelHints, **encoder_settings: object) -> ModelConfig:
    """The card of an autoencoder, where there is a decoder, or of a classifier.

    ``encoder_settings`` are known from elsewhere.

    Raises:
        CheckpointError: As ``infer_encoder``, or it is not known how pixels are normalised.
    """
    names = shapes.tensors
    encoder = replace(infer_encoder(shapes, hints), **encoder_settings)  # type: ignore[arg-type]
    pixels = asdict(_resolve_normalization(encoder.channels, hints, shapes.path))
    has_norm, has_fc_norm = (
        any(name.startswith(f"{norm}.") for name in names) for norm in ("encoder.norm", "fc_norm")
    )
    num_classes = len(names["head.weight"]) if "head.weight" in names else 0
    # without a head, a backbone that nobody closes; with one, a norm is missing
    is_open = not (has_norm or has_fc_norm or num_classes)
    if "mask_token" in names or shapes.count_blocks("decoder"):
        encoder = replace(encoder, final_norm=has_norm)
        decoder = infer_decoder(shapes, encoder, hints)
        model = AutoencoderConfig(encoder=encoder, decoder=decoder)
        return _build_card(SavedAutoencoderConfig, model, pixels, shapes.path)
    classifier = ClassifierConfig(
        encoder=replace(encoder, final_norm=not is_open),
        num_classes=num_classes,
        global_pool="token" if has_norm and not has_fc_norm else "avg",
    )
    return _build_card(SavedClassifierConfig, classifier, pixels, shapes.path)


def _build_card(kind: type[ModelConfig], model: Any, pixels: Any, path: Path) -> ModelConfig:
    try:
        return kind(model=model, **pixels)
    except ValueError as error:  # as many numbers as channels, deviations above 0
        raise CheckpointError(f"{path} cannot be normalised so: {error}") from error


def _resolve_normalization(channels: int, hints: ModelHints, path: Path) -> Normalization:
    if hints.normalization is not None:
        return hints.normalization
    if channels == len(Normalization().mean):
        return Normalization()
    if hints.for_training:
        return Normalization(mean=(0.0,) * channels, std=(1.0,) * channels)
    raise CheckpointError(
        f"{path} reads {channels} channels, and does not say how they are normalised; videomae2 "
        f"convert {path} OUT --mean … --std … makes a model that does"
    )


def infer_encoder(shapes: Shapes, hints: ModelHints) -> EncoderConfig:
    """The encoder, for clips of 16 frames of 224 pixels where nobody says others.

    Raises:
        CheckpointError: Its heads are not known, or it is no video transformer.
    """
    weight = shapes.require("encoder.patch_embed.proj.weight")
    if weight.ndim != 5 or weight.shape[3] != weight.shape[4]:
        raise CheckpointError(
            f"{shapes.path} holds no video transformer: its patch embedding is "
            f"{tuple(weight.shape)}, want (dim, channels, time, row, col)"
        )
    dim, channels, tubelet_size, patch_size, _ = weight.shape
    depth = shapes.count_blocks("encoder")
    hidden = len(shapes.require("encoder.blocks.0.mlp.fc1.weight"))
    size = _find_size(dim, depth)
    shape = SIZES[size]
    config = EncoderConfig(
        size=size,
        channels=channels,
        patch_size=None if patch_size == shape.patch_size else patch_size,
        tubelet_size=None if tubelet_size == shape.tubelet_size else tubelet_size,
        embed_dim=None if dim == shape.embed_dim else dim,
        depth=None if depth == shape.depth else depth,
        mlp_ratio=compute_mlp_ratio(dim, hidden, shape.mlp_ratio),
        init_values=1.0 if "encoder.blocks.0.gamma_1" in shapes.tensors else 0.0,
        cosine_attention="encoder.blocks.0.attn.scale" in shapes.tensors,
    )
    heads = _resolve_heads(shapes, dim, hints, "encoder", config.cosine_attention)
    config = replace(config, num_heads=None if heads == shape.num_heads else heads)
    frames, side = hints.frames, hints.side
    if hints.for_training and (OFFICIAL_FRAMES % tubelet_size or OFFICIAL_SIDE % patch_size):
        frames, side = tubelet_size, patch_size
    return resize_clips(config, shapes.path, frames, side)


def infer_decoder(shapes: Shapes, encoder: EncoderConfig, hints: ModelHints) -> DecoderConfig:
    """The decoder; raises as ``infer_encoder``."""
    dim = shapes.require("mask_token").shape[-1]
    shape = encoder.shape
    hidden = len(shapes.require("decoder.blocks.0.mlp.fc1.weight"))
    heads = _resolve_heads(shapes, dim, hints, "decoder", encoder.cosine_attention)
    return DecoderConfig(
        depth=shapes.count_blocks("decoder"),
        embed_dim=None if dim == shape.decoder_embed_dim else dim,
        num_heads=None if heads == shape.decoder_num_heads else heads,
        mlp_ratio=compute_mlp_ratio(dim, hidden, shape.mlp_ratio),
    )


def resize_clips(
    config: EncoderConfig, path: Path, frames: int | None, side: int | None
) -> EncoderConfig:
    """The encoder for clips of another size, where one is given; ``path`` is for the message.

    Raises:
        CheckpointError: If such clips do not split into its cubes.
    """
    config = replace(
        config,
        frames=config.frames if frames is None else frames,
        height=config.height if side is None else side,
        width=config.width if side is None else side,
    )
    try:
        _ = config.cubes
    except ValueError as error:
        raise CheckpointError(f"{path} cannot read such clips: {error}") from error
    return config


def compute_mlp_ratio(dim: int, hidden: int, usual: float) -> float | None:
    """The ratio that gives a hidden width, rounded down; None if that is the usual one."""
    if compute_mlp_width(dim, usual) == hidden:
        return None
    ratio = hidden / dim
    return ratio if compute_mlp_width(dim, ratio) == hidden else (hidden + 0.5) / dim


def _find_size(dim: int, depth: int) -> SizeName:
    """The size of that width and depth, else of that width, else the usual one."""
    by_width = [name for name, size in SIZES.items() if size.embed_dim == dim]
    exact = [name for name in by_width if SIZES[name].depth == depth]
    return next(iter(exact or by_width), "base")


def _resolve_heads(shapes: Shapes, dim: int, hints: ModelHints, part: str, cosine: bool) -> int:
    """Those that are seen in a scale, those that are given, or those of a width that is known."""
    is_encoder = part == "encoder"
    given = hints.num_heads if is_encoder else hints.decoder_num_heads
    if cosine:
        heads: int | None = len(shapes.require(f"{part}.blocks.0.attn.scale"))
    else:
        usual = {size.embed_dim: size.num_heads for size in SIZES.values()}
        if not is_encoder:
            usual = {size.decoder_embed_dim: size.decoder_num_heads for size in SIZES.values()}
        known = usual.get(dim)
        # what starts with the weights may be built otherwise, which is told then
        heads = known or given if hints.for_training else given or known
    if heads is None and not is_encoder and hints.encoder_only:
        heads = dim
    if heads is None:
        flag = "--num-heads" if is_encoder else "--decoder-num-heads"
        raise CheckpointError(
            f"{shapes.path} does not say how many attention heads its {part} of width {dim} has; "
            f"videomae2 convert {shapes.path} OUT {flag} N makes a model that does"
        )
    if dim % heads:
        raise CheckpointError(
            f"the {part} of {shapes.path} is {dim} wide, which does not split over {heads} heads"
        )
    return heads
