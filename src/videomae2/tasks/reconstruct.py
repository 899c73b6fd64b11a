"""What a pre-trained model makes of clips, in pixels.

Visible cubes are copied from the clip, hidden ones are the decoder's. Where the decoder answers
z-scored cubes, their mean and contrast come from the truth, or from the visible cubes around and
from how the answers join.

Axes: batch, frames, height, width, channels; tokens; loss_tokens = answers of a pass; values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from videomae2.tasks.pretrain import PretrainTask, draw_passes, draw_v1_split
from videomae2.tensors import grid, pixels, visible_stats
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes
from videomae2.tensors.tokens import TokenSplit

StatisticsSource = Literal["visible", "target"]


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Clips as a model sees and rebuilds them."""

    pixels: UInt8[Tensor, "batch frames height width channels"]
    """The clip where it was visible, the decoder's answer where it was hidden, 0 where neither."""
    oracle_pixels: UInt8[Tensor, "batch frames height width channels"] | None
    """The same answers with the true mean and contrast of each cube; None for plain pixels."""
    visible: Bool[Tensor, "batch tokens"]
    """Seen by the encoder."""
    predicted: Bool[Tensor, "batch tokens"]
    """Hidden, and answered in some pass."""
    first_pass: Bool[Tensor, "batch tokens"]
    """Hidden, and answered in the first pass."""
    loss: Float[Tensor, " batch"]
    """Of the first pass, as in training."""
    baseline: Float[Tensor, " batch"]
    """What the loss would be if the mean of each cube were predicted all over it."""
    num_passes: int
    """How many times the decoder was asked."""


@torch.no_grad()
def reconstruct_clips(
    task: PretrainTask, clips: Clips, *, statistics: StatisticsSource, all_hidden: bool = False
) -> Reconstruction:
    """Let a model rebuild the hidden cubes of clips.

    Args:
        task: Model and masking; better in evaluation mode.
        clips: Their keys draw the masks, the same as in training.
        statistics: Where mean and contrast come from, of a model that predicts z-scored pixels.
        all_hidden: Ask for all hidden cubes at once, as VideoMAE (V1) does, instead of as many at
            a time as in training, in several passes.
    """
    masking, cube_grid, batch = task.masking, task.model.cubes.grid, len(clips.keys)
    if all_hidden:
        splits = [draw_v1_split(masking, cube_grid, batch, clips.keys)]
    else:
        splits = draw_passes(masking, cube_grid, batch, clips.keys)
    answers = [task.predict(clips, split) for split in splits]
    predictions = [predicted for predicted, _ in answers]
    if task.normalize.subtract == "none":
        return assemble_clips(
            clips.pixels,
            splits,
            predictions,
            task.model.cubes,
            statistics=statistics if masking.normalize_target else None,
        )
    pictures = [
        _add_mean(task, clips, split, predicted)
        for split, predicted in zip(splits, predictions, strict=True)
    ]
    found = assemble_clips(clips.pixels, splits, pictures, task.model.cubes, statistics=None)
    loss, baseline = _weigh_errors(*answers[0], splits[0], task.model.cubes)
    return replace(found, loss=loss, baseline=baseline)


