"""Score every view of every video of a list: read once, and kept in a file that only grows.

Views of neighbouring videos share batches. Which ones is a function of the list alone, and a video
that cannot be read leaves black views, so scores do not depend on what else went wrong or was
finished before.

The file has one line of JSON per video: who it is, what its file was like, and the scores of all
its views as float32 in base64, to the bit. Its name says what the scores depend on.

Axes: views of a video; outputs.
"""

import base64
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.base.file_kinds import check_regular_file
from videomae2.base.json_files import parse_json
from videomae2.base.jsonl import append_block
from videomae2.base.progress import track
from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.requests import ViewsRequest
from videomae2.data.views.resize import ResizedVideo
from videomae2.errors import ConfigError, Interrupted
from videomae2.inference.classifier import ViewScores, check_finite
from videomae2.inference.scorer import VideoScorer


class ScoreStore:
    """The scores of the videos of one evaluation.

    What its file holds already is kept, but for a last line that was cut off.
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
        values = {"video": name, "file_stat": stat_values, "scores": content}
        line = json.dumps(values).encode() + b"\n"
        try:
            offset = append_block(self.path, line, whole_bytes=self._size)
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; free some room and start again, "
                f"{format_count(len(self._index), 'video')} finished"
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
                parsed = _parse_line(file.readline())
                if parsed is None or parsed[0] != name:
                    raise ConfigError(
                        f"{self.path} was changed by somebody else and has lost the scores of "
                        f"{name}; start again: what it lacks is scored again"
                    )
                yield np.frombuffer(parsed[2], dtype="<f4").astype(np.float32).reshape(self._shape)

    def _read_index(self) -> int:
        """Find the lines that are whole, and give where they end."""
        if not self.path.exists():
            return 0
        check_regular_file(self.path)
        size, expected_bytes = 0, 4 * self._shape[0] * self._shape[1]
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                parsed = _parse_line(line)  # of a damaged line the video is scored again
                if parsed and len(parsed[2]) == expected_bytes and _are_finite(parsed[2]):
                    name, stat_values, _ = parsed
                    self._index[name] = size, stat_values
                size += len(line)
        return size


def _are_finite(scores: bytes) -> bool:
    return bool(np.isfinite(np.frombuffer(scores, "<f4")).all())


def _parse_line(line: bytes) -> tuple[str, list[int], bytes] | None:
    """The video of a line, the stat values of its file, and its scores; None if it is damaged."""
    try:
        values = parse_json(line)
        name, stat_values = os.fspath(values["video"]), values["file_stat"]
        scores = base64.b64decode(values["scores"])
        return (name, stat_values, scores) if isinstance(stat_values, list) else None
    except (ValueError, LookupError, TypeError):
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoringStats:
    """What scores cost, in one call alone."""

    num_decodings: int = 0
    """Videos that were opened and decoded for views, broken ones too."""
    num_frames: int = 0
    """Frames that were read for views."""
    seconds: float = 0.0


def score_videos(
    scorer: VideoScorer,
    entries: Sequence[Entry],
    names: Sequence[str],
    store: ScoreStore,
    *,
    stop_signal: SignalHandler,
) -> tuple[dict[str, str], ScoringStats]:
    """Score the videos that the store does not have, and write them into it.

    ``entries`` are all videos, in the order of their list, and ``names`` tell each from all others.

    Returns:
        Why videos could not be read, by their names, in the order of the list; and what it cost.

    Raises:
        Interrupted: After what is computed is written, when asked to stop.
        CheckpointError: The model gave scores that are not finite.
    """
    groups = _list_unfinished(entries, names, store, scorer.videos_per_batch)
    total = sum(map(len, groups))
    num_decoded = num_frames = 0
    started, wait_seconds = time.perf_counter(), 0.0
    unreadable: dict[str, str] = {}
    with (
        scorer.make_pool() as pool,
        track("evaluate", total=len(entries), done=len(entries) - total) as progress,
    ):
        rows = (i for group in groups for i in group)
        results = pool.map(ViewsRequest(entries[i], scorer.views) for i in rows)
        for group in groups:
            if stop_signal.stop_signal is not None:
                raise Interrupted(
                    f"stopped by {stop_signal.stop_signal.name} with "
                    f"{len(entries) - total + num_decoded} of "
                    f"{format_count(len(entries), 'video')} done; the same "
                    f"command goes on"
                )
            videos: list[ResizedVideo | None] = []
            for i in group:
                asked = time.perf_counter()
                result = next(results)
                wait_seconds += time.perf_counter() - asked
                num_frames += len(result.meta.get("indices", ()))
                if result.error is not None:
                    unreadable[names[i]] = result.error.reason
                videos.append(None if result.arrays is None else scorer.resize_video(result.arrays))
            if any(video is not None for video in videos):
                for i, video, scores in zip(
                    group, videos, scorer.score_videos(videos), strict=True
                ):
                    if video is not None and not store.has(names[i], entries[i]):
                        store.add(names[i], entries[i], check_finite(scores, names[i]))
            num_decoded += len(group)
            wait_share = wait_seconds / (time.perf_counter() - started)
            progress.advance(len(group), data_wait_share=wait_share)
    seconds = time.perf_counter() - started
    stats = ScoringStats(num_decodings=num_decoded, num_frames=num_frames, seconds=seconds)
    return unreadable, stats


def _list_unfinished(
    entries: Sequence[Entry], names: Sequence[str], store: ScoreStore, size: int
) -> list[range]:
    """The groups of neighbours in the list of which some video is still to be scored."""
    all_rows = range(len(entries))
    groups = [all_rows[first : first + size] for first in range(0, len(entries), size)]
    return [group for group in groups if not all(store.has(names[i], entries[i]) for i in group)]
