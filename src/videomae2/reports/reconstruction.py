"""What is shown of a reconstructed clip: rows of frames, captions, and both as a film.

Axes: frames, height, width, rgb; tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from PIL import Image

from videomae2.base.files import atomic_write
from videomae2.reports.text_layout import (
    MUTED_TEXT_COLOR,
    Color,
    ImageCanvas,
    TextStyle,
    ellipsize,
    wrap_text,
)
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tasks.reconstruct import StatisticsSource
from videomae2.tensors.grid import Cubes

RowKind = Literal["original", "hidden", "reconstructed", "oracle_stats", "first_pass"]


ROWS: tuple[RowKind, ...] = ("original", "hidden", "reconstructed", "first_pass")


TITLES: dict[RowKind, str] = {
    "original": "original",
    "hidden": "hidden",
    "reconstructed": "rebuilt",
    "oracle_stats": "told tones",
    "first_pass": "decoder's share",
}


SUBTITLES: dict[RowKind, str] = {
    "original": "the video",
    "hidden": "what the model sees",
    "reconstructed": "seen and predicted",
    "oracle_stats": "true mean and contrast",
    "first_pass": "predicted in one pass",
}


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
    source = clip.reconstructed if row in ("reconstructed", "first_pass") else clip.original
    if row == "oracle_stats" and clip.oracle_stats is not None:
        source = clip.oracle_stats
    pictures = np.stack([_enlarge(to_rgb(source[frame]), scale) for frame in frames])
    side = clip.cubes.patch_size * scale
    visible_slots = _mask_of_row(clip, row).reshape(clip.cubes.grid)[
        np.asarray(frames) // clip.cubes.tubelet_size
    ]
    is_masked = ~visible_slots.repeat(side, axis=1).repeat(side, axis=2)
    pictures[is_masked] = MASK_COLOR
    return pictures


def to_rgb(
    frame: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "height width rgb"]:
    """Three channels to look at: the first three, or the first one in grey."""
    if frame.shape[2] >= 3:
        return frame[:, :, :3]
    return frame[:, :, :1].repeat(3, axis=2)


def select_frame_numbers(count: int, frames: int) -> list[int]:
    """Frames of a clip at equal distances, beginning with the first."""
    return [number * frames // count for number in range(count)]


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


def format_oracle_note() -> str:
    """Say what the row of told tones is."""
    return (
        "'Told tones' shows the same patterns with the TRUE mean and contrast of each hidden cube, "
        "which the model does not know. Figures in papers are made like this."
    )


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
        f"at a time: its share. 'Rebuilt' joins {clip.num_passes} such passes."
    )


def _mask_of_row(clip: ReconstructedClip, row: RowKind) -> Bool[np.ndarray, " tokens"]:
    """Which cubes a row shows."""
    return {
        "original": np.ones_like(clip.visible),
        "hidden": clip.visible,
        "reconstructed": clip.visible | clip.predicted,
        "oracle_stats": clip.visible | clip.predicted,
        "first_pass": clip.first_pass,
    }[row]


def _enlarge(
    frame: UInt8[np.ndarray, "height width rgb"], scale: int
) -> UInt8[np.ndarray, "large_height large_width rgb"]:
    if scale == 1:
        return frame
    height, width = frame.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(frame))
    return np.asarray(image.resize((width * scale, height * scale), Image.Resampling.BICUBIC))


_HEADING_STYLE = TextStyle(20, bold=True)


_FACTS_STYLE = TextStyle(14, color=MUTED_TEXT_COLOR)


_LABEL_STYLE = TextStyle(15, bold=True)


_NOTE_STYLE = TextStyle(12, color=MUTED_TEXT_COLOR)


_MARGIN, _GAP = 20, 10


_PANEL_PIXELS = 224


_FPS_RANGE = (2.0, 25.0)  # frames per second: slower or faster ones are hard to look at


_DEFAULT_FPS = 25.0  # a guess, for looking at videos that do not say how fast they are


_MIN_SECONDS = 4.0  # an mp4 repeats a shorter clip; a GIF repeats by itself


def compose_video(clip: ReconstructedClip) -> Pictures:
    """Compose every frame of the film; its sides are even, as video codecs want."""
    cubes = clip.cubes
    scale = max(1, round(_PANEL_PIXELS / cubes.width))
    rows = [render_row(clip, row, range(cubes.frames), scale=scale) for row in ROWS]
    step = cubes.width * scale + _GAP
    inner = len(ROWS) * step - _GAP
    top, height, notes = _compute_layout(clip, inner, cubes.height * scale)
    canvas = ImageCanvas(_round_up_to_even(inner + 2 * _MARGIN), _round_up_to_even(height))
    canvas.draw_text(_MARGIN, _MARGIN, ellipsize(clip.video, inner, _HEADING_STYLE), _HEADING_STYLE)
    facts = f"{format_title(clip)}   ·   {format_loss(clip)}"
    canvas.draw_text(
        _MARGIN,
        _MARGIN + _HEADING_STYLE.line_height,
        ellipsize(facts, inner, _FACTS_STYLE),
        _FACTS_STYLE,
    )
    for number, row in enumerate(ROWS):
        canvas.draw_text(
            _MARGIN + number * step, top - _LABEL_STYLE.line_height, TITLES[row], _LABEL_STYLE
        )
    canvas.draw_lines(_MARGIN, top + cubes.height * scale + _GAP, notes, _NOTE_STYLE)
    frames = np.repeat(np.asarray(canvas.image)[None], cubes.frames, axis=0)
    for number, pictures in enumerate(rows):
        left = _MARGIN + number * step
        frames[:, top : top + pictures.shape[1], left : left + pictures.shape[2]] = pictures
    return frames


def compute_fps(clip: ReconstructedClip) -> Fraction:
    """Frames per second at which the film runs as fast as the video, within limits."""
    seconds = clip.indices / _DEFAULT_FPS if clip.seconds is None else clip.seconds
    gaps = np.diff(seconds)
    positive_gaps = gaps[gaps > 0]
    fps = 1 / float(np.median(positive_gaps)) if len(positive_gaps) else _FPS_RANGE[0]
    return Fraction(min(max(fps, _FPS_RANGE[0]), _FPS_RANGE[1])).limit_denominator(100)


def write_mp4(frames: Pictures, fps: Fraction, path: Path) -> Path:
    """Write H.264 that every player takes, whole or not at all; short clips are repeated."""
    import av

    repeats = max(1, round(_MIN_SECONDS * float(fps) / len(frames)))
    with (
        atomic_write(path) as partial,
        av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=fps, options={"crf": "16"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(repeats * len(frames)):
            frame = av.VideoFrame.from_ndarray(frames[number % len(frames)], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_gif(frames: Pictures, fps: Fraction, path: Path) -> Path:
    """Write an endless GIF, whole or not at all, in colours that all its frames share."""
    palette = Image.fromarray(np.concatenate(frames)).quantize(256, Image.Quantize.MEDIANCUT)
    first, *rest = _quantize(frames, palette)
    with atomic_write(path) as partial:
        first.save(
            partial,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=round(1000 / fps),
            loop=0,
            optimize=False,
        )
    return path


def _quantize(frames: Pictures, palette: Image.Image) -> Iterator[Image.Image]:
    for picture in frames:
        yield Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _compute_layout(
    clip: ReconstructedClip, inner: int, picture_height: int
) -> tuple[int, int, list[str]]:
    """Where the panels begin, how high the film is, and the lines below."""
    words = (format_statistics(clip), format_decoder(clip))
    notes = [line for sentence in words for line in wrap_text(sentence, inner, _NOTE_STYLE)]
    top = (
        _MARGIN
        + _HEADING_STYLE.line_height
        + _FACTS_STYLE.line_height
        + 8
        + _LABEL_STYLE.line_height
    )
    return top, top + picture_height + _GAP + len(notes) * _NOTE_STYLE.line_height + _MARGIN, notes


def _round_up_to_even(pixels: int) -> int:
    return pixels + pixels % 2
