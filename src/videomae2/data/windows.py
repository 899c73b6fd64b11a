"""A window of a reader: some consecutive frames of it, counted from 0 again."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.data.readers import Frames, Reader, Seconds, check_indices, check_window
from videomae2.errors import VideoError


class TrimmedReader:
    """Some consecutive frames of a reader, as a reader."""

    def __init__(self, reader: Reader, first: int, count: int, path: Path | str) -> None:
        self._reader, self._first, self._path = reader, first, path
        self.num_frames = count
        seconds = reader.seconds
        self.seconds: Seconds | None = None
        if seconds is not None:
            self.seconds = seconds[first : first + count] - seconds[first]

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        return self._reader.read([self._first + index for index in indices])

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> "TrimmedReader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def trim_reader(reader: Reader, path: Path | str, first: int, frames: int | None) -> Reader:
    """Give a window of a reader, which is closed with it.

    Raises:
        VideoError: If the window reaches beyond the video or is empty.
    """
    try:
        count = check_window(path, first, frames, reader.num_frames)
    except VideoError:
        reader.close()
        raise
    return TrimmedReader(reader, first, count, path)
