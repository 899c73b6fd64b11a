"""The video transformer: cubes in, tokens out.

Axes: batch, picked = the cubes that are seen (all, or the visible ones), values, dim.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int64
from torch import Tensor, nn

from videomae2.models.blocks import Blocks
from videomae2.models.layers import LAYER_NORM_EPSILON, Linear, mlp_width
from videomae2.models.sizes import SIZES, Size, SizeName
from videomae2.tensors.grid import Cubes
from videomae2.tensors.positions import PositionTable, table


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The video transformer and the clips it reads."""

    size: SizeName = "base"
    """Width, depth, heads and patch, by name."""
    frames: int = 16
    """Frames of a clip."""
    height: int = 224
    """Height of a clip in pixels."""
    width: int = 224
    """Width of a clip in pixels."""
    channels: int = 3
    """Channels of a pixel."""
    patch: int | None = None
    """Side of a cube in pixels; the size's own if not given (16; giant 14; tiny 8)."""
    tubelet: int | None = None
    """Frames of a cube; the size's own if not given (2)."""
    dim: int | None = None
    """Width of a token; the size's own if not given."""
    depth: int | None = None
    """Blocks; the size's own if not given."""
    heads: int | None = None
    """Attention heads; the size's own if not given."""
    mlp_ratio: float | None = None
    """Hidden width of an MLP over the width of a token; the size's own if not given."""
    trained_grid: tuple[int, int, int] | None = None
    """Cubes (time, row, col) of the clips that the weights were trained on: the position table is
    resampled from that grid. If not given, it is the clip's own grid, or what the weights say that
    the model starts from."""
    positions: PositionTable = "flat"
    """Position table: a sinusoid over the flattened number of a cube, as all released models, or
    along each axis, which a small model learns from sooner."""
    drop_path: float = 0.0
    """Rate of stochastic depth at the last block; rises linearly from 0 at the first."""
    layer_scale: float = 0.0
    """Start of the learnt scale of each residual branch; 0 leaves it out."""
    cosine_attention: bool = False
    """Attend by cosine, with a learnt sharpness for each head."""
    checkpoint_blocks: bool = False
    """Forget activations inside blocks and compute them again in the backward pass."""

    @property
    def shape(self) -> Size:
        """The numbers behind the size's name, with what this configuration changes."""
        names = ("patch", "tubelet", "dim", "depth", "heads", "mlp_ratio")
        changed = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        return replace(SIZES[self.size], **changed)

    @property
    def cubes(self) -> Cubes:
        """How a clip splits into cubes; raises ValueError if it does not."""
        return Cubes(
            frames=self.frames,
            height=self.height,
            width=self.width,
            tubelet=self.shape.tubelet,
            patch=self.shape.patch,
            channels=self.channels,
        )


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
    given, not what the clip would cost.

    Args:
        config: Sizes.
        norm: Whether a LayerNorm closes it. A classifier that pools by the mean has its norm
            behind the pooling instead.

    Source: PretrainVisionTransformerEncoder of the released code.
    """

    def __init__(self, config: EncoderConfig, *, norm: bool = True) -> None:
        super().__init__()
        shape = config.shape
        self.config = config
        self.cubes = config.cubes
        self.patch_embed = PatchEmbedding(self.cubes.values, shape.dim)
        self.blocks = Blocks(
            shape.dim,
            shape.depth,
            shape.heads,
            mlp_width(shape.dim, shape.mlp_ratio),
            drop_path=config.drop_path,
            layer_scale=config.layer_scale,
            cosine=config.cosine_attention,
            checkpoint_blocks=config.checkpoint_blocks,
        )
        self.norm = nn.LayerNorm(shape.dim, eps=LAYER_NORM_EPSILON) if norm else nn.Identity()
        self.positions = position_table(config, shape.dim)

    positions: Tensor

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
        table = self.positions if index is None else self.positions[index]
        x = x + table.to(x.dtype)
        return self.norm(self.blocks(x, keys=keys))


def position_table(config: EncoderConfig, dim: int) -> nn.Buffer:
    """The fixed table for tokens of a width, as a buffer that moves with the model, never saved."""
    numbers = table(config.cubes.grid, dim, trained=config.trained_grid, kind=config.positions)
    return nn.Buffer(numbers, persistent=False)
