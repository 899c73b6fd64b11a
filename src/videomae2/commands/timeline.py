"""The files of a time line: JSON, tables (CSV), subtitles (SRT), picture and film.

Axes: bins, windows, outputs.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.files import atomic_write, atomic_write_text
from videomae2.base.names import dump_json, printable, shorten_name
from videomae2.base.progress import track
from videomae2.data.video.writer import write_video
from videomae2.data.views.scan import iterate_scan, open_scan
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import Timeline, build_scan_request, make_scan_pool
from videomae2.reports.timeline import write_timeline_picture
from videomae2.reports.timeline_video import MAX_SHORT_SIDE, compose_overlay_video, select_frames

Cue = tuple[float, float, list[str]]
"""From when to when which lines are shown."""
_OVERLAY_CRF = 21
_ENDINGS = ("json", "csv", "windows.csv", "srt", "png", "mp4")


def build_timeline_json(timeline: Timeline) -> dict[str, Any]:
    """What JSON says of a time line: the video, its windows and its segments."""
    starts, stops = timeline.windows.starts, timeline.windows.stops
    hop = timeline.windows.hop_seconds
    entry: dict[str, Any] = {
        "video": timeline.video,
        "seconds": _round_to_ms(timeline.length_seconds),
        "windows": len(starts),
        "window_seconds": _round_to_ms(stops[0] - starts[0]),
        "hop_seconds": None if hop is None else _round_to_ms(hop),
        "task_type": timeline.outputs.task_type,
    }
    if timeline.outputs.classification_type is None:
        names = _list_names(timeline)
        entry["values"] = [
            {"start": start, "stop": stop, "numbers": dict(zip(names, row, strict=True))}
            for start, stop, *row in _build_bin_rows(timeline)
        ]
    else:
        keys = ("start", "stop", "class", "name", "probability")
        rows = _build_segment_rows(timeline)
        entry["segments"] = [dict(zip(keys, row, strict=True)) for row in rows]
    if timeline.windows.jumps:
        entry["no_frames"] = [
            {"start": _round_to_ms(start), "stop": _round_to_ms(stop)}
            for start, stop in timeline.windows.jumps
        ]
    if timeline.num_lost:
        entry["error"] = timeline.describe_loss()
    return entry


def write_segments_csv(timeline: Timeline, path: Path) -> Path:
    """Write one row per segment; of numbers one per stretch of time, with all of them."""
    if timeline.outputs.classification_type is None:
        return _write_table(path, _list_names(timeline), _build_bin_rows(timeline))
    return _write_table(path, ["class", "name", "probability"], _build_segment_rows(timeline))


def write_windows_csv(timeline: Timeline, path: Path) -> Path:
    """Write one row per window with what the model said of it: every probability or number."""
    windows = timeline.windows
    rows = _build_rows(zip(windows.starts, windows.stops, timeline.scores, strict=True))
    return _write_table(path, _list_names(timeline), rows)


def write_srt(timeline: Timeline, path: Path) -> Path:
    """Write subtitles: numbered from 1, in order, never two at once."""
    blocks: list[str] = []
    for start, stop, lines in build_cues(timeline):
        first, last = round(start * 1000), round(stop * 1000)
        if first < last:
            text = "\n".join(
                printable(" ".join(line.split())).replace("-->", "→") for line in lines
            )
            span = f"{_format_srt_time(first)} --> {_format_srt_time(last)}"
            blocks.append(f"{len(blocks) + 1}\n{span}\n{text}\n")
    return atomic_write_text(path, "\n".join(blocks))


def build_cues(timeline: Timeline) -> list[Cue]:
    """What is shown when: everything that holds; what begins or ends begins another cue."""
    if timeline.outputs.classification_type is None:
        names = _list_names(timeline)
        return [
            (start, stop, [f"{name} {value:g}" for name, value in zip(names, row, strict=True)])
            for start, stop, *row in _build_bin_rows(timeline)
        ]
    segments = timeline.segments
    spans = [(s.start_seconds, s.stop_seconds) for s in segments]
    edges = np.unique(np.array(spans, dtype=np.float64)).tolist()
    built: list[Cue] = []
    for start, stop in pairwise(edges):
        lines = [
            f"{timeline.outputs.get_name(s.output)} {s.score:.0%}"
            for s in segments
            if s.start_seconds <= start and stop <= s.stop_seconds
        ]
        built += [(start, stop, lines)] if lines else []
    return built


def _list_names(timeline: Timeline) -> list[str]:
    return [timeline.outputs.get_name(output) for output in range(timeline.outputs.count)]


def _build_segment_rows(timeline: Timeline) -> list[tuple[float, float, int, str, float]]:
    return [
        (
            _round_to_ms(s.start_seconds),
            _round_to_ms(s.stop_seconds),
            s.output,
            timeline.outputs.get_name(s.output),
            _round_digits(s.score),
        )
        for s in timeline.segments
    ]


def _build_bin_rows(timeline: Timeline) -> list[list[float]]:
    return _build_rows(timeline.bins.iterate_scored())


def _build_rows(scored: Iterable[tuple[float, float, np.ndarray]]) -> list[list[float]]:
    return [
        [_round_to_ms(start), _round_to_ms(stop), *map(_round_digits, row.tolist())]
        for start, stop, row in scored
    ]


def _round_to_ms(seconds: float) -> float:
    return round(float(seconds), 3)


def _round_digits(value: float) -> float:
    return float(f"{value:.6g}")


def _format_srt_time(milliseconds: int) -> str:
    """HH:MM:SS,mmm."""
    seconds, remaining_ms = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{remaining_ms:03d}"


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with (
        atomic_write(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["start_seconds", "stop_seconds", *columns])
        table.writerows(rows)
    return path


@dataclass(slots=True)
class TimelineFolder:
    """A folder that takes the files of many videos, none over another's."""

    path: Path
    _used_names: set[str] = field(default_factory=set)

    def write(
        self, predictor: Predictor, video: VideoInput, timeline: Timeline, *, with_video: bool
    ) -> dict[str, Path]:
        """Write the files of a video, and give them by kind.

        Raises:
            ConfigError: The folder cannot be written to.
            VideoError: A film is wanted, and the video can no longer be read.
        """
        base = self._choose_base(video)

        def name(ending: str) -> Path:
            return base.with_name(f"{base.name}.timeline.{ending}")

        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            text = dump_json(build_timeline_json(timeline), indent=1) + "\n"
            written = {
                "json": atomic_write_text(name("json"), text),
                "csv": write_segments_csv(timeline, name("csv")),
                "windows": write_windows_csv(timeline, name("windows.csv")),
                "srt": write_srt(timeline, name("srt")),
                "picture": write_timeline_picture(timeline, name("png")),
            }
            if with_video:
                written["video"] = _write_overlay_video(predictor, video, timeline, name("mp4"))
        except VideoError:
            raise
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; choose another --out"
            ) from error
        return written

    def _choose_base(self, video: VideoInput) -> Path:
        """The files' common path: as in the folder that was named, numbered if it is taken.

        Those of the same video, of an earlier call, are written anew.
        """
        default_base = Path(video.relative_path or Path(video.entry.path).absolute().name)
        default_base = default_base if video.entry.is_frames else default_base.with_suffix("")
        default_base = default_base.with_name(shorten_name(default_base.name or "video"))
        name, number = str(default_base), 2
        while name in self._used_names or self._holds_other(name, video.entry.path):
            name, number = f"{default_base}-{number}", number + 1
        self._used_names.add(name)
        return self.path / name

    def _holds_other(self, name: str, video: str) -> bool:
        """Whether there is a time line of this name, and not of this video, or a file of others."""
        path = self.path / f"{name}.timeline.json"
        try:
            other = json.loads(path.read_text(encoding="utf-8"))["video"]
            return os.path.realpath(other) != os.path.realpath(video)
        except NotADirectoryError:
            return False
        except (
            FileNotFoundError
        ):  # the JSON is written first: what lies there without it is foreign
            return any(
                os.path.lexists(self.path / f"{name}.timeline.{ending}") for ending in _ENDINGS[1:]
            )
        except PermissionError:
            return False  # which the writing will say
        except (OSError, ValueError, KeyError, TypeError):
            return True  # it is none of ours


