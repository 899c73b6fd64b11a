"""What the files of a time line say: JSON, tables (CSV) and subtitles (SRT).

Axes: bins, windows, outputs.
"""

import csv
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.files import atomic_write, atomic_write_text
from videomae2.base.names import printable
from videomae2.inference.timeline import Timeline

Cue = tuple[float, float, list[str]]
"""From when to when which lines are shown."""


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
