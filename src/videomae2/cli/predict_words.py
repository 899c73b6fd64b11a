"""What ``videomae2 predict`` prints: lines for people, or JSON lines; faults on standard error."""

import json
import sys
from pathlib import Path
from typing import Any, Literal

from videomae2.errors import VideoError
from videomae2.jobs.answers import Scored
from videomae2.jobs.asked_classifier import naming
from videomae2.jobs.predict import Prediction, Predictor
from videomae2.jobs.timeline import Timeline
from videomae2.jobs.timeline_files import entry_of
from videomae2.jobs.timeline_picture import clock


class Printer:
    """Prints results as they come, and counts what could not be read."""

    def __init__(
        self, predictor: Predictor, *, top: int, threshold: float | None, json: bool
    ) -> None:
        self._predictor, self._top, self._as_json = predictor, top, json
        self._outputs = predictor.outputs
        self._threshold = predictor.outputs.threshold(threshold)
        self.done = self.failed = 0

    def begin(self, *, of: Literal["videos", "timelines"]) -> None:
        """Say which model looks at what; beside JSON only what it had to assume."""
        model, shape = self._predictor.model, self._predictor.shape
        clips = _clips(self._predictor)
        unnamed = (
            f"without names: their numbers stand for them, counted from 0 "
            f"(to name them: {naming(self._outputs.count)})"
        )
        kind = "numbers" if self._outputs.head is None else "classes"
        if not self._as_json:
            names = "" if self._outputs.names is not None else f" {unnamed}"
            grid = f", {shape.grid.clips} x {shape.grid.crops} views of each video"
            print(f"model  {model.title}, {self._outputs.count} {kind}{names}")
            print(f"clips  {clips}{grid if of == 'videos' else ''}")
            return
        if self._outputs.names is None:
            self._remark(f"the model has {self._outputs.count} {kind} {unnamed}")
        if self._predictor.views.is_assumed:
            self._remark(f"clips of {clips}")

    def end(self) -> int:
        """Give the exit code, after a last word if videos could not be read."""
        if self.failed and self.done > 1:
            self._remark(f"{self.failed} of {self.done} videos could not be read")
        return 2 if self.failed else 0

    def prediction(self, answer: Prediction | VideoError) -> None:
        """Print what became of a video."""
        if isinstance(answer, VideoError):
            self.unreadable(answer)
            return
        self.done += 1
        if self._as_json:
            self._json(self._entry(answer))
            return
        print(answer.video)
        for row in self._rows(answer):
            print(f"  {row}")
        sys.stdout.flush()

    def timeline(self, found: Timeline, files: dict[str, Path]) -> None:
        """Print a time line."""
        self.done += 1
        stopped = found.stopped
        if stopped is not None:
            self.failed += 1
            until = clock(found.length_seconds, decimals=2)
            self._remark(f"{stopped}; its time line ends at {until}")
        if self._as_json:
            paths = {kind: str(path) for kind, path in files.items()}
            self._json(entry_of(found) | ({"files": paths} if paths else {}))
            return
        print(f"{found.video}  {clock(found.length_seconds, decimals=2)}, {_windows(found)}")
        for line in _moments(found):
            print(f"  {line}")
        for kind, path in files.items():
            print(f"  {kind:<8} {path}")
        sys.stdout.flush()

    def unreadable(self, error: VideoError) -> None:
        """Report a video that cannot be read."""
        self.done += 1
        self.failed += 1
        self._remark(str(error))
        if self._as_json:
            self._json({"video": error.path, "error": error.reason})

    def _rows(self, answer: Prediction) -> list[str]:
        top = answer.top(self._top)
        if self._outputs.head is None:
            return [f"{row.score:>12.6g}  {row.name}" for row in top]
        holding = answer.holding(self._threshold)
        if self._outputs.head == "one-class" or not holding:
            rows = [_row(row) for row in top]
            return rows if holding else [f"no class reaches {self._threshold:.0%}; nearest", *rows]
        return [_row(row) for row in holding]

    def _entry(self, answer: Prediction) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "video": answer.video,
            "frames": answer.num_frames,
            "seconds": None if answer.length_seconds is None else round(answer.length_seconds, 3),
            "views": answer.views,
            "answers": self._outputs.answers,
            "clip": _clips(self._predictor),
        }
        if self._outputs.head is None:
            return entry | {"numbers": {row.name: row.score for row in answer.top()}}
        holding = [
            {"class": row.output, "name": row.name} for row in answer.holding(self._threshold)
        ]
        scores = [
            {"class": row.output, "name": row.name, "probability": row.score}
            for row in answer.top(self._top)
        ]
        return entry | {"holding": holding, "scores": scores}

    def _json(self, entry: dict[str, Any]) -> None:
        print(json.dumps(entry, ensure_ascii=False), flush=True)

    def _remark(self, text: str) -> None:
        print(f"videomae2: {text}", file=sys.stderr, flush=True)


def _clips(predictor: Predictor) -> str:
    """What a clip shows, in words."""
    views = predictor.views
    assumed = " (assumed: the model does not say; --stride)" if views.is_assumed else ""
    return f"{predictor.shape.frames} frames, {views.frames_of_a_clip}{assumed}"


def _row(row: Scored) -> str:
    return f"{row.score:7.2%}  {row.name}"


def _windows(found: Timeline) -> str:
    starts, stops = found.windows.starts, found.windows.stops
    if len(starts) == 1:
        return f"one window of {stops[0] - starts[0]:.3g} s"
    return (
        f"{len(starts)} windows of {stops[0] - starts[0]:.3g} s every {starts[1] - starts[0]:.3g} s"
    )


def _moments(found: Timeline) -> list[str]:
    """A line per segment; of numbers, per stretch of time."""
    lines = []
    if found.outputs.head is None:
        edges = found.cells.edges.tolist()
        for start, stop, row in zip(edges[:-1], edges[1:], found.cells.scores, strict=True):
            values = "  ".join(f"{found.outputs.name(i)} {v:.4g}" for i, v in enumerate(row))
            lines.append(f"{_span(start, stop)}  {values}")
        return lines
    for s in found.segments:
        name = found.outputs.name(s.output)
        lines.append(f"{_span(s.start_seconds, s.stop_seconds)}  {s.score:7.2%}  {name}")
    return lines or ["no class holds at any time"]


def _span(start: float, stop: float) -> str:
    return f"{clock(start, decimals=2):>10} to {clock(stop, decimals=2):>10}"
