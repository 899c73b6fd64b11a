"""Dual-masked pre-training: hide, encode, rebuild, and the loss on normalised pixels.

Axes: batch, vis, loss_tokens, values, as in ``models/autoencoder.py``.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from videomae2.base.ranges import INNER_SHARE
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.encoder import Normalize
from videomae2.models.flops import TokenCounts
from videomae2.tensors import grid, masks, pixels, tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes, Grid
from videomae2.tensors.masks import DecoderMask, EncoderMask
from videomae2.tensors.normalization import Normalization
from videomae2.tensors.rng_torch import Rng
from videomae2.tensors.tokens import TokenSplit


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingConfig:
    """What is hidden, what is rebuilt, and what counts."""

    encoder: EncoderMask = "tube"
    """How cubes are hidden from the encoder."""
    encoder_mask_ratio: Annotated[float, INNER_SHARE] = 0.9
    """Share hidden from the encoder, rounded down to whole cubes."""
    decoder: DecoderMask = "running-cell"
    """How the decoder leaves cubes out; none decodes all hidden ones (VideoMAE V1)."""
    decoder_mask_ratio: Annotated[float, INNER_SHARE] = 0.5
    """Share the decoder leaves out; running cells know 0.25, 0.5 and 0.75."""
    loss_tokens: Literal["hidden", "decoded"] = "hidden"
    """Count only answers that the encoder could not see, or all answers (an ablation)."""
    decoder_queries: Literal["full", "hidden_only"] = "full"
    """Ask the decoder at every place it keeps (the paper), or leave out the visible ones, which
    carry no loss."""
    normalize_target: bool = True
    """Rebuild pixels z-scored in each cube, rather than plain pixels."""


class PretrainTask(nn.Module):
    """Turns clips into the loss of masked pre-training."""

    def __init__(
        self,
        model: Autoencoder,
        masking: MaskingConfig,
        *,
        normalization: Normalization | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.masking = masking
        check_target(masking, model.cubes, normalization or Normalization())
        self.counts = count_tokens(masking, model.cubes.grid)  # raises before any work
        self.normalize = Normalize(normalization or Normalization(), model.cubes.channels)

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how many cubes count in it and, for the log, the predictions' spread."""
        split = draw_split(self.masking, self.model.cubes.grid, len(clips.keys), clips.keys)
        predicted, target = self.predict(clips, split)
        loss = compute_pixel_loss(predicted, target, split.weight, clips.weights)
        count = _expand_loss_weights(predicted.shape[:2], split.weight, clips.weights).sum()
        return loss, count, {"spread": predicted.detach().float().std()}

    def predict(
        self, clips: Clips, split: TokenSplit
    ) -> tuple[
        Float[Tensor, "batch loss_tokens values"], Float[Tensor, "batch loss_tokens values"]
    ]:
        """Give the decoder's answers and what they should have been."""
        cubes, centred = self.model.cubes, self.normalize.center(clips.pixels)
        visible = grid.gather(centred, split.visible, cubes)
        predicted = self.model(self.normalize(visible), split, keys=clips.keys)
        return predicted, self.compute_target(grid.gather(centred, split.loss_tokens, cubes))

    def compute_target(
        self, cubes: Shaped[Tensor, "batch loss_tokens values"]
    ) -> Float[Tensor, "batch loss_tokens values"]:
        """What the decoder is asked for, of cubes of clips that ``Normalize.center`` gave."""
        if self.normalize.subtract != "none":
            return self.normalize(cubes)  # what the encoder reads
        return pixels.compute_target(
            cubes,
            channels=self.model.cubes.channels,
            normalize_target=self.masking.normalize_target,
        )


def draw_split(masking: MaskingConfig, cube_grid: Grid, batch: int, rng: Rng) -> TokenSplit:
    """Draw both masks for a batch and list which cubes go where."""
    return draw_passes(masking, cube_grid, batch, rng, first_only=True)[0]


def draw_passes(
    masking: MaskingConfig, cube_grid: Grid, batch: int, rng: Rng, *, first_only: bool = False
) -> list[TokenSplit]:
    """Draw both masks, and give splits that together ask for every hidden cube.

    The first is what training draws from the same randomness.
    """
    ratio = masking.decoder_mask_ratio
    if masking.decoder == "none":
        return [draw_v1_split(masking, cube_grid, batch, rng)]
    hidden = masks.hide(
        masking.encoder, cube_grid, masking.encoder_mask_ratio, batch=batch, rng=rng
    )
    dropped = [masks.drop(masking.decoder, cube_grid, ratio, batch=batch, rng=rng)]
    if not first_only:
        dropped += masks.build_further_masks(masking.decoder, dropped[0], cube_grid, ratio)
    splits = [
        tokens.split_dual(
            hidden,
            mask,
            hidden_count=masks.count_hidden(masking.encoder, cube_grid, masking.encoder_mask_ratio),
            dropped_count=masks.count_dropped(masking.decoder, cube_grid, ratio),
            num_loss_tokens=_count_loss_tokens(masking, cube_grid),
            hidden_only=masking.decoder_queries == "hidden_only",
        )
        for mask in dropped
    ]
    return [tokens.weight_all(s) for s in splits] if masking.loss_tokens == "decoded" else splits


