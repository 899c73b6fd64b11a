"""What ``videomae2 predict`` prints: lines for people, or JSON lines; faults on standard error."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from videomae2.cli.predict_options import STDIN, PredictOptions
from videomae2.commands.timeline import build_timeline_json
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.classifier import format_class_names_flag
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Prediction, Predictor
from videomae2.inference.timeline import Timeline, TimelineConfig
from videomae2.inference.views import format_frames, is_assumed
from videomae2.models.task_type import ClassScore
from videomae2.reports.timeline import format_clock


class PredictionPrinter:
    """Prints results as they come, and counts what could not be read."""

    def __init__(
        self, predictor: Predictor, *, top_k: int, threshold: float | None, json: bool
    ) -> None:
        self._predictor, self._top_k, self._as_json = predictor, top_k, json
        self._label_space = predictor.outputs
        self._threshold = predictor.outputs.get_threshold(threshold)
        self.num_done = self.num_failed = 0

    def print_header(self, *, subject: Literal["videos", "timelines"]) -> None:
        """Say which model looks at what; beside JSON only what it had to assume."""
        model, views = self._predictor.model, self._predictor.view_spec
        clips = _format_clips(self._predictor)
        unnamed = (
            f"without names: their numbers stand for them, counted from 0 "
            f"(to name them: {format_class_names_flag(self._label_space.count)})"
        )
        kind = "numbers" if self._label_space.classification_type is None else "classes"
        if not self._as_json:
            names = "" if self._label_space.class_names is not None else f" {unnamed}"
            grid = f", {views.clips} x {views.crops} views of each video"
            print(f"model  {model.display_name}, {self._label_space.count} {kind}{names}")
            print(f"clips  {clips}{grid if subject == 'videos' else ''}")
            return
        if self._label_space.class_names is None:
            self._print_warning(f"the model has {self._label_space.count} {kind} {unnamed}")
        if is_assumed(views):
            self._print_warning(f"clips of {clips}")

    def finish(self) -> int:
        """Give the exit code, after a last word if videos could not be read."""
        if self.num_failed and self.num_done > 1:
            self._print_warning(f"{self.num_failed} of {self.num_done} videos could not be read")
        return 2 if self.num_failed else 0

    def print_prediction(self, prediction: Prediction | VideoError) -> None:
        """Print what became of a video."""
        if isinstance(prediction, VideoError):
            self.print_unreadable(prediction)
            return
        self.num_done += 1
        if self._as_json:
            self._print_json(self._prediction_json(prediction))
            return
        print(prediction.video)
        for row in self._format_rows(prediction):
            print(f"  {row}")
        sys.stdout.flush()

    def print_timeline(self, timeline: Timeline, files: dict[str, Path]) -> None:
        """Print a time line."""
        self.num_done += 1
        stopped = timeline.read_error
        if stopped is not None:
            self.num_failed += 1
            until = format_clock(timeline.length_seconds, decimals=2)
            self._print_warning(f"{stopped}; its time line ends at {until}")
        if self._as_json:
            paths = {kind: str(path) for kind, path in files.items()}
            self._print_json(build_timeline_json(timeline) | ({"files": paths} if paths else {}))
            return
        print(
            f"{timeline.video}  {format_clock(timeline.length_seconds, decimals=2)}, "
            f"{_format_windows(timeline)}"
        )
        for line in _format_segments(timeline):
            print(f"  {line}")
        for kind, path in files.items():
            print(f"  {kind:<8} {path}")
        sys.stdout.flush()

    def print_unreadable(self, error: VideoError) -> None:
        """Report a video that cannot be read."""
        self.num_done += 1
        self.num_failed += 1
        self._print_warning(str(error))
        if self._as_json:
            self._print_json({"video": error.path, "error": error.reason})

    def _format_rows(self, prediction: Prediction) -> list[str]:
        top = prediction.topk(self._top_k)
        if self._label_space.classification_type is None:
            return [f"{row.score:>12.6g}  {row.name}" for row in top]
        active = prediction.active_classes(self._threshold)
        if self._label_space.classification_type == "multiclass" or not active:
            rows = [_format_score(row) for row in top]
            return rows if active else [f"no class reaches {self._threshold:.0%}; nearest", *rows]
        return [_format_score(row) for row in active]

    def _prediction_json(self, prediction: Prediction) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "video": prediction.video,
            "frames": prediction.num_frames,
            "seconds": None
            if prediction.length_seconds is None
            else round(prediction.length_seconds, 3),
            "views": prediction.views,
            "task_type": self._label_space.task_type,
            "clip": _format_clips(self._predictor),
        }
        if self._label_space.classification_type is None:
            return entry | {"values": {row.name: row.score for row in prediction.topk()}}
        active = [
            {"class": row.index, "name": row.name}
            for row in prediction.active_classes(self._threshold)
        ]
        scores = [
            {"class": row.index, "name": row.name, "probability": row.score}
            for row in prediction.topk(self._top_k)
        ]
        return entry | {"active": active, "scores": scores}

    def _print_json(self, entry: dict[str, Any]) -> None:
        print(json.dumps(entry, ensure_ascii=False), flush=True)

    def _print_warning(self, text: str) -> None:
        print(f"videomae2: {text}", file=sys.stderr, flush=True)


def _format_clips(predictor: Predictor) -> str:
    """What a clip shows, in words."""
    views = predictor.view_spec
    assumed = " (assumed: the model does not say; --frame-interval)" if is_assumed(views) else ""
    return f"{views.frames} frames, {format_frames(views)}{assumed}"


def _format_score(row: ClassScore) -> str:
    return f"{row.score:7.2%}  {row.name}"


def _format_windows(timeline: Timeline) -> str:
    starts, stops = timeline.windows.starts, timeline.windows.stops
    if len(starts) == 1:
        return f"one window of {stops[0] - starts[0]:.3g} s"
    return (
        f"{len(starts)} windows of {stops[0] - starts[0]:.3g} s every {starts[1] - starts[0]:.3g} s"
    )


def _format_segments(timeline: Timeline) -> list[str]:
    """A line per segment; of numbers, per stretch of time."""
    lines = []
    if timeline.outputs.classification_type is None:
        edges = timeline.bins.edges.tolist()
        for start, stop, row in zip(edges[:-1], edges[1:], timeline.bins.scores, strict=True):
            values = "  ".join(f"{timeline.outputs.get_name(i)} {v:.4g}" for i, v in enumerate(row))
            lines.append(f"{_format_time_range(start, stop)}  {values}")
        return lines
    for s in timeline.segments:
        name = timeline.outputs.get_name(s.output)
        lines.append(
            f"{_format_time_range(s.start_seconds, s.stop_seconds)}  {s.score:7.2%}  {name}"
        )
    return lines or ["no class holds at any time"]


def _format_time_range(start: float, stop: float) -> str:
    return f"{format_clock(start, decimals=2):>10} to {format_clock(stop, decimals=2):>10}"


_MAX_SHOWN = 3


def print_dry_run(
    options: PredictOptions,
    predictor: Predictor,
    config: TimelineConfig,
    inputs: Sequence[VideoInput],
) -> int:
    """Print the plan, and give the exit code: 2 if a video that is named is not there.

    Raises:
        ConfigError: Files could not be written where they are wanted.
    """
    if options.out is not None:
        _check_writable(options.out)
    printer = PredictionPrinter(
        predictor, top_k=options.top_k, threshold=options.threshold, json=False
    )
    printer.print_header(subject="timelines" if options.timeline else "videos")
    missing = [one.entry.path for one in inputs if not os.path.exists(one.entry.path)]
    print(f"videos {_describe_inputs(len(inputs), missing, from_input=STDIN in options.videos)}")
    for line in (
        _describe_timelines(options, config) if options.timeline else _describe_scores(options)
    ):
        print(line)
    print(f"device {predictor.scorer.runtime}")
    return 2 if missing else 0


def _describe_inputs(num_inputs: int, missing: Sequence[str], *, from_input: bool) -> str:
    text = f"{num_inputs} named"
    if from_input:
        text += ", and those of standard input, which is not read now"
    if missing:
        more = ", …" if len(missing) > _MAX_SHOWN else ""
        text += f"; {len(missing)} of them not there: {', '.join(missing[:_MAX_SHOWN])}{more}"
    return text


def _describe_scores(options: PredictOptions) -> Iterator[str]:
    what = "its scores as JSON" if options.json else f"its {options.top_k} best"
    yield f"prints {what} for each video, on standard output"


def _describe_timelines(options: PredictOptions, config: TimelineConfig) -> Iterator[str]:
    window, hop = config.window_seconds, config.hop_seconds
    length = "as long as a clip" if window is None else f"of {window:g} s"
    yield f"window {length}, a new one every {'half window' if hop is None else f'{hop:g} s'}"
    what = "its time line as JSON" if options.json else "what holds when"
    yield f"prints {what} for each video, on standard output"
    if options.out is not None:
        video = ", MP4" if options.save_video else ""
        yield f"writes JSON, CSV, SRT, PNG{video} for each video, to {options.out}"


def _check_writable(folder: Path) -> None:
    """Whether it is a folder that can be written, or one can be made, without making it."""
    existing = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot write to {folder}; choose another --out")
