"""What a pre-trained model makes of clips, in pixels.

Visible cubes are copied from the clip, hidden ones are the decoder's. Where the decoder answers
z-scored cubes, their mean and contrast come from the truth, or from the visible cubes around and
from how the answers join.

Axes: batch, frames, height, width, channels; tokens; scored = answers of a pass; values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from videomae2.tasks.pretrain import MaskingConfig, PretrainTask
from videomae2.tensors import grid, masks, pixels, seams, surroundings, tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes, Grid
from videomae2.tensors.keyed import Randomness
from videomae2.tensors.passes import further_drops
from videomae2.tensors.tokens import Split

Statistics = Literal["surroundings", "truth"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Clips as a model sees and rebuilds them."""

    pixels: UInt8[Tensor, "batch frames height width channels"]
    """The clip where it was visible, the decoder's answer where it was hidden, 0 where neither."""
    told: UInt8[Tensor, "batch frames height width channels"] | None
    """The same answers with the true mean and contrast of each cube; None for plain pixels."""
    visible: Bool[Tensor, "batch tokens"]
    """Seen by the encoder."""
    predicted: Bool[Tensor, "batch tokens"]
    """Hidden, and answered in some pass."""
    share: Bool[Tensor, "batch tokens"]
    """Hidden, and answered in the first pass."""
    loss: Float[Tensor, " batch"]
    """Of the first pass, as in training."""
    baseline: Float[Tensor, " batch"]
    """What the loss would be if the mean of each cube were predicted all over it."""
    passes: int
    """How many times the decoder was asked."""


@torch.no_grad()
def rebuild(
    task: PretrainTask, clips: Clips, *, statistics: Statistics, all_hidden: bool = False
) -> Rebuilt:
    """Let a model rebuild the hidden cubes of clips.

    Args:
        task: Model and masking; better in evaluation mode.
        clips: Their keys draw the masks, the same as in training.
        statistics: Where mean and contrast of hidden cubes come from; no matter for a model that
            predicts plain pixels.
        all_hidden: Ask for all hidden cubes at once, as VideoMAE (V1) does, instead of as many at
            a time as in training, in several passes.
    """
    masking, shape = task.masking, task.model.cubes.grid
    if all_hidden and masking.decoder != "none":
        hidden = _hidden(masking, shape, len(clips.keys), clips.keys)
        splits = [tokens.split_v1(hidden, _hidden_count(masking, shape))]
    else:
        splits = passes(masking, shape, len(clips.keys), clips.keys)
    answers = [task.predict(clips, split)[0] for split in splits]
    return assemble(
        clips.pixels,
        splits,
        answers,
        task.model.cubes,
        statistics=statistics if masking.per_cube_target else None,
    )


def passes(masking: MaskingConfig, shape: Grid, batch: int, randomness: Randomness) -> list[Split]:
    """Draw both masks, and give splits that together ask for every hidden cube.

    The first is the split that training draws from the same randomness.
    """
    hidden = _hidden(masking, shape, batch, randomness)
    hidden_count = _hidden_count(masking, shape)
    if masking.decoder == "none":
        return [tokens.split_v1(hidden, hidden_count)]
    first = masks.drop(
        masking.decoder, shape, masking.decoder_ratio, batch=batch, randomness=randomness
    )
    further = further_drops(masking.decoder, first, shape, masking.decoder_ratio)
    splits = [
        tokens.split_dual(
            hidden,
            dropped,
            hidden_count=hidden_count,
            dropped_count=masks.dropped_count(masking.decoder, shape, masking.decoder_ratio),
            scored_count=masks.scored_count(
                masking.encoder,
                masking.encoder_ratio,
                masking.decoder,
                masking.decoder_ratio,
                shape,
            ),
            lean=masking.queries == "lean",
        )
        for dropped in (first, *further)
    ]
    return [tokens.score_all(s) for s in splits] if masking.loss_on == "decoded" else splits


