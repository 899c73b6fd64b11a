"""Where a model looks in a clip, as a picture and a film: frames under maps of heat.

Axes: frames, height, width, rgb; tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, UInt8

from videomae2.reports.image_canvas import (
    MUTED_TEXT_COLOR,
    ImageCanvas,
    TextStyle,
    ellipsize,
    enlarge,
    measure_text,
    round_up_to_even,
    select_frame_numbers,
    to_rgb,
)
from videomae2.reports.reconstruction import Pictures
from videomae2.reports.reconstruction_image import write_film
from videomae2.tensors.grid import Cubes, join

_HEADING, _FACTS = TextStyle(20, bold=True), TextStyle(14, color=MUTED_TEXT_COLOR)
_LABEL, _TIME = TextStyle(15, bold=True), TextStyle(13, color=MUTED_TEXT_COLOR)
_MARGIN, _GAP = 20, 6
_PICTURE_WIDTH, _FILM_WIDTH = 144, 224  # about as wide as a frame should be
_GREY_SHARE, _HEAT_SHARE = 0.55, 0.75
_TOP_PERCENTILE = 99.5  # of a map; what is above looks alike


@dataclass(frozen=True, kw_only=True, slots=True)
class AttendedClip:
    """A clip as the model saw it, and the share of each cube in two maps."""

    video: str
    model: str
    score: str
    """What the gradients are of, in words."""
    cubes: Cubes
    indices: Int64[np.ndarray, " frames"]
    """Number of each frame in the video, from 0."""
    seconds: Float64[np.ndarray, " frames"] | None
    """When each frame is shown in the video; None if the video has no clock."""
    pixels: UInt8[np.ndarray, "frames height width channels"]
    rollout: Float32[np.ndarray, " tokens"]
    """Attention rollout: sums to 1."""
    saliency: Float32[np.ndarray, " tokens"]
    """Integrated gradients: sums to 1."""


def write_attention_image(clip: AttendedClip, path: Path, *, num_frames: int) -> Path:
    """Write a picture: some frames, and below them both maps."""
    numbers = select_frame_numbers(num_frames, clip.cubes.frames)
    scale = max(1, round(_PICTURE_WIDTH / clip.cubes.width))
    rows = _render_rows(clip, numbers, scale)
    label_width = 14 + max(measure_text(label, _LABEL) for label, _ in rows)
    width, height = clip.cubes.width * scale + _GAP, clip.cubes.height * scale + _GAP
    top = _MARGIN + _HEADING.line_height + 2 * _FACTS.line_height
    inner = label_width + len(numbers) * width - _GAP
    canvas_height = top + len(rows) * height + _TIME.line_height + _MARGIN
    canvas = ImageCanvas(inner + 2 * _MARGIN, canvas_height)
    _draw_head(canvas, clip, inner)
    for row, (label, pictures) in enumerate(rows):
        middle = top + row * height + height // 2
        canvas.draw_text(_MARGIN, middle, label, _LABEL, anchor="lm")
        for column, picture in enumerate(pictures):
            canvas.paste(_MARGIN + label_width + column * width, top + row * height, picture)
    for column, number in enumerate(numbers):
        x = _MARGIN + label_width + column * width + (width - _GAP) // 2
        canvas.draw_text(
            x, top + len(rows) * height, _format_moment(clip, number), _TIME, anchor="ma"
        )
    return canvas.write_png(path)


def write_attention_film(clip: AttendedClip, path: Path) -> Path:
    """Write a film: the clip and both maps side by side."""
    scale = max(1, round(_FILM_WIDTH / clip.cubes.width))
    rows = _render_rows(clip, range(clip.cubes.frames), scale)
    width, height = clip.cubes.width * scale + 2 * _GAP, clip.cubes.height * scale
    top = _MARGIN + _HEADING.line_height + 2 * _FACTS.line_height + _LABEL.line_height
    inner = len(rows) * width - 2 * _GAP
    canvas = ImageCanvas(
        round_up_to_even(inner + 2 * _MARGIN), round_up_to_even(top + height + _MARGIN)
    )
    _draw_head(canvas, clip, inner)
    for column, (label, _) in enumerate(rows):
        left = _MARGIN + column * width
        canvas.draw_text(left, top - _LABEL.line_height, label, _LABEL)
    frames = np.repeat(canvas.pixels[None], clip.cubes.frames, axis=0)
    for column, (_, pictures) in enumerate(rows):
        left = _MARGIN + column * width
        frames[:, top : top + height, left : left + pictures.shape[2]] = pictures
    return write_film(frames, clip.indices, clip.seconds, path)


def expand_map(
    shares: Float32[np.ndarray, " tokens"], cubes: Cubes
) -> Float32[np.ndarray, "frames height width"]:
    """The share of each cube at each of its pixels."""
    one = Cubes(cubes.frames, cubes.height, cubes.width, cubes.tubelet_size, cubes.patch_size, 1)
    values = torch.from_numpy(shares)[None, :, None].expand(1, -1, one.values)
    return join(values, one)[0, ..., 0].numpy()


def _render_rows(
    clip: AttendedClip, numbers: Sequence[int], scale: int
) -> list[tuple[str, Pictures]]:
    plain = [enlarge(to_rgb(clip.pixels[number]), scale) for number in numbers]
    rows = [("video", np.stack(plain))]
    for label, shares in (("attention", clip.rollout), ("gradients", clip.saliency)):
        heat = expand_map(shares, clip.cubes)
        heat = np.clip(heat / max(np.percentile(heat, _TOP_PERCENTILE), 1e-12), 0, 1)
        pictures = [
            _lay_over(picture, heat[number], scale)
            for picture, number in zip(plain, numbers, strict=True)
        ]
        rows.append((label, np.stack(pictures)))
    return rows


def _lay_over(
    picture: UInt8[np.ndarray, "large_height large_width rgb"],
    heat: Float32[np.ndarray, "height width"],
    scale: int,
) -> UInt8[np.ndarray, "large_height large_width rgb"]:
    """Heat in colour over a frame in dark grey."""
    import matplotlib

    large = heat.repeat(scale, axis=0).repeat(scale, axis=1)
    colors = matplotlib.colormaps["inferno"](large)[..., :3] * 255
    grey = picture.mean(axis=2, keepdims=True)
    return np.clip(_GREY_SHARE * grey + _HEAT_SHARE * colors, 0, 255).astype(np.uint8)


def _draw_head(canvas: ImageCanvas, clip: AttendedClip, width: int) -> None:
    y = _MARGIN
    lines = [(clip.video, _HEADING), (clip.model, _FACTS), (clip.score, _FACTS)]
    for text, style in lines:
        canvas.draw_text(_MARGIN, y, ellipsize(text, width, style), style)
        y += style.line_height


def _format_moment(clip: AttendedClip, frame: int) -> str:
    return (
        f"frame {clip.indices[frame]}" if clip.seconds is None else f"{clip.seconds[frame]:.2f} s"
    )
