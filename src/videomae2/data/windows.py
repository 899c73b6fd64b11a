"""A window of a reader: some consecutive frames of it, counted from 0 again."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.data.readers import Frames, Reader, Seconds, check_indices, check_window
from videomae2.errors import VideoError


class Window:
    """Some consecutive frames of a reader, as a reader."""

    def __init__(self, whole: Reader, first: int, count: int, path: Path | str) -> None:
        self._whole, self._first, self._path = whole, first, path
        self.num_frames = count
        seconds = whole.seconds
        self.seconds: Seconds | None = None
        if seconds is not None:
            self.seconds = seconds[first : first + count] - seconds[first]

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        return self._whole.read([self._first + index for index in indices])

    def close(self) -> None:
        self._whole.close()

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def cut(whole: Reader, path: Path | str, first: int, frames: int | None) -> Reader:
    """Give a window of a reader, which is closed with it.

    Raises:
        VideoError: If the window reaches beyond the video or is empty.
    """
    try:
        count = check_window(path, first, frames, whole.num_frames)
    except VideoError:
        whole.close()
        raise
    return Window(whole, first, count, path)
