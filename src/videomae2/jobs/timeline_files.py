"""A time line as JSON, as tables (CSV) and as subtitles (SRT), each written whole or not at all.

Axes: cells, windows, outputs.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.jobs.timeline import Timeline
from videomae2.jobs.whole_files import written_whole

Cue = tuple[float, float, list[str]]
"""From when to when which lines are shown."""


def entry_of(timeline: Timeline) -> dict[str, Any]:
    """What JSON says of a time line: the video, its windows and its segments."""
    starts, stops = timeline.windows.starts, timeline.windows.stops
    stopped = timeline.stopped
    entry: dict[str, Any] = {
        "video": timeline.video,
        "seconds": _ms(timeline.length_seconds),
        "windows": len(starts),
        "window_seconds": _ms(stops[0] - starts[0]),
        "every_seconds": _ms(starts[1] - starts[0]) if len(starts) > 1 else None,
        "answers": timeline.outputs.answers,
    }
    if timeline.outputs.head is None:
        entry["values"] = [
            {"start": start, "stop": stop, "numbers": dict(zip(_names(timeline), row, strict=True))}
            for start, stop, *row in _cell_rows(timeline)
        ]
    else:
        entry["segments"] = [
            {"start": start, "stop": stop, "class": output, "name": name, "probability": score}
            for start, stop, output, name, score in _segment_rows(timeline)
        ]
    return entry | ({"error": f"stopped early: {stopped.reason}"} if stopped else {})


def write_json(timeline: Timeline, path: Path) -> Path:
    """Write what ``entry_of`` gives."""
    text = json.dumps(entry_of(timeline), indent=1, ensure_ascii=False) + "\n"
    return _write(path, text)


def write_csv(timeline: Timeline, path: Path) -> Path:
    """Write one row per segment; of numbers one per stretch of time, with all of them."""
    if timeline.outputs.head is None:
        header = ["start_seconds", "stop_seconds", *_names(timeline)]
        return _write_table(path, header, _cell_rows(timeline))
    header = ["start_seconds", "stop_seconds", "class", "name", "probability"]
    return _write_table(path, header, _segment_rows(timeline))


def write_windows_csv(timeline: Timeline, path: Path) -> Path:
    """Write one row per window with what the model said of it: every probability or number."""
    windows = timeline.windows
    rows = (
        [_ms(start), _ms(stop), *map(_digits, row)]
        for start, stop, row in zip(
            windows.starts, windows.stops, timeline.scores.tolist(), strict=True
        )
    )
    return _write_table(path, ["start_seconds", "stop_seconds", *_names(timeline)], rows)


def write_srt(timeline: Timeline, path: Path) -> Path:
    """Write subtitles: numbered from 1, in order, never two at once."""
    blocks: list[str] = []
    for start, stop, lines in cues(timeline):
        first, last = round(start * 1000), round(stop * 1000)
        if first < last:
            text = "\n".join(" ".join(line.split()).replace("-->", "→") for line in lines)
            blocks.append(f"{len(blocks) + 1}\n{_clock(first)} --> {_clock(last)}\n{text}\n")
    return _write(path, "\n".join(blocks))


def cues(timeline: Timeline) -> list[Cue]:
    """What is shown when: everything that holds; what begins or ends begins another cue."""
    if timeline.outputs.head is None:
        names = _names(timeline)
        return [
            (start, stop, [f"{name} {value:g}" for name, value in zip(names, row, strict=True)])
            for start, stop, *row in _cell_rows(timeline)
        ]
    found = timeline.segments
    moments = [(s.start_seconds, s.stop_seconds) for s in found]
    edges = np.unique(np.array(moments, dtype=np.float64)).tolist()
    shown: list[Cue] = []
    for start, stop in pairwise(edges):
        lines = [
            f"{timeline.outputs.name(s.output)} {s.score:.0%}"
            for s in found
            if s.start_seconds <= start and stop <= s.stop_seconds
        ]
        shown += [(start, stop, lines)] if lines else []
    return shown


def _names(timeline: Timeline) -> list[str]:
    return [timeline.outputs.name(output) for output in range(timeline.outputs.count)]


def _segment_rows(timeline: Timeline) -> list[tuple[float, float, int, str, float]]:
    return [
        (
            _ms(s.start_seconds),
            _ms(s.stop_seconds),
            s.output,
            timeline.outputs.name(s.output),
            _digits(s.score),
        )
        for s in timeline.segments
    ]


def _cell_rows(timeline: Timeline) -> list[list[float]]:
    edges, scores = timeline.cells.edges.tolist(), timeline.cells.scores.tolist()
    return [
        [_ms(start), _ms(stop), *map(_digits, row)]
        for start, stop, row in zip(edges[:-1], edges[1:], scores, strict=True)
    ]


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _clock(milliseconds: int) -> str:
    """HH:MM:SS,mmm."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{rest:03d}"


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
    return path


def _write(path: Path, text: str) -> Path:
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path