def draw_v1_split(masking: MaskingConfig, cube_grid: Grid, batch: int, rng: Rng) -> TokenSplit:
    """Draw the encoder's mask alone: the decoder is asked for all that is hidden."""
    kind, ratio = masking.encoder, masking.encoder_mask_ratio
    hidden = masks.hide(kind, cube_grid, ratio, batch=batch, rng=rng)
    return tokens.split_v1(hidden, masks.count_hidden(kind, cube_grid, ratio))


def compute_pixel_loss(
    predicted: Float[Tensor, "batch loss_tokens values"],
    target: Float[Tensor, "batch loss_tokens values"],
    weight: Float[Tensor, "batch loss_tokens"] | None,
    clip_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Mean squared error over the cubes that count, of the clips that count; 0 if none does.

    Source: engine_for_pretraining.py of the released code, which divides by the number of cubes
        counted in the batch (the paper's formula divides by all decoded ones).
    """
    error = F.mse_loss(predicted.float(), target, reduction="none").mean(dim=2)
    loss_weights = _expand_loss_weights(error.shape, weight, clip_weights)
    return (error * loss_weights).sum() / loss_weights.sum().clamp(min=1)


def check_target(masking: MaskingConfig, cubes: Cubes, normalization: Normalization) -> None:
    """Refuse to z-score cubes of one pixel, or what is centred already, with a ``ValueError``."""
    if masking.normalize_target and normalization.subtract != "none":
        raise ValueError(
            f"normalize_target does not go with subtract '{normalization.subtract}', whose target "
            "is what the encoder reads; set normalize_target false"
        )
    if masking.normalize_target and cubes.values == cubes.channels:
        raise ValueError(
            "pixels cannot be z-scored in cubes of one pixel (patch 1, tubelet 1); a patch or a "
            "tubelet of 2 would work, or plain pixels (normalize_target false)"
        )


def count_tokens(masking: MaskingConfig, cube_grid: Grid) -> TokenCounts:
    """How many cubes of a clip are seen, asked for and answered.

    Raises:
        ValueError: If the ratios or the pair of masks cannot work on this grid; the message says
            what would.
    """
    num_tokens = math.prod(cube_grid)
    hidden = masks.count_hidden(masking.encoder, cube_grid, masking.encoder_mask_ratio)
    visible = num_tokens - hidden
    if masking.decoder == "none":
        if masking.loss_tokens == "decoded":
            raise ValueError(
                "loss_tokens 'decoded' has no effect without decoder masking: all decoded are "
                "hidden"
            )
        if masking.decoder_queries == "hidden_only":
            raise ValueError("decoder_queries 'hidden_only' has no effect without decoder masking")
        return TokenCounts(visible, visible, queries=hidden, num_loss_tokens=hidden)
    kept = num_tokens - masks.count_dropped(masking.decoder, cube_grid, masking.decoder_mask_ratio)
    num_loss_tokens = _count_loss_tokens(masking, cube_grid)
    if masking.decoder_queries == "hidden_only":
        _check_hidden_only(masking, num_loss_tokens)
    if masking.loss_tokens == "decoded" or num_loss_tokens is None:
        num_loss_tokens = kept
    queries = num_loss_tokens if masking.decoder_queries == "hidden_only" else kept
    return TokenCounts(visible, visible, queries, num_loss_tokens)


def _expand_loss_weights(
    shape: torch.Size, weight: Tensor | None, clip_weights: Tensor
) -> Float[Tensor, "batch loss_tokens"]:
    """1 for every answer that counts."""
    loss_weights = clip_weights[:, None].expand(shape)
    return loss_weights if weight is None else loss_weights * weight


def _count_loss_tokens(masking: MaskingConfig, cube_grid: Grid) -> int | None:
    return masks.count_loss_tokens(
        masking.encoder,
        masking.encoder_mask_ratio,
        masking.decoder,
        masking.decoder_mask_ratio,
        cube_grid,
    )


def _check_hidden_only(masking: MaskingConfig, num_loss_tokens: int | None) -> None:
    if masking.loss_tokens == "decoded":
        raise ValueError(
            "decoder_queries 'hidden_only' leaves out what loss_tokens 'decoded' counts; use 'full'"
        )
    if num_loss_tokens is None:
        raise ValueError(
            f"decoder_queries 'hidden_only' needs equally many scored cubes in every clip, which "
            f"encoder masking '{masking.encoder}' with decoder masking '{masking.decoder}' does "
            f"not give on this grid; use 'full', or tubes with running cells on a multiple of 4 "
            f"time slots"
        )
