"""Dual-masked pre-training: hide, encode, rebuild, and the loss on normalised pixels.

Axes: batch, vis, scored, values, as in ``models/autoencoder.py``.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.models.autoencoder import Autoencoder
from videomae2.models.macs import TokenCounts
from videomae2.tensors import grid, masks, pixels, tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes, Grid
from videomae2.tensors.keyed import Randomness
from videomae2.tensors.masks import DecoderMask, EncoderMask
from videomae2.tensors.tokens import Split


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingConfig:
    """What is hidden, what is rebuilt, and what counts."""

    encoder: EncoderMask = "tube"
    """How cubes are hidden from the encoder."""
    encoder_ratio: float = 0.9
    """Share hidden from the encoder, rounded down to whole cubes."""
    decoder: DecoderMask = "running-cell"
    """How the decoder leaves cubes out; none decodes all hidden ones (VideoMAE V1)."""
    decoder_ratio: float = 0.5
    """Share the decoder leaves out; running cells know 0.25, 0.5 and 0.75."""
    loss_on: Literal["hidden", "decoded"] = "hidden"
    """Count only answers that the encoder could not see, or all answers (an ablation)."""
    queries: Literal["exact", "lean"] = "exact"
    """Ask the decoder at every place it keeps (the paper), or leave out the visible ones, which
    carry no loss."""
    per_cube_target: bool = True
    """Rebuild pixels z-scored in each cube, rather than plain pixels."""


class PretrainTask(nn.Module):
    """Turns clips into the loss of masked pre-training."""

    def __init__(
        self,
        model: Autoencoder,
        masking: MaskingConfig,
        *,
        mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
        std: tuple[float, ...] = pixels.IMAGENET_STD,
    ) -> None:
        super().__init__()
        if not len(mean) == len(std) == model.cubes.channels:
            raise ValueError(
                f"clips have {model.cubes.channels} channels, but mean has {len(mean)} and std "
                f"{len(std)} values; give one of each for every channel"
            )
        self.model = model
        self.masking = masking
        check_target(masking, model.cubes)
        self.counts = token_counts(masking, model.cubes.grid)  # raises before any work
        self.mean = nn.Buffer(torch.tensor(mean), persistent=False)
        self.std = nn.Buffer(torch.tensor(std), persistent=False)

    mean: Tensor
    std: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how many cubes count in it and, for the log, the predictions' spread."""
        split = draw_split(self.masking, self.model.cubes.grid, len(clips.keys), clips.keys)
        predicted, target = self.predict(clips, split)
        loss = pixel_loss(predicted, target, split.weight, clips.weights)
        count = _counted(predicted.shape[:2], split.weight, clips.weights).sum()
        return loss, count, {"spread": predicted.detach().float().std()}

    def predict(
        self, clips: Clips, split: Split
    ) -> tuple[Float[Tensor, "batch scored values"], Float[Tensor, "batch scored values"]]:
        """Give the decoder's answers and what they should have been."""
        cubes = self.model.cubes
        visible = grid.gather(clips.pixels, split.visible, cubes)
        seen = pixels.normalise(visible, self.mean, self.std)
        predicted = self.model(seen, split, keys=clips.keys)
        asked = grid.gather(clips.pixels, split.answered, cubes)
        target = pixels.target(
            asked, channels=cubes.channels, per_cube=self.masking.per_cube_target
        )
        return predicted, target


def draw_split(masking: MaskingConfig, shape: Grid, batch: int, randomness: Randomness) -> Split:
    """Draw both masks for a batch and list which cubes go where."""
    hidden = masks.hide(
        masking.encoder, shape, masking.encoder_ratio, batch=batch, randomness=randomness
    )
    hidden_count = masks.hidden_count(masking.encoder, shape, masking.encoder_ratio)
    if masking.decoder == "none":
        return tokens.split_v1(hidden, hidden_count)
    dropped = masks.drop(
        masking.decoder, shape, masking.decoder_ratio, batch=batch, randomness=randomness
    )
    split = tokens.split_dual(
        hidden,
        dropped,
        hidden_count=hidden_count,
        dropped_count=masks.dropped_count(masking.decoder, shape, masking.decoder_ratio),
        scored_count=_scored_count(masking, shape),
        lean=masking.queries == "lean",
    )
    return tokens.score_all(split) if masking.loss_on == "decoded" else split