def _add_mean(
    task: PretrainTask, clips: Clips, split: TokenSplit, predicted: Tensor
) -> Float[Tensor, "batch loss_tokens values"]:
    """Turn answers without the mean over time into pixels in [0, 1]: the clip's own is added."""
    x = clips.pixels.float()
    means = grid.gather(
        x.mean(dim=1, keepdim=True).expand_as(x), split.loss_tokens, task.model.cubes
    )
    std = task.normalize.std.repeat(predicted.shape[2] // len(task.normalize.std))
    return predicted.float() * std + means / 255


def assemble_clips(
    clips: UInt8[Tensor, "batch frames height width channels"],
    splits: Sequence[TokenSplit],
    predictions: Sequence[Float[Tensor, "batch loss_tokens values"]],
    cubes: Cubes,
    *,
    statistics: StatisticsSource | None,
) -> Reconstruction:
    """Put the answers of all passes into clips, the truth; where passes overlap, the first counts.

    All passes see the same cubes. ``statistics`` is None if the answers are plain pixels.
    """
    truth = grid.split(clips, cubes)
    index = splits[0].visible
    no_tokens = torch.zeros(truth.shape[:2], dtype=torch.bool, device=truth.device)
    visible = no_tokens.scatter(1, index, True)
    pass_tokens = [no_tokens.scatter(1, split.loss_tokens, True) & ~visible for split in splits]
    predicted = torch.stack(pass_tokens).any(dim=0)
    canvas = torch.zeros_like(truth, dtype=torch.float32)
    for split, answer in reversed(list(zip(splits, predictions, strict=True))):
        index_values = split.loss_tokens[:, :, None].expand_as(answer)
        canvas = canvas.scatter(1, index_values, answer.float())

    def render(canvas: Tensor) -> Tensor:
        values = (canvas * predicted[:, :, None] * 255).round().clamp(0, 255).to(torch.uint8)
        return grid.join(torch.where(visible[:, :, None], truth, values), cubes)

    oracle_pixels = None
    if statistics is not None:
        oracle_pixels = render(
            pixels.denormalize(canvas, *pixels.compute_moments(truth / 255, cubes.channels))
        )
    if statistics == "visible":
        canvas = _match_statistics(
            canvas, truth, index, cubes, visible=visible, predicted=predicted
        )
    loss, baseline = _compute_losses(
        truth, splits[0], predictions[0], cubes, plain_pixels=statistics is None
    )
    is_oracle = statistics == "target"
    return Reconstruction(
        pixels=oracle_pixels if is_oracle and oracle_pixels is not None else render(canvas),
        oracle_pixels=oracle_pixels,
        visible=visible,
        predicted=predicted,
        first_pass=pass_tokens[0],
        loss=loss,
        baseline=baseline,
        num_passes=len(splits),
    )


def _match_statistics(
    predictions: Tensor,
    truth: Tensor,
    index: Tensor,
    cubes: Cubes,
    *,
    visible: Tensor,
    predicted: Tensor,
) -> Tensor:
    """Give z-scored answers the mean and contrast that fit what is visible and each other."""
    visible_cubes = grid.take(truth, index)
    guess = visible_stats.estimate_moments(
        visible_cubes.float() / 255, index, cubes.grid, channels=cubes.channels
    )
    true_patterns = pixels.compute_target(visible_cubes, channels=cubes.channels)
    patterns = predictions.scatter(1, index[:, :, None].expand_as(visible_cubes), true_patterns)
    mean, std = visible_stats.match_boundaries(
        patterns, *guess, visible=visible, predicted=predicted, cubes=cubes
    )
    return pixels.denormalize(predictions, mean, std)


def _compute_losses(
    truth: Tensor, split: TokenSplit, answer: Tensor, cubes: Cubes, *, plain_pixels: bool
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The loss of each clip, and what the mean of each cube would get."""
    loss_cubes = grid.take(truth, split.loss_tokens)
    target = pixels.compute_target(
        loss_cubes, channels=cubes.channels, normalize_target=not plain_pixels
    )
    return _weigh_errors(answer, target, split, cubes)


def _weigh_errors(
    answer: Tensor, target: Tensor, split: TokenSplit, cubes: Cubes
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    _, std = pixels.compute_moments(target, cubes.channels)
    pixels_each = cubes.values // cubes.channels
    spread = (std.square() * (pixels_each - 1) / pixels_each).mean(dim=(2, 3))
    error = (answer.float() - target).square().mean(dim=2)
    weight = torch.ones_like(error) if split.weight is None else split.weight
    total = weight.sum(dim=1)
    return (error * weight).sum(dim=1) / total, (spread * weight).sum(dim=1) / total
