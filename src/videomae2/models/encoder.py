"""The video transformer: cubes in, tokens out.

Axes: batch, picked = the cubes that are seen (all, or the visible ones), values, dim.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from videomae2.base.ranges import BELOW_ONE, DEPTH, NOT_NEGATIVE, ONE_OR_MORE, POSITIVE
from videomae2.models.layers import LAYER_NORM_EPSILON, Blocks, Linear, compute_mlp_width
from videomae2.tensors import grid, pixels
from videomae2.tensors.grid import Cubes
from videomae2.tensors.normalization import Normalization
from videomae2.tensors.pos_embed import PosEmbedKind, build_pos_embed

SizeName = Literal["tiny", "small", "base", "large", "huge", "giant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """What a size name stands for: the encoder, and the decoder that goes with it."""

    embed_dim: int
    depth: int
    num_heads: int
    mlp_ratio: float = 4.0
    patch_size: int = 16
    tubelet_size: int = 2
    decoder_embed_dim: int
    decoder_num_heads: int


SIZES: dict[SizeName, ModelSize] = {
    # tiny is ours, for tests and the demo: 64-pixel clips make a grid of 8x8x8
    "tiny": ModelSize(
        embed_dim=192, depth=4, num_heads=3, patch_size=8, decoder_embed_dim=96, decoder_num_heads=3
    ),
    # the rest: models/modeling_pretrain.py of the released code, arXiv 2303.16727 appendix
    "small": ModelSize(
        embed_dim=384, depth=12, num_heads=6, decoder_embed_dim=192, decoder_num_heads=3
    ),
    "base": ModelSize(
        embed_dim=768, depth=12, num_heads=12, decoder_embed_dim=384, decoder_num_heads=6
    ),
    "large": ModelSize(
        embed_dim=1024, depth=24, num_heads=16, decoder_embed_dim=512, decoder_num_heads=8
    ),
    "huge": ModelSize(
        embed_dim=1280, depth=32, num_heads=16, decoder_embed_dim=512, decoder_num_heads=8
    ),
    "giant": ModelSize(
        embed_dim=1408,
        depth=40,
        num_heads=16,
        mlp_ratio=float(Fraction(48, 11)),  # 6144, and 2234 in the decoder
        patch_size=14,
        decoder_embed_dim=512,
        decoder_num_heads=8,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The video transformer and the clips it reads."""

    size: SizeName = "base"
    """Width, depth, heads and patch, by name."""
    frames: Annotated[int, ONE_OR_MORE] = 16
    """Frames of a clip."""
    height: Annotated[int, ONE_OR_MORE] = 224
    """Height of a clip in pixels."""
    width: Annotated[int, ONE_OR_MORE] = 224
    """Width of a clip in pixels."""
    channels: Annotated[int, ONE_OR_MORE] = 3
    """Channels of a pixel."""
    patch_size: Annotated[int | None, ONE_OR_MORE] = None
    """Side of a cube in pixels; the size's own if not given (16; giant 14; tiny 8)."""
    tubelet_size: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of a cube; the size's own if not given (2)."""
    embed_dim: Annotated[int | None, ONE_OR_MORE] = None
    """Width of a token; the size's own if not given."""
    depth: Annotated[int | None, DEPTH] = None
    """Blocks; the size's own if not given."""
    num_heads: Annotated[int | None, ONE_OR_MORE] = None
    """Attention heads; the size's own if not given."""
    mlp_ratio: Annotated[float | None, POSITIVE] = None
    """Hidden width of an MLP over the width of a token; the size's own if not given."""
    pretrained_grid: Annotated[tuple[int, int, int] | None, ONE_OR_MORE] = None
    """Cubes (time, row, col) of the clips that the weights were trained on: the position table is
    resampled from that grid. If not given, it is the clip's own grid, or what the weights say that
    the model starts from."""
    pos_embed: PosEmbedKind = "flat"
    """Position table: a sinusoid over the flattened number of a cube, as all released models, or
    along each axis, which a small model learns from sooner."""
    drop_path: Annotated[float, BELOW_ONE] = 0.0
    """Rate of stochastic depth at the last block; rises linearly from 0 at the first."""
    init_values: Annotated[float, NOT_NEGATIVE] = 0.0
    """Start of the learnt scale of each residual branch; 0 leaves it out."""
    cosine_attention: bool = False
    """Attend by cosine, with a learnt sharpness for each head."""
    activation_checkpointing: bool = False
    """Forget activations inside blocks and compute them again in the backward pass."""
    layer_norm_eps: Annotated[float | None, POSITIVE] = None
    """Added to the variance in every LayerNorm; what the weights say that the model starts from,
    or 1e-6, if not given."""
    last_norm_eps: Annotated[float | None, POSITIVE] = None
    """Likewise behind a classifier's pooling and at the end of a decoder, where it is another, as
    in transformers."""
    final_norm: bool = True
    """Whether a LayerNorm closes the encoder (of a classifier, its pooling); some models of
    transformers have none."""

    @property
    def norm_eps(self) -> tuple[float, float]:
        """What every LayerNorm adds to the variance, and what the last one adds."""
        every = self.layer_norm_eps or LAYER_NORM_EPSILON
        return every, self.last_norm_eps or every

    @property
    def shape(self) -> ModelSize:
        """The numbers behind the size's name, with what this configuration changes."""
        names = ("patch_size", "tubelet_size", "embed_dim", "depth", "num_heads", "mlp_ratio")
        overrides = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        return replace(SIZES[self.size], **overrides)

    @property
    def clip_dimensions(self) -> str:
        """Frames x height x width of its clips, for people."""
        return f"{self.frames}x{self.height}x{self.width}"

    @property
    def cubes(self) -> Cubes:
        """How a clip splits into cubes; raises ValueError if it does not."""
        return Cubes(
            frames=self.frames,
            height=self.height,
            width=self.width,
            tubelet_size=self.shape.tubelet_size,
            patch_size=self.shape.patch_size,
            channels=self.channels,
        )