def pixel_loss(
    predicted: Float[Tensor, "batch scored values"],
    target: Float[Tensor, "batch scored values"],
    weight: Float[Tensor, "batch scored"] | None,
    clip_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Mean squared error over the cubes that count, of the clips that count; 0 if none does.

    Source: engine_for_pretraining.py of the released code, which divides by the number of cubes
        counted in the batch (the paper's formula divides by all decoded ones).
    """
    error = F.mse_loss(predicted.float(), target, reduction="none").mean(dim=2)
    counted = _counted(error.shape, weight, clip_weights)
    return (error * counted).sum() / counted.sum().clamp(min=1)


def check_target(masking: MaskingConfig, cubes: Cubes) -> None:
    """Refuse to z-score cubes of one pixel, which have no deviation.

    Raises:
        ValueError: Says what would work.
    """
    if masking.per_cube_target and cubes.values == cubes.channels:
        raise ValueError(
            "pixels cannot be z-scored in cubes of one pixel (patch 1, tubelet 1); a patch or a "
            "tubelet of 2 would work, or plain pixels (per_cube_target false)"
        )


def token_counts(masking: MaskingConfig, shape: Grid) -> TokenCounts:
    """How many cubes of a clip are seen, asked for and answered.

    Raises:
        ValueError: If the ratios or the pair of masks cannot work on this grid; the message says
            what would.
    """
    everything = math.prod(shape)
    hidden = masks.hidden_count(masking.encoder, shape, masking.encoder_ratio)
    visible = everything - hidden
    if masking.decoder == "none":
        _check_plain(masking)
        return TokenCounts(embedded=visible, visible=visible, queries=hidden, scored=hidden)
    kept = everything - masks.dropped_count(masking.decoder, shape, masking.decoder_ratio)
    scored = _scored_count(masking, shape)
    if masking.queries == "lean":
        _check_lean(masking, scored)
        return TokenCounts(visible, visible, scored or kept, scored or kept)
    answered = kept if masking.loss_on == "decoded" or scored is None else scored
    return TokenCounts(embedded=visible, visible=visible, queries=kept, scored=answered)


def _counted(
    shape: torch.Size, weight: Tensor | None, clip_weights: Tensor
) -> Float[Tensor, "batch scored"]:
    """1 for every answer that counts."""
    counted = clip_weights[:, None].expand(shape)
    return counted if weight is None else counted * weight


def _scored_count(masking: MaskingConfig, shape: Grid) -> int | None:
    return masks.scored_count(
        masking.encoder, masking.encoder_ratio, masking.decoder, masking.decoder_ratio, shape
    )


def _check_plain(masking: MaskingConfig) -> None:
    if masking.loss_on == "decoded":
        raise ValueError(
            "loss on 'decoded' has no effect without decoder masking: all decoded are hidden"
        )
    if masking.queries == "lean":
        raise ValueError("queries 'lean' has no effect without decoder masking")


def _check_lean(masking: MaskingConfig, scored: int | None) -> None:
    if masking.loss_on == "decoded":
        raise ValueError("queries 'lean' leaves out what loss on 'decoded' counts; use 'exact'")
    if scored is None:
        raise ValueError(
            f"queries 'lean' needs equally many scored cubes in every clip, which encoder masking "
            f"'{masking.encoder}' with decoder masking '{masking.decoder}' does not give on this "
            f"grid; use 'exact', or tubes with running cells on a multiple of 4 time slots"
        )
