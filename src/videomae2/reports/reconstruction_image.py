"""Reconstructions drawn: one clip in detail, several clips on one sheet, or a clip as a video.

Axes: frames, height, width, rgb.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.base.files import atomic_write
from videomae2.data.video.writer import write_video
from videomae2.reports.image_canvas import (
    MUTED_TEXT_COLOR,
    ImageCanvas,
    TextStyle,
    ellipsize,
    measure_text,
    round_up_to_even,
    select_frame_numbers,
    wrap_text,
)
from videomae2.reports.reconstruction import (
    LABELS,
    ORACLE_NOTE,
    ROWS,
    Pictures,
    ReconstructedClip,
    RowKind,
    format_decoder,
    format_loss,
    format_statistics,
    format_title,
    render_row,
)
from videomae2.tensors.grid import Cubes

_HEADING, _SUBHEADING = TextStyle(26, bold=True), TextStyle(20, bold=True)
_FACTS = TextStyle(17, color=MUTED_TEXT_COLOR)
_LABEL = TextStyle(17, bold=True)
_TIME = TextStyle(14, color=MUTED_TEXT_COLOR)
_NOTE = TextStyle(15, color=MUTED_TEXT_COLOR)
_MARGIN, _GAP, _LABEL_GAP, _BLOCK_GAP = 32, 6, 18, 36
_FRAME_WIDTH, _GRID_FRAME_WIDTH = 176, 120  # about as wide as a frame should be

_VIDEO_HEADING, _VIDEO_FACTS = TextStyle(20, bold=True), TextStyle(14, color=MUTED_TEXT_COLOR)
_VIDEO_LABEL, _VIDEO_NOTE = TextStyle(15, bold=True), TextStyle(12, color=MUTED_TEXT_COLOR)
_VIDEO_MARGIN, _VIDEO_GAP = 20, 10
_VIDEO_FRAME_WIDTH = 224
_FPS_RANGE = (2.0, 25.0)  # frames per second: slower or faster ones are hard to look at
_DEFAULT_FPS = 25.0  # a guess, for looking at videos that do not say how fast they are
_MIN_SECONDS = 4.0  # a shorter clip is repeated
_VIDEO_CRF = 16


def write_clip_image(clip: ReconstructedClip, path: Path, *, num_frames: int = 8) -> Path:
    """Write a picture of one clip: four rows, and every fact that a reader needs."""
    block = _Block(clip.cubes, ROWS, num_frames, _FRAME_WIDTH)
    facts = f"{format_title(clip)}   ·   {format_loss(clip)}"
    return _write_sheet(
        [clip], block, path, (clip.video, facts), columns=1, gaps=(12, 14), has_names=False
    )


def write_image_grid(
    clips: Sequence[ReconstructedClip],
    path: Path,
    *,
    title: str,
    num_frames: int = 6,
    columns: int = 2,
) -> Path:
    """Write one picture of one or more clips of a size that the same model rebuilt."""
    rows: list[RowKind] = ["original", "hidden", "reconstructed"]
    rows += [] if clips[0].oracle_stats is None else ["oracle_stats"]
    block = _Block(clips[0].cubes, rows, num_frames, _GRID_FRAME_WIDTH)
    heading = title, format_title(clips[0])
    return _write_sheet(clips, block, path, heading, columns=columns, gaps=(20, 18), has_names=True)


def _write_sheet(
    clips: Sequence[ReconstructedClip],
    block: "_Block",
    path: Path,
    heading: tuple[str, str],
    *,
    columns: int,
    gaps: tuple[int, int],
    has_names: bool,
) -> Path:
    """A heading, the clips in columns, and notes; ``gaps`` are below the first, above the last."""
    columns = min(columns, len(clips))
    inner = columns * (block.width + _BLOCK_GAP) - _BLOCK_GAP
    notes = _wrap_notes(clips, inner, _NOTE, has_oracle="oracle_stats" in block.rows)
    head = _HEADING.line_height + _FACTS.line_height + gaps[0]
    clip_head = _SUBHEADING.line_height + _FACTS.line_height + 4 if has_names else 0
    step = clip_head + block.height + _BLOCK_GAP
    foot = gaps[1] + len(notes) * _NOTE.line_height
    height = 2 * _MARGIN + head + -(-len(clips) // columns) * step - _BLOCK_GAP + foot
    canvas = ImageCanvas(inner + 2 * _MARGIN, height)
    canvas.draw_text(_MARGIN, _MARGIN, ellipsize(heading[0], inner, _HEADING), _HEADING)
    canvas.draw_text(_MARGIN, _MARGIN + _HEADING.line_height, heading[1], _FACTS)
    for number, clip in enumerate(clips):
        x = _MARGIN + number % columns * (block.width + _BLOCK_GAP)
        y = _MARGIN + head + number // columns * step
        if has_names:
            name = ellipsize(clip.video, block.width, _SUBHEADING)
            canvas.draw_text(x, y, name, _SUBHEADING)
            canvas.draw_text(x, y + _SUBHEADING.line_height, format_loss(clip), _FACTS)
        block.draw(canvas, x, y + clip_head, clip)
    canvas.draw_lines(_MARGIN, height - _MARGIN - foot + gaps[1], notes, _NOTE)
    return canvas.write_png(path)


def write_clip_video(clip: ReconstructedClip, path: Path) -> Path:
    """Write H.264 that every player takes, whole or not at all; short clips are repeated."""
    return write_film(compose_video(clip), clip.indices, clip.seconds, path)


def write_film(
    frames: Pictures,
    indices: Int64[np.ndarray, " frames"],
    seconds: Float64[np.ndarray, " frames"] | None,
    path: Path,
) -> Path:
    """Write composed frames, shown when those of the video are; short films are repeated."""
    fps = compute_fps(indices, seconds)
    repeats = max(1, round(_MIN_SECONDS * float(fps) / len(frames)))
    repeated = (frames[number % len(frames)] for number in range(repeats * len(frames)))
    with atomic_write(path) as partial:
        write_video(partial, repeated, rate=fps, crf=_VIDEO_CRF, faststart=True)
    return path


def compose_video(clip: ReconstructedClip) -> Pictures:
    """Compose every frame of the video: the rows side by side, in the video's own time."""
    cubes = clip.cubes
    scale = max(1, round(_VIDEO_FRAME_WIDTH / cubes.width))
    step = cubes.width * scale + _VIDEO_GAP
    inner = len(ROWS) * step - _VIDEO_GAP
    notes = _wrap_notes([clip], inner, _VIDEO_NOTE)
    head = _VIDEO_HEADING.line_height + _VIDEO_FACTS.line_height + 8 + _VIDEO_LABEL.line_height
    top = _VIDEO_MARGIN + head
    bottom = top + cubes.height * scale + _VIDEO_GAP
    height = bottom + len(notes) * _VIDEO_NOTE.line_height + _VIDEO_MARGIN
    width = inner + 2 * _VIDEO_MARGIN
    canvas = ImageCanvas(round_up_to_even(width), round_up_to_even(height))
    facts = f"{format_title(clip)}   ·   {format_loss(clip)}"
    y = _VIDEO_MARGIN
    for text, style in ((clip.video, _VIDEO_HEADING), (facts, _VIDEO_FACTS)):
        canvas.draw_text(_VIDEO_MARGIN, y, ellipsize(text, inner, style), style)
        y += style.line_height
    lefts = [_VIDEO_MARGIN + number * step for number in range(len(ROWS))]
    for left, row in zip(lefts, ROWS, strict=True):
        canvas.draw_text(left, top - _VIDEO_LABEL.line_height, LABELS[row][0], _VIDEO_LABEL)
    canvas.draw_lines(_VIDEO_MARGIN, bottom, notes, _VIDEO_NOTE)
    frames = np.repeat(canvas.pixels[None], cubes.frames, axis=0)
    for left, row in zip(lefts, ROWS, strict=True):
        pictures = render_row(clip, row, range(cubes.frames), scale=scale)
        frames[:, top : top + pictures.shape[1], left : left + pictures.shape[2]] = pictures
    return frames


