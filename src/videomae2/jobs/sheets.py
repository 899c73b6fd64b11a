"""Reconstructions as still pictures: one clip in detail, or several clips on one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from videomae2.jobs.lettering import FAINT_INK, Page, Style, shortened, text_width, wrapped
from videomae2.jobs.panels import (
    ROWS,
    SUBTITLES,
    TITLES,
    Reconstruction,
    Row,
    decoder_words,
    frames_to_show,
    loss_words,
    panel,
    statistics_words,
    title_words,
    told_words,
)
from videomae2.jobs.whole_files import written_whole

_HEADING = Style(26, bold=True)
_SUBHEADING = Style(20, bold=True)
_FACTS = Style(17, color=FAINT_INK)
_LABEL = Style(17, bold=True)
_TIME = Style(14, color=FAINT_INK)
_NOTE = Style(15, color=FAINT_INK)

_MARGIN, _GAP, _LABEL_GAP, _BLOCK_GAP = 32, 6, 18, 36
_PICTURE_PIXELS = 176  # about as wide as a frame should be
_SHEET_PICTURE_PIXELS = 120


def reconstruction_picture(shown: Reconstruction, path: Path, *, frames_shown: int = 8) -> Path:
    """Write a picture of one clip: four rows, and every fact that a reader needs."""
    block = _Block.of([shown], ROWS, frames_shown, _PICTURE_PIXELS)
    width = block.width + 2 * _MARGIN
    notes = _notes([shown], width - 2 * _MARGIN, ROWS)
    head = _HEADING.line_height + _FACTS.line_height + 12
    foot = 14 + len(notes) * _NOTE.line_height
    page = Page(width, 2 * _MARGIN + head + block.height + foot)
    y = _MARGIN
    page.text(_MARGIN, y, shortened(shown.video, block.width, _HEADING), _HEADING)
    y += _HEADING.line_height
    page.text(_MARGIN, y, f"{title_words(shown)}   ·   {loss_words(shown)}", _FACTS)
    y += _FACTS.line_height + 12
    block.draw(page, _MARGIN, y, shown)
    page.lines(_MARGIN, y + block.height + 14, notes, _NOTE)
    return write_picture(page.image, path)


def reconstruction_sheet(
    clips: Sequence[Reconstruction],
    path: Path,
    *,
    title: str,
    rows: Sequence[Row] = ("original", "hidden", "rebuilt", "told"),
    frames_shown: int = 6,
    columns: int = 2,
) -> Path:
    """Write one picture of several clips that the same model rebuilt.

    Args:
        clips: At least one, all of the same size.
        path: The PNG to write.
        title: Its first line.
        rows: What to show of each clip; "told" is left out where the models predict plain pixels.
        frames_shown: Frames of each clip.
        columns: Clips beside each other.
    """
    rows = [row for row in rows if row != "told" or clips[0].told is not None]
    block = _Block.of(clips, rows, frames_shown, _SHEET_PICTURE_PIXELS)
    columns = min(columns, len(clips))
    inner = columns * block.width + (columns - 1) * _BLOCK_GAP
    notes = _notes(clips, inner, rows)
    head = _HEADING.line_height + _FACTS.line_height + 20
    each = _SUBHEADING.line_height + _FACTS.line_height + 4 + block.height + _BLOCK_GAP
    deep = -(-len(clips) // columns)
    height = 2 * _MARGIN + head + deep * each - _BLOCK_GAP + 18 + len(notes) * _NOTE.line_height
    page = Page(inner + 2 * _MARGIN, height)
    page.text(_MARGIN, _MARGIN, shortened(title, inner, _HEADING), _HEADING)
    page.text(_MARGIN, _MARGIN + _HEADING.line_height, title_words(clips[0]), _FACTS)
    for number, shown in enumerate(clips):
        x = _MARGIN + number % columns * (block.width + _BLOCK_GAP)
        y = _MARGIN + head + number // columns * each
        page.text(x, y, shortened(shown.video, block.width, _SUBHEADING), _SUBHEADING)
        y += _SUBHEADING.line_height
        page.text(x, y, loss_words(shown), _FACTS)
        block.draw(page, x, y + _FACTS.line_height + 4, shown)
    page.lines(_MARGIN, height - _MARGIN - len(notes) * _NOTE.line_height, notes, _NOTE)
    return write_picture(page.image, path)


def write_picture(image: Image.Image, path: Path) -> Path:
    """Write a PNG whole or not at all."""
    with written_whole(path) as partial:
        image.save(partial, format="PNG", optimize=True)
    return path


@dataclass(frozen=True, slots=True)
class _Block:
    """The rows of one clip, with labels at the left and times below."""

    rows: Sequence[Row]
    frames: list[int]
    scale: int
    label_width: int
    frame_width: int
    frame_height: int

    @classmethod
    def of(
        cls,
        clips: Sequence[Reconstruction],
        rows: Sequence[Row],
        frames_shown: int,
        wanted_pixels: int,
    ) -> "_Block":
        cubes = clips[0].cubes
        scale = max(1, round(wanted_pixels / cubes.width))
        return cls(
            rows=rows,
            frames=frames_to_show(frames_shown, cubes.frames),
            scale=scale,
            label_width=_LABEL_GAP
            + max(
                max(text_width(TITLES[row], _LABEL), text_width(SUBTITLES[row], _TIME))
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
        return len(self.rows) * (self.frame_height + _GAP) + _TIME.line_height

    def draw(self, page: Page, x: int, y: int, shown: Reconstruction) -> None:
        for row in self.rows:
            middle = y + self.frame_height // 2
            page.text(x, middle - 2, TITLES[row], _LABEL, anchor="ls")
            page.text(x, middle + 6, SUBTITLES[row], _TIME, anchor="la")
            pictures = panel(shown, row, self.frames, scale=self.scale)
            for number, picture in enumerate(pictures):
                left = x + self.label_width + number * (self.frame_width + _GAP)
                page.image.paste(Image.fromarray(picture), (left, y))
            y += self.frame_height + _GAP
        for number, frame in enumerate(self.frames):
            middle = x + self.label_width + number * (self.frame_width + _GAP)
            middle += self.frame_width // 2
            page.text(middle, y, shown.moment(frame), _TIME, anchor="ma")


def _notes(clips: Sequence[Reconstruction], width: int, rows: Sequence[Row]) -> list[str]:
    """What holds for all clips, each sentence once."""
    said = dict.fromkeys(
        words
        for shown in clips
        for words in (
            statistics_words(shown),
            *([told_words()] if "told" in rows else []),
            decoder_words(shown),
        )
    )
    return [line for words in said for line in wrapped(words, width, _NOTE)]
