"""Scores of finished videos in a file that only grows, so that an evaluation can be interrupted.

One line of JSON per video: who it is, what its file was like, and the scores of all its views as
float32 in base64, to the bit. The file's name says what the scores depend on.

Axes: views; outputs.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from videomae2.base.jsonl import append_block
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Entry
from videomae2.errors import ConfigError
from videomae2.inference.scorer import ViewScores


class ScoreStore:
    """The scores of the videos of one evaluation.

    Args of the constructor:
        path: The file; what is there already is kept, but for a last line that was cut off.
        shape: Views per video, outputs.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        self.path, self._shape = path, shape
        self._index: dict[str, tuple[int, list[int]]] = {}
        """Where the line of a video begins, and the stat values of its file."""
        self._size = self._read_index()

    def has(self, name: str, entry: Entry) -> bool:
        """Whether a video is finished, and its file still the one that was scored."""
        return name in self._index and self._index[name][1] == file_stat(entry.path)

    def add(self, name: str, entry: Entry, scores: ViewScores) -> None:
        """Append a finished video.

        Raises:
            ConfigError: The disk is full or cannot be written; what is there stays whole.
        """
        content = base64.b64encode(np.ascontiguousarray(scores, dtype="<f4").tobytes()).decode()
        stat_values = file_stat(entry.path)
        line = (
            json.dumps({"video": name, "file_stat": stat_values, "scores": content}).encode()
            + b"\n"
        )
        try:
            offset = append_block(self.path, line, whole_bytes=self._size)
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; free some room and start again, "
                f"{len(self._index)} videos are finished"
            ) from error
        self._index[name] = offset, stat_values
        self._size = offset + len(line)

    def read(self, names: Sequence[str]) -> Iterator[ViewScores]:
        """Yield the scores of some videos that it has, in this order.

        Raises:
            ConfigError: Somebody else has changed the file.
        """
        with self.path.open("rb") as file:
            for name in names:
                file.seek(self._index[name][0])
                content = base64.b64decode(self._parse_scores(name, file.readline()))
                yield np.frombuffer(content, dtype="<f4").astype(np.float32).reshape(self._shape)

    def _parse_scores(self, name: str, line: bytes) -> str:
        try:
            entry = json.loads(line)
            if entry["video"] == name:
                return entry["scores"]
        except (ValueError, KeyError, TypeError):
            pass  # as below
        raise ConfigError(
            f"{self.path} was changed by somebody else and has lost the scores of {name}; "
            f"start again: what it lacks is scored again"
        )

    def _read_index(self) -> int:
        """Find the lines that are whole, and give where they end."""
        if not self.path.exists():
            return 0
        size, expected_bytes = 0, 4 * self._shape[0] * self._shape[1]
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                    is_complete = len(base64.b64decode(entry["scores"])) == expected_bytes
                    if is_complete:
                        self._index[entry["video"]] = size, entry["file_stat"]
                except (ValueError, KeyError, TypeError):
                    pass  # damaged: the video is scored again
                size += len(line)
        return size
