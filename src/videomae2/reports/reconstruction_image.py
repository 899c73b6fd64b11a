"""Reconstructions as still pictures: one clip in detail, or several clips on one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from videomae2.base.files import atomic_write
from videomae2.reports.reconstruction import (
    ROWS,
    SUBTITLES,
    TITLES,
    ReconstructedClip,
    RowKind,
    format_decoder,
    format_loss,
    format_oracle_note,
    format_statistics,
    format_title,
    render_row,
    select_frame_numbers,
)
from videomae2.reports.text_layout import (
    MUTED_TEXT_COLOR,
    ImageCanvas,
    TextStyle,
    ellipsize,
    measure_text,
    wrap_text,
)

_HEADING_STYLE = TextStyle(26, bold=True)


_SUBHEADING_STYLE = TextStyle(20, bold=True)


_FACTS_STYLE = TextStyle(17, color=MUTED_TEXT_COLOR)


_LABEL_STYLE = TextStyle(17, bold=True)


_TIME_STYLE = TextStyle(14, color=MUTED_TEXT_COLOR)


_NOTE_STYLE = TextStyle(15, color=MUTED_TEXT_COLOR)


_MARGIN, _GAP, _LABEL_GAP, _BLOCK_GAP = 32, 6, 18, 36


_PICTURE_PIXELS = 176  # about as wide as a frame should be


_SHEET_PICTURE_PIXELS = 120


def write_clip_image(clip: ReconstructedClip, path: Path, *, num_frames: int = 8) -> Path:
    """Write a picture of one clip: four rows, and every fact that a reader needs."""
    block = _Block.from_clips([clip], ROWS, num_frames, _PICTURE_PIXELS)
    width = block.width + 2 * _MARGIN
    notes = _build_notes([clip], width - 2 * _MARGIN, ROWS)
    head = _HEADING_STYLE.line_height + _FACTS_STYLE.line_height + 12
    foot = 14 + len(notes) * _NOTE_STYLE.line_height
    canvas = ImageCanvas(width, 2 * _MARGIN + head + block.height + foot)
    y = _MARGIN
    canvas.draw_text(_MARGIN, y, ellipsize(clip.video, block.width, _HEADING_STYLE), _HEADING_STYLE)
    y += _HEADING_STYLE.line_height
    canvas.draw_text(_MARGIN, y, f"{format_title(clip)}   ·   {format_loss(clip)}", _FACTS_STYLE)
    y += _FACTS_STYLE.line_height + 12
    block.draw(canvas, _MARGIN, y, clip)
    canvas.draw_lines(_MARGIN, y + block.height + 14, notes, _NOTE_STYLE)
    return write_png(canvas.image, path)


def write_image_grid(
    clips: Sequence[ReconstructedClip],
    path: Path,
    *,
    title: str,
    rows: Sequence[RowKind] = ("original", "hidden", "reconstructed", "oracle_stats"),
    num_frames: int = 6,
    columns: int = 2,
) -> Path:
    """Write one picture of several clips that the same model rebuilt.

    Args:
        clips: At least one, all of the same size.
        path: The PNG to write.
        title: Its first line.
        rows: What to show of each clip; "oracle_stats" is left out where models predict pixels.
        num_frames: Frames of each clip.
        columns: Clips beside each other.
    """
    rows = [row for row in rows if row != "oracle_stats" or clips[0].oracle_stats is not None]
    block = _Block.from_clips(clips, rows, num_frames, _SHEET_PICTURE_PIXELS)
    columns = min(columns, len(clips))
    inner = columns * block.width + (columns - 1) * _BLOCK_GAP
    notes = _build_notes(clips, inner, rows)
    head = _HEADING_STYLE.line_height + _FACTS_STYLE.line_height + 20
    block_height = (
        _SUBHEADING_STYLE.line_height + _FACTS_STYLE.line_height + 4 + block.height + _BLOCK_GAP
    )
    num_rows = -(-len(clips) // columns)
    height = (
        2 * _MARGIN
        + head
        + num_rows * block_height
        - _BLOCK_GAP
        + 18
        + len(notes) * _NOTE_STYLE.line_height
    )
    canvas = ImageCanvas(inner + 2 * _MARGIN, height)
    canvas.draw_text(_MARGIN, _MARGIN, ellipsize(title, inner, _HEADING_STYLE), _HEADING_STYLE)
    canvas.draw_text(
        _MARGIN, _MARGIN + _HEADING_STYLE.line_height, format_title(clips[0]), _FACTS_STYLE
    )
    for number, clip in enumerate(clips):
        x = _MARGIN + number % columns * (block.width + _BLOCK_GAP)
        y = _MARGIN + head + number // columns * block_height
        canvas.draw_text(
            x, y, ellipsize(clip.video, block.width, _SUBHEADING_STYLE), _SUBHEADING_STYLE
        )
        y += _SUBHEADING_STYLE.line_height
        canvas.draw_text(x, y, format_loss(clip), _FACTS_STYLE)
        block.draw(canvas, x, y + _FACTS_STYLE.line_height + 4, clip)
    canvas.draw_lines(
        _MARGIN, height - _MARGIN - len(notes) * _NOTE_STYLE.line_height, notes, _NOTE_STYLE
    )
    return write_png(canvas.image, path)


def write_png(image: Image.Image, path: Path) -> Path:
    """Write a PNG whole or not at all."""
    with atomic_write(path) as partial:
        image.save(partial, format="PNG", optimize=True)
    return path


@dataclass(frozen=True, slots=True)
class _Block:
    """The rows of one clip, with labels at the left and times below."""

    rows: Sequence[RowKind]
    frames: list[int]
    scale: int
    label_width: int
    frame_width: int
    frame_height: int

    @classmethod
    def from_clips(
        cls,
        clips: Sequence[ReconstructedClip],
        rows: Sequence[RowKind],
        num_frames: int,
        target_width: int,
    ) -> "_Block":
        cubes = clips[0].cubes
        scale = max(1, round(target_width / cubes.width))
        return cls(
            rows=rows,
            frames=select_frame_numbers(num_frames, cubes.frames),
            scale=scale,
            label_width=_LABEL_GAP
            + max(
                max(
                    measure_text(TITLES[row], _LABEL_STYLE),
                    measure_text(SUBTITLES[row], _TIME_STYLE),
                )
                for row in rows
            ),
            frame_width=cubes.width * scale,
            frame_height=cubes.height * scale,
        )

    @property
    def width(self) -> int:
        return self.label_width + len(self.frames) * (self.frame_width + _GAP) - _GAP

    @property
    def height(self) -> int:
        return len(self.rows) * (self.frame_height + _GAP) + _TIME_STYLE.line_height

    def draw(self, canvas: ImageCanvas, x: int, y: int, clip: ReconstructedClip) -> None:
        for row in self.rows:
            middle = y + self.frame_height // 2
            canvas.draw_text(x, middle - 2, TITLES[row], _LABEL_STYLE, anchor="ls")
            canvas.draw_text(x, middle + 6, SUBTITLES[row], _TIME_STYLE, anchor="la")
            pictures = render_row(clip, row, self.frames, scale=self.scale)
            for number, picture in enumerate(pictures):
                left = x + self.label_width + number * (self.frame_width + _GAP)
                canvas.image.paste(Image.fromarray(picture), (left, y))
            y += self.frame_height + _GAP
        for number, frame in enumerate(self.frames):
            middle = x + self.label_width + number * (self.frame_width + _GAP)
            middle += self.frame_width // 2
            canvas.draw_text(middle, y, clip.format_moment(frame), _TIME_STYLE, anchor="ma")


def _build_notes(
    clips: Sequence[ReconstructedClip], width: int, rows: Sequence[RowKind]
) -> list[str]:
    """What holds for all clips, each sentence once."""
    sentences = dict.fromkeys(
        words
        for shown in clips
        for words in (
            format_statistics(shown),
            *([format_oracle_note()] if "oracle_stats" in rows else []),
            format_decoder(shown),
        )
    )
    return [line for words in sentences for line in wrap_text(words, width, _NOTE_STYLE)]