class Normalize(nn.Module):
    """Pixels 0…255 of clips into what a model reads."""

    def __init__(self, config: Normalization, channels: int) -> None:
        super().__init__()
        mean, std = config.mean, config.std
        if not len(mean) == len(std) == channels:
            raise ValueError(
                f"clips have {channels} channels, but mean has {len(mean)} and std {len(std)} "
                f"values; give one of each for every channel"
            )
        self.subtract = config.subtract
        mean = mean if self.subtract == "none" else (0.0,) * channels
        self.mean = nn.Buffer(torch.tensor(mean), persistent=False)
        self.std = nn.Buffer(torch.tensor(std), persistent=False)

    mean: Tensor
    std: Tensor

    def forward(
        self, cubes: Shaped[Tensor, "batch picked values"]
    ) -> Float[Tensor, "batch picked values"]:
        """Normalise cubes of clips that ``center`` gave."""
        return pixels.normalize(cubes, self.mean, self.std)

    def center(
        self, clips: Shaped[Tensor, "batch frames height width channels"]
    ) -> Shaped[Tensor, "batch frames height width channels"]:
        """Take away from whole clips what is to be taken away."""
        return clips if self.subtract == "none" else pixels.subtract_temporal_mean(clips)

    def split(
        self, clips: Shaped[Tensor, "batch frames height width channels"], cubes: Cubes
    ) -> Float[Tensor, "batch tokens values"]:
        """All cubes of clips, normalised."""
        return self(grid.split(self.center(clips), cubes))


class PatchEmbedding(nn.Module):
    """One linear map from a cube's values to a token."""

    def __init__(self, values: int, dim: int) -> None:
        super().__init__()
        self.proj = Linear(values, dim)

    def forward(self, x: Float[Tensor, "batch picked values"]) -> Float[Tensor, "batch picked dim"]:
        return self.proj(x)


class VideoEncoder(nn.Module):
    """A vision transformer over cubes of video, with a fixed position table.

    It reads normalised cubes and their token numbers, so it costs what the cubes cost that are
    given, not what the clip would cost. ``norm`` says whether a LayerNorm closes it: a classifier
    that pools by the mean has its norm behind the pooling instead.

    Source: PretrainVisionTransformerEncoder of the released code.
    """

    def __init__(self, config: EncoderConfig, *, norm: bool = True) -> None:
        super().__init__()
        size = config.shape
        self.config = config
        self.cubes = config.cubes
        self.patch_embed = PatchEmbedding(self.cubes.values, size.embed_dim)
        self.blocks = Blocks(
            size.embed_dim,
            size.depth,
            size.num_heads,
            compute_mlp_width(size.embed_dim, size.mlp_ratio),
            drop_path=config.drop_path,
            init_values=config.init_values,
            cosine=config.cosine_attention,
            activation_checkpointing=config.activation_checkpointing,
            eps=config.norm_eps[0],
        )
        norm = norm and config.final_norm
        self.norm = nn.LayerNorm(size.embed_dim, eps=config.norm_eps[0]) if norm else nn.Identity()
        self.pos_embed = build_pos_embed_buffer(config, size.embed_dim)

    pos_embed: Tensor

    def forward(
        self,
        values: Float[Tensor, "batch picked values"],
        index: Int64[Tensor, "batch picked"] | None = None,
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch picked dim"]:
        """Give the tokens of some cubes, by their numbers, or of all in token order.

        ``keys`` are the clips', by which stochastic depth draws in training.
        """
        x = self.patch_embed(values)
        pos_embed = self.pos_embed if index is None else self.pos_embed[index]
        x = x + pos_embed.to(x.dtype)
        return self.norm(self.blocks(x, keys=keys))


def build_pos_embed_buffer(config: EncoderConfig, embed_dim: int) -> nn.Buffer:
    """The fixed table for tokens of a width, as a buffer that moves with the model, never saved."""
    values = build_pos_embed(
        config.cubes.grid, embed_dim, pretrained_grid=config.pretrained_grid, kind=config.pos_embed
    )
    return nn.Buffer(values, persistent=False)