def compute_fps(
    indices: Int64[np.ndarray, " frames"], seconds: Float64[np.ndarray, " frames"] | None
) -> Fraction:
    """Frames per second at which the video runs as fast as the original, within limits."""
    seconds = indices / _DEFAULT_FPS if seconds is None else seconds
    gaps = np.diff(seconds)
    positive_gaps = gaps[gaps > 0]
    fps = 1 / float(np.median(positive_gaps)) if len(positive_gaps) else _FPS_RANGE[0]
    return Fraction(min(max(fps, _FPS_RANGE[0]), _FPS_RANGE[1])).limit_denominator(100)


class _Block:
    """The rows of one clip, with labels at the left and times below."""

    def __init__(
        self, cubes: Cubes, rows: Sequence[RowKind], num_frames: int, frame_width: int
    ) -> None:
        styles = _LABEL, _TIME
        widths = [
            measure_text(text, style)
            for row in rows
            for text, style in zip(LABELS[row], styles, strict=True)
        ]
        self.rows, self._label_width = rows, _LABEL_GAP + max(widths)
        self._frames = select_frame_numbers(num_frames, cubes.frames)
        self._scale = max(1, round(frame_width / cubes.width))
        self._frame_width = cubes.width * self._scale
        self._frame_height = cubes.height * self._scale
        self.width = self._label_width + len(self._frames) * (self._frame_width + _GAP) - _GAP
        self.height = len(rows) * (self._frame_height + _GAP) + _TIME.line_height

    def draw(self, canvas: ImageCanvas, x: int, y: int, clip: ReconstructedClip) -> None:
        lefts = [
            x + self._label_width + number * (self._frame_width + _GAP)
            for number in range(len(self._frames))
        ]
        for row in self.rows:
            middle = y + self._frame_height // 2
            title, subtitle = LABELS[row]
            canvas.draw_text(x, middle - 2, title, _LABEL, anchor="ls")
            canvas.draw_text(x, middle + 6, subtitle, _TIME, anchor="la")
            pictures = render_row(clip, row, self._frames, scale=self._scale)
            for left, picture in zip(lefts, pictures, strict=True):
                canvas.paste(left, y, picture)
            y += self._frame_height + _GAP
        for left, frame in zip(lefts, self._frames, strict=True):
            moment = clip.format_moment(frame)
            canvas.draw_text(left + self._frame_width // 2, y, moment, _TIME, anchor="ma")


def _wrap_notes(
    clips: Sequence[ReconstructedClip], width: int, style: TextStyle, *, has_oracle: bool = False
) -> list[str]:
    """What holds for the clips, each sentence once, in lines that fit."""
    oracle = [ORACLE_NOTE] if has_oracle else []
    texts = [(format_statistics(clip), *oracle, format_decoder(clip)) for clip in clips]
    unique = dict.fromkeys(text for part in texts for text in part)
    return [line for text in unique for line in wrap_text(text, width, style)]
