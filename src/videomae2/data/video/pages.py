"""Read the pages of a TIFF file as the frames of a video, as microscopes write them.

Axes: frames, height, width, channels.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.data.video.images import ImageArray, convert_image, open_image, stack_images
from videomae2.data.video.reader import (
    Frames,
    Pixels,
    Reader,
    ReadLimits,
    check_indices,
    compute_even_seconds,
)
from videomae2.errors import VideoError

PAGED_EXTENSIONS = frozenset({"tif", "tiff"})


def count_pages(path: Path | str) -> int:
    """How many pages an image has; one where it cannot be read, which reading will say."""
    try:
        with open_image(Path(path), ReadLimits()) as image:
            return int(getattr(image, "n_frames", 1))
    except VideoError:
        return 1


class PagedImage(Reader):
    """A `Reader` of one TIFF file."""

    def __init__(
        self, path: Path | str, *, pixels: Pixels, limits: ReadLimits, frame_rate: float | None,
        bits: int,
    ) -> None:  # fmt: skip
        self._path, self._pixels, self._limits, self._bits = Path(path), pixels, limits, bits
        with open_image(self._path, limits) as image:
            self.num_frames = int(getattr(image, "n_frames", 1))
        if self.num_frames > limits.max_frames:
            raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        with open_image(self._path, self._limits) as image:

            def load(index: int) -> ImageArray:
                image.seek(index)
                short_side = self._limits.max_short_side
                return convert_image(image, self._path, self._pixels, short_side, self._bits)

            pages = range(self.num_frames)
            return stack_images(
                self._path, [f"page {n}" for n in pages], indices, self._limits, load
            )
