"""What a picture of a reconstruction shows: its rows, and in words where everything comes from.

Axes: frames, height, width, rgb; tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from PIL import Image

from videomae2.jobs.lettering import Color
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tasks.rebuild import Statistics
from videomae2.tensors.grid import Cubes

Row = Literal["original", "hidden", "rebuilt", "told", "share"]
ROWS: tuple[Row, ...] = ("original", "hidden", "rebuilt", "share")
TITLES: dict[Row, str] = {
    "original": "original",
    "hidden": "hidden",
    "rebuilt": "rebuilt",
    "told": "told tones",
    "share": "decoder's share",
}

SUBTITLES: dict[Row, str] = {
    "original": "the video",
    "hidden": "what the model sees",
    "rebuilt": "seen and predicted",
    "told": "true mean and contrast",
    "share": "predicted in one pass",
}

PAINT: Color = (47, 52, 61)  # over what a row does not show

Pictures = UInt8[np.ndarray, "frames height width rgb"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconstruction:
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
    rebuilt: UInt8[np.ndarray, "frames height width channels"]
    """Visible cubes as they were, hidden ones as predicted."""
    told: UInt8[np.ndarray, "frames height width channels"] | None
    """The same with the true mean and contrast of each cube; None for a model of plain pixels."""
    visible: Bool[np.ndarray, " tokens"]
    predicted: Bool[np.ndarray, " tokens"]
    """Hidden, and predicted in some pass."""
    share: Bool[np.ndarray, " tokens"]
    """Hidden, and predicted in the first pass."""
    loss: float
    baseline: float
    """The loss of predicting each cube's mean."""
    statistics: Statistics | None
    """Where mean and contrast of rebuilt cubes come from; None for a model of plain pixels."""
    passes: int
    """How many times the decoder was asked."""
    all_hidden: bool
    """It was asked for all hidden cubes at once though it was trained on a part at a time."""

    @property
    def hidden_share(self) -> float:
        """Share of the cubes that the encoder did not see."""
        return float(1 - self.visible.mean())

    def moment(self, frame: int) -> str:
        """Say which moment of the video a frame of the clip shows, as exactly as is known."""
        if self.seconds is None:
            return f"frame {self.indices[frame]}"
        return f"{self.seconds[frame]:.2f} s"


def panel(shown: Reconstruction, row: Row, frames: Sequence[int], *, scale: int = 1) -> Pictures:
    """Give some frames of a row, enlarged; what it does not show is painted over, cube by cube.

    Enlarging is smooth inside of the picture and sharp at painted cubes.
    """
    source = shown.rebuilt if row in ("rebuilt", "share") else shown.original
    if row == "told" and shown.told is not None:
        source = shown.told
    pictures = np.stack([_enlarged(colored(source[frame]), scale) for frame in frames])
    side = shown.cubes.patch * scale
    slots = _seen(shown, row).reshape(shown.cubes.grid)[np.asarray(frames) // shown.cubes.tubelet]
    painted = ~slots.repeat(side, axis=1).repeat(side, axis=2)
    pictures[painted] = PAINT
    return pictures


def colored(
    frame: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "height width rgb"]:
    """Three channels to look at: the first three, or the first one in grey."""
    if frame.shape[2] >= 3:
        return frame[:, :, :3]
    return frame[:, :, :1].repeat(3, axis=2)


def frames_to_show(count: int, frames: int) -> list[int]:
    """Frames of a clip at equal distances, beginning with the first."""
    return [number * frames // count for number in range(count)]


def title_words(shown: Reconstruction) -> str:
    """Say which model saw how much."""
    seen = {"tube": "in tubes", "random": "at random", "frame": "whole frames"}
    return (
        f"model {shown.model}   ·   {shown.hidden_share:.0%} of the cubes hidden "
        f"({seen[shown.masking.encoder]})"
    )


def loss_words(shown: Reconstruction) -> str:
    """Say how well it did, and what doing nothing would get."""
    return f"loss {shown.loss:.3f}   (predicting each cube's mean: {shown.baseline:.3f})"


def statistics_words(shown: Reconstruction) -> str:
    """Say where mean and contrast of the rebuilt cubes come from."""
    if shown.statistics == "truth":
        return (
            "Only the pattern inside each rebuilt cube is predicted; it is given its TRUE mean and "
            "contrast, which the model does not know."
        )
    if shown.statistics == "surroundings":
        return (
            "The pattern inside each rebuilt cube is predicted; its mean and contrast are "
            "estimated from the visible cubes around, and such that cubes join. Nothing hidden "
            "is used."
        )
    return "The model predicts plain pixels; nothing hidden is used."


def told_words() -> str:
    """Say what the row of told tones is."""
    return (
        "'Told tones' shows the same patterns with the TRUE mean and contrast of each hidden cube, "
        "which the model does not know. Figures in papers are made like this."
    )


def decoder_words(shown: Reconstruction) -> str:
    """Say how the decoder was asked, and how that compares with training."""
    share, hidden = int(shown.share.sum()), int((~shown.visible).sum())
    if shown.all_hidden:
        return (
            f"The decoder was asked for all {hidden} hidden cubes at once, where training asks "
            f"for a part."
        )
    if shown.masking.decoder == "none":
        return f"The decoder predicts all {hidden} hidden cubes at once, as in training."
    return (
        f"As in training, the decoder predicts {share} of the {hidden} hidden cubes at a time: "
        f"its share. 'Rebuilt' joins {shown.passes} such passes."
    )


def _seen(shown: Reconstruction, row: Row) -> Bool[np.ndarray, " tokens"]:
    """Which cubes a row shows."""
    return {
        "original": np.ones_like(shown.visible),
        "hidden": shown.visible,
        "rebuilt": shown.visible | shown.predicted,
        "told": shown.visible | shown.predicted,
        "share": shown.share,
    }[row]


def _enlarged(
    frame: UInt8[np.ndarray, "height width rgb"], scale: int
) -> UInt8[np.ndarray, "large_height large_width rgb"]:
    if scale == 1:
        return frame
    height, width = frame.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(frame))
    return np.asarray(image.resize((width * scale, height * scale), Image.Resampling.BICUBIC))