def assemble(
    clips: UInt8[Tensor, "batch frames height width channels"],
    splits: Sequence[Split],
    answers: Sequence[Float[Tensor, "batch scored values"]],
    cubes: Cubes,
    *,
    statistics: Statistics | None,
) -> Rebuilt:
    """Put the answers of all passes into clips; where passes overlap, the first counts.

    Args:
        clips: The truth.
        splits: What the decoder was asked for in each pass; all see the same cubes.
        answers: What it answered.
        cubes: How the clips split into cubes.
        statistics: Where mean and contrast come from; None if the answers are plain pixels.
    """
    truth = grid.split(clips, cubes)
    index = splits[0].visible
    nowhere = torch.zeros(truth.shape[:2], dtype=torch.bool, device=truth.device)
    visible = nowhere.scatter(1, index, True)
    shares = [nowhere.scatter(1, split.answered, True) & ~visible for split in splits]
    predicted = torch.stack(shares).any(dim=0)
    canvas = torch.zeros_like(truth, dtype=torch.float32)
    for split, answer in reversed(list(zip(splits, answers, strict=True))):
        place = split.answered[:, :, None].expand_as(answer)
        canvas = canvas.scatter(1, place, answer.float())

    def painted(canvas: Tensor) -> Tensor:
        values = (canvas * predicted[:, :, None] * 255).round().clamp(0, 255).to(torch.uint8)
        return grid.join(torch.where(visible[:, :, None], truth, values), cubes)

    told = None
    if statistics is not None:
        told = painted(pixels.denormalise(canvas, *pixels.moments(truth / 255, cubes.channels)))
    if statistics == "surroundings":
        canvas = _fitted(canvas, truth, index, cubes, visible=visible, predicted=predicted)
    loss, baseline = _losses(truth, splits[0], answers[0], cubes, plain=statistics is None)
    return Rebuilt(
        pixels=told if statistics == "truth" and told is not None else painted(canvas),
        told=told,
        visible=visible,
        predicted=predicted,
        share=shares[0],
        loss=loss,
        baseline=baseline,
        passes=len(splits),
    )


def _fitted(
    answers: Tensor,
    truth: Tensor,
    index: Tensor,
    cubes: Cubes,
    *,
    visible: Tensor,
    predicted: Tensor,
) -> Tensor:
    """Give z-scored answers the mean and contrast that fit what is visible and each other."""
    seen = grid.take(truth, index)
    guess = surroundings.estimated_moments(
        seen.float() / 255, index, cubes.grid, channels=cubes.channels
    )
    true_patterns = pixels.target(seen, channels=cubes.channels)
    patterns = answers.scatter(1, index[:, :, None].expand_as(seen), true_patterns)
    mean, std = seams.joined_moments(
        patterns, *guess, visible=visible, predicted=predicted, cubes=cubes
    )
    return pixels.denormalise(answers, mean, std)


def _losses(
    truth: Tensor, split: Split, answer: Tensor, cubes: Cubes, *, plain: bool
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The loss of each clip, and what the mean of each cube would get."""
    asked = grid.take(truth, split.answered)
    target = pixels.target(asked, channels=cubes.channels, per_cube=not plain)
    _, std = pixels.moments(target, cubes.channels)
    pixels_each = cubes.values // cubes.channels
    spread = (std.square() * (pixels_each - 1) / pixels_each).mean(dim=(2, 3))
    error = (answer.float() - target).square().mean(dim=2)
    weight = torch.ones_like(error) if split.weight is None else split.weight
    total = weight.sum(dim=1)
    return (error * weight).sum(dim=1) / total, (spread * weight).sum(dim=1) / total


def _hidden(masking: MaskingConfig, shape: Grid, batch: int, randomness: Randomness) -> Tensor:
    return masks.hide(
        masking.encoder, shape, masking.encoder_ratio, batch=batch, randomness=randomness
    )


def _hidden_count(masking: MaskingConfig, shape: Grid) -> int:
    return masks.hidden_count(masking.encoder, shape, masking.encoder_ratio)
