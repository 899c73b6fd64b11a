"""A reconstruction as a film: the panels side by side, in the video's own time, as mp4 and GIF."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from videomae2.jobs.lettering import FAINT_INK, Page, Style, shortened, wrapped
from videomae2.jobs.panels import (
    ROWS,
    TITLES,
    Pictures,
    Reconstruction,
    decoder_words,
    loss_words,
    panel,
    statistics_words,
    title_words,
)
from videomae2.jobs.whole_files import written_whole

_HEADING = Style(20, bold=True)
_FACTS = Style(14, color=FAINT_INK)
_LABEL = Style(15, bold=True)
_NOTE = Style(12, color=FAINT_INK)

_MARGIN, _GAP = 20, 10
_PANEL_PIXELS = 224
_RATES = (2.0, 25.0)  # frames per second: slower or faster ones are hard to look at
_USUAL_RATE = 25.0  # a guess, for looking at videos that do not say how fast they are
_FILM_SECONDS = 4.0  # an mp4 repeats a shorter clip; a GIF repeats by itself


def film_frames(shown: Reconstruction) -> Pictures:
    """Compose every frame of the film; its sides are even, as video codecs want."""
    cubes = shown.cubes
    scale = max(1, round(_PANEL_PIXELS / cubes.width))
    panels = [panel(shown, row, range(cubes.frames), scale=scale) for row in ROWS]
    step = cubes.width * scale + _GAP
    inner = len(ROWS) * step - _GAP
    top, height, notes = _layout(shown, inner, cubes.height * scale)
    page = Page(_even(inner + 2 * _MARGIN), _even(height))
    page.text(_MARGIN, _MARGIN, shortened(shown.video, inner, _HEADING), _HEADING)
    facts = f"{title_words(shown)}   ·   {loss_words(shown)}"
    page.text(_MARGIN, _MARGIN + _HEADING.line_height, shortened(facts, inner, _FACTS), _FACTS)
    for number, row in enumerate(ROWS):
        page.text(_MARGIN + number * step, top - _LABEL.line_height, TITLES[row], _LABEL)
    page.lines(_MARGIN, top + cubes.height * scale + _GAP, notes, _NOTE)
    film = np.repeat(np.asarray(page.image)[None], cubes.frames, axis=0)
    for number, pictures in enumerate(panels):
        left = _MARGIN + number * step
        film[:, top : top + pictures.shape[1], left : left + pictures.shape[2]] = pictures
    return film


def film_rate(shown: Reconstruction) -> Fraction:
    """Frames per second at which the film runs as fast as the video, within limits."""
    seconds = shown.indices / _USUAL_RATE if shown.seconds is None else shown.seconds
    gaps = np.diff(seconds)
    moving = gaps[gaps > 0]
    rate = 1 / float(np.median(moving)) if len(moving) else _RATES[0]
    return Fraction(min(max(rate, _RATES[0]), _RATES[1])).limit_denominator(100)


def write_mp4(film: Pictures, rate: Fraction, path: Path) -> Path:
    """Write H.264 that every player takes, whole or not at all; short clips are repeated."""
    import av

    times = max(1, round(_FILM_SECONDS * float(rate) / len(film)))
    with (
        written_whole(path) as partial,
        av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as box,
    ):
        stream = box.add_stream("libx264", rate=rate, options={"crf": "16"})
        stream.height, stream.width = film.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(times * len(film)):
            frame = av.VideoFrame.from_ndarray(film[number % len(film)], format="rgb24")
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return path


def write_gif(film: Pictures, rate: Fraction, path: Path) -> Path:
    """Write an endless GIF, whole or not at all, in colours that all its frames share."""
    palette = Image.fromarray(np.concatenate(film)).quantize(256, Image.Quantize.MEDIANCUT)
    first, *rest = _indexed(film, palette)
    with written_whole(path) as partial:
        first.save(
            partial,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=round(1000 / rate),
            loop=0,
            optimize=False,
        )
    return path


def _indexed(film: Pictures, palette: Image.Image) -> Iterator[Image.Image]:
    for picture in film:
        yield Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _layout(shown: Reconstruction, inner: int, picture_height: int) -> tuple[int, int, list[str]]:
    """Where the panels begin, how high the film is, and the lines below."""
    words = (statistics_words(shown), decoder_words(shown))
    notes = [line for sentence in words for line in wrapped(sentence, inner, _NOTE)]
    top = _MARGIN + _HEADING.line_height + _FACTS.line_height + 8 + _LABEL.line_height
    return top, top + picture_height + _GAP + len(notes) * _NOTE.line_height + _MARGIN, notes


def _even(pixels: int) -> int:
    return pixels + pixels % 2
