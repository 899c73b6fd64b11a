"""What is shown of a reconstructed clip: rows of frames, captions, and both as a film.

Axes: frames, height, width, rgb; tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from videomae2.base.text import format_count
from videomae2.reports.image_canvas import Color, enlarge, to_rgb
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tasks.reconstruct import StatisticsSource
from videomae2.tensors.grid import Cubes

RowKind = Literal["original", "hidden", "reconstructed", "oracle_stats", "first_pass"]

ROWS: tuple[RowKind, ...] = ("original", "hidden", "reconstructed", "first_pass")

LABELS: dict[RowKind, tuple[str, str]] = {
    "original": ("original", "the video"),
    "hidden": ("hidden", "what the model sees"),
    "reconstructed": ("rebuilt", "seen and predicted"),
    "oracle_stats": ("told tones", "true mean and contrast"),
    "first_pass": ("decoder's share", "predicted in one pass"),
}
"""What a row is called, and what it shows."""

ORACLE_NOTE = (
    "'Told tones' shows the same patterns with the TRUE mean and contrast of each hidden cube, "
    "which the model does not know. Figures in papers are made like this."
)

MASK_COLOR: Color = (47, 52, 61)  # over what a row does not show

Pictures = UInt8[np.ndarray, "frames height width rgb"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconstructedClip:
    """One clip, what a model made of it, and what a reader has to know about both."""

    video: str
    """Name of the video."""
    model: str
    """Name of the model, such as "tiny, step 800"."""
    masking: MaskingConfig
    cubes: Cubes
    indices: Int64[np.ndarray, " frames"]
    """Number of each frame of the clip in the video, from 0."""
    seconds: Float64[np.ndarray, " frames"] | None
    """When each frame is shown in the video; None if the video has no clock."""
    original: UInt8[np.ndarray, "frames height width channels"]
    reconstructed: UInt8[np.ndarray, "frames height width channels"]
    """Visible cubes as they were, hidden ones as predicted."""
    oracle_stats: UInt8[np.ndarray, "frames height width channels"] | None
    """The same with the true mean and contrast of each cube; None for a model of plain pixels."""
    visible: Bool[np.ndarray, " tokens"]
    predicted: Bool[np.ndarray, " tokens"]
    """Hidden, and predicted in some pass."""
    first_pass: Bool[np.ndarray, " tokens"]
    """Hidden, and predicted in the first pass."""
    loss: float
    baseline: float
    """The loss of predicting each cube's mean."""
    statistics: StatisticsSource | None
    """Where mean and contrast of rebuilt cubes come from; None for a model of plain pixels."""
    num_passes: int
    """How many times the decoder was asked."""
    all_hidden: bool
    """It was asked for all hidden cubes at once though it was trained on a part at a time."""

    @property
    def mask_ratio(self) -> float:
        """Share of the cubes that the encoder did not see."""
        return float(1 - self.visible.mean())

    def format_moment(self, frame: int) -> str:
        """Say which moment of the video a frame of the clip shows, as exactly as is known."""
        if self.seconds is None:
            return f"frame {self.indices[frame]}"
        return f"{self.seconds[frame]:.2f} s"


def render_row(
    clip: ReconstructedClip, row: RowKind, frames: Sequence[int], *, scale: int = 1
) -> Pictures:
    """Give some frames of a row, enlarged; what it does not show is painted over, cube by cube.

    Enlarging is smooth inside of the picture and sharp at painted cubes.
    """
    told = clip.original if clip.oracle_stats is None else clip.oracle_stats
    source, is_shown = {
        "original": (clip.original, np.ones_like(clip.visible)),
        "hidden": (clip.original, clip.visible),
        "reconstructed": (clip.reconstructed, clip.visible | clip.predicted),
        "oracle_stats": (told, clip.visible | clip.predicted),
        "first_pass": (clip.reconstructed, clip.first_pass),
    }[row]
    pictures = np.stack([enlarge(to_rgb(source[frame]), scale) for frame in frames])
    side = clip.cubes.patch_size * scale
    shown_slots = is_shown.reshape(clip.cubes.grid)[np.asarray(frames) // clip.cubes.tubelet_size]
    pictures[~shown_slots.repeat(side, axis=1).repeat(side, axis=2)] = MASK_COLOR
    return pictures


def format_title(clip: ReconstructedClip) -> str:
    """Say which model saw how much."""
    mask_names = {"tube": "in tubes", "random": "at random", "frame": "whole frames"}
    return (
        f"model {clip.model}   ·   {clip.mask_ratio:.0%} of the cubes hidden "
        f"({mask_names[clip.masking.encoder]})"
    )


def format_loss(clip: ReconstructedClip) -> str:
    """Say how well it did, and what doing nothing would get."""
    return f"loss {clip.loss:.3f}   (predicting each cube's mean: {clip.baseline:.3f})"


def format_statistics(clip: ReconstructedClip) -> str:
    """Say where mean and contrast of the rebuilt cubes come from."""
    if clip.statistics == "target":
        return (
            "Only the pattern inside each rebuilt cube is predicted; it is given its TRUE mean and "
            "contrast, which the model does not know."
        )
    if clip.statistics == "visible":
        return (
            "The pattern inside each rebuilt cube is predicted; its mean and contrast are "
            "estimated from the visible cubes around, and such that cubes join. Nothing hidden "
            "is used."
        )
    return "The model predicts plain pixels; nothing hidden is used."


def format_decoder(clip: ReconstructedClip) -> str:
    """Say how the decoder was asked, and how that compares with training."""
    num_first_pass, num_hidden = int(clip.first_pass.sum()), int((~clip.visible).sum())
    if clip.all_hidden:
        return (
            f"The decoder was asked for all {num_hidden} hidden cubes at once, where training asks "
            f"for a part."
        )
    if clip.masking.decoder == "none":
        return f"The decoder predicts all {num_hidden} hidden cubes at once, as in training."
    return (
        f"As in training, the decoder predicts {num_first_pass} of the {num_hidden} hidden cubes "
        f"at a time: its share. 'Rebuilt' joins {format_count(clip.num_passes, 'such pass')}."
    )