def _write_overlay_video(
    predictor: Predictor, video: VideoInput, timeline: Timeline, path: Path
) -> Path:
    """Write an mp4 without sound, as long as the time line, at the video's own speed.

    The video is read a second time: what holds at a moment is known only after the windows behind
    it, and keeping the frames of a long video until then would fill the memory.
    """
    request = build_scan_request(predictor, video)
    side = min(MAX_SHORT_SIDE, request.limits.max_short_side or MAX_SHORT_SIDE)
    request = replace(request, limits=replace(request.limits, max_short_side=side))
    title = f"video of {os.path.basename(video.entry.path)}"
    with make_scan_pool(predictor) as pool:
        info = open_scan(pool, request)
        assert info.seconds is not None  # else there were no time line
        shown_seconds = info.seconds + info.start_seconds
        fps, moments, indices = select_frames(shown_seconds, timeline.length_seconds)
        parts = iterate_scan(pool, request, np.unique(indices).tolist(), info.shape)
        frames = (pair for part in parts for pair in zip(part.indices, part.frames, strict=True))
        pictures = compose_overlay_video(timeline, frames, indices, moments)
        with atomic_write(path) as partial:
            tracked = _track_pictures(pictures, fps, len(indices) / float(fps), title)
            write_video(partial, tracked, rate=fps, crf=_OVERLAY_CRF, faststart=True)
    return path


def _track_pictures(
    pictures: Iterator[np.ndarray], fps: Fraction, length_seconds: float, title: str
) -> Iterator[np.ndarray]:
    with track(title, total=length_seconds, unit="s") as progress:
        for picture in pictures:
            yield picture
            progress.advance(1 / float(fps))
