"""A reconstruction as a film: the panels side by side, in the video's own time, as mp4 and GIF."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from videomae2.jobs.lettering import MUTED_TEXT_COLOR, ImageCanvas, TextStyle, ellipsize, wrap_text
from videomae2.jobs.panels import (
    ROWS,
    TITLES,
    Pictures,
    ReconstructedClip,
    format_decoder,
    format_loss,
    render_row,
    format_statistics,
    format_title,
)
from videomae2.jobs.whole_files import atomic_write

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
    canvas.draw_text(_MARGIN, _MARGIN + _HEADING_STYLE.line_height, ellipsize(facts, inner, _FACTS_STYLE), _FACTS_STYLE)
    for number, row in enumerate(ROWS):
        canvas.draw_text(_MARGIN + number * step, top - _LABEL_STYLE.line_height, TITLES[row], _LABEL_STYLE)
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


def _compute_layout(clip: ReconstructedClip, inner: int, picture_height: int) -> tuple[int, int, list[str]]:
    """Where the panels begin, how high the film is, and the lines below."""
    words = (format_statistics(clip), format_decoder(clip))
    notes = [line for sentence in words for line in wrap_text(sentence, inner, _NOTE_STYLE)]
    top = _MARGIN + _HEADING_STYLE.line_height + _FACTS_STYLE.line_height + 8 + _LABEL_STYLE.line_height
    return top, top + picture_height + _GAP + len(notes) * _NOTE_STYLE.line_height + _MARGIN, notes


def _round_up_to_even(pixels: int) -> int:
    return pixels + pixels % 2
