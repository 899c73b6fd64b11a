"""What ``videomae2 predict`` prints: lines for people, or JSON lines; faults on standard error."""

import logging
import sys
from pathlib import Path
from typing import Any

from videomae2.base.names import dump_json, printable_name
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.cli.terminal import print_error, print_pairs, print_summary
from videomae2.errors import VideoError
from videomae2.inference.classifier import format_class_names_flag
from videomae2.inference.prediction import Prediction
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import Timeline
from videomae2.inference.views import format_frames, is_assumed
from videomae2.reports.timeline import format_clock
from videomae2.reports.timeline_text import build_timeline_json

_logger = logging.getLogger(__name__)


class PredictionPrinter:
    """Prints results as they come, and counts what could not be read."""

    def __init__(
        self, predictor: Predictor, *, top_k: int, threshold: float | None, json: bool
    ) -> None:
        self._predictor, self._top_k, self._as_json = predictor, top_k, json
        self._label_space = predictor.outputs
        self._threshold = predictor.outputs.get_threshold(threshold)
        self.num_done = self.num_failed = 0

    def print_header(self, *, as_timelines: bool) -> None:
        """Say which model looks at what; beside JSON only what it had to assume."""
        if not self._as_json:
            print_summary(summarize_model(self._predictor, as_timelines=as_timelines))
            return
        if self._label_space.class_names is None:
            self._print_warning(f"the model has {_format_outputs(self._predictor)}")
        if is_assumed(self._predictor.scorer.views):
            self._print_warning(f"clips of {_format_clips(self._predictor)}")

    def get_exit_code(self) -> int:
        """Give the exit code, after a last word if videos could not be read."""
        if self.num_failed and self.num_done > 1:
            self._print_warning(
                f"{self.num_failed} of {format_count(self.num_done, 'video')} could not be read"
            )
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
        print(printable_name(prediction.video))
        self._print_scores(prediction)
        sys.stdout.flush()

    def print_timeline(self, timeline: Timeline, files: dict[str, Path]) -> None:
        """Print a time line."""
        self.num_done += 1
        if timeline.num_lost:
            self.num_failed += 1
            self._print_warning(f"{timeline.video}: {timeline.describe_loss()}")
        if timeline.windows.jumps:
            _logger.warning(f"{timeline.video}: {timeline.describe_jumps()}")
        if self._as_json:
            paths = {kind: str(path) for kind, path in files.items()}
            self._print_json(build_timeline_json(timeline) | ({"files": paths} if paths else {}))
            return
        length = format_clock(timeline.length_seconds, decimals=2)
        print(printable_name(f"{timeline.video}  {length}, {_format_windows(timeline)}"))
        print_pairs(_list_segments(timeline), first="right", min_width=24, indent=2)
        print_pairs(
            [(kind, printable_name(str(path))) for kind, path in files.items()],
            min_width=7,
            indent=2,
        )
        sys.stdout.flush()

    def print_unreadable(self, error: VideoError) -> None:
        """Report a video that cannot be read."""
        self.num_done += 1
        self.num_failed += 1
        self._print_warning(str(error))
        if self._as_json:
            self._print_json({"video": error.path, "error": error.reason})

    def _print_scores(self, prediction: Prediction) -> None:
        """The best classes, or those that are active where any number of them may be."""
        top = prediction.topk(self._top_k)
        if self._label_space.classification_type is None:
            rows = [(f"{row.score:.6g}", row.name) for row in top]
            print_pairs(rows, first="right", min_width=12, indent=2)
            return
        active = prediction.active_classes(self._threshold)
        if not active:
            print(f"  no class reaches {self._threshold:.0%}; nearest")
        shown = active if active and self._label_space.classification_type != "multiclass" else top
        rows = [(f"{row.score:.2%}", row.name) for row in shown]
        print_pairs(rows, first="right", min_width=7, indent=2)

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
        print(dump_json(entry), flush=True)

    def _print_warning(self, text: str) -> None:
        print_error(text)


def summarize_model(predictor: Predictor, *, as_timelines: bool) -> Summary:
    """Which model looks at what."""
    spec = predictor.scorer.views
    views = "" if as_timelines else f", {spec.clips} x {spec.crops} views of each video"
    return Summary(
        (
            ("model", f"{predictor.classifier.display_name}, {_format_outputs(predictor)}"),
            ("clips", f"{_format_clips(predictor)}{views}"),
        )
    )


def _format_outputs(predictor: Predictor) -> str:
    outputs = predictor.outputs
    text = f"{outputs.count} {'numbers' if outputs.classification_type is None else 'classes'}"
    if outputs.class_names is not None:
        return text
    return (
        f"{text} without names: their numbers stand for them, counted from 0 "
        f"(to name them: {format_class_names_flag(outputs.count)})"
    )


def _format_clips(predictor: Predictor) -> str:
    """What a clip shows, in words."""
    views = predictor.scorer.views
    assumed = " (assumed: the model does not say; --frame-interval)" if is_assumed(views) else ""
    return f"{format_count(views.frames, 'frame')}, {format_frames(views)}{assumed}"


def _format_windows(timeline: Timeline) -> str:
    starts, stops = timeline.windows.starts, timeline.windows.stops
    length, hop = stops[0] - starts[0], timeline.windows.hop_seconds
    if len(starts) == 1:
        return f"one window of {length:.3g} s"
    every = "" if hop is None else f" every {hop:.3g} s"
    return f"{format_count(len(starts), 'window')} of {length:.3g} s{every}"


def _list_segments(timeline: Timeline) -> list[tuple[str, str]]:
    """The time and text of each segment; of numbers, of each stretch of time."""
    names = timeline.outputs.get_name
    if timeline.outputs.classification_type is None:
        return [
            (
                _format_time_range(start, stop),
                "  ".join(f"{names(i)} {value:.4g}" for i, value in enumerate(row)),
            )
            for start, stop, row in timeline.bins.iterate_scored()
        ]
    return [
        (
            _format_time_range(segment.start_seconds, segment.stop_seconds),
            f"{segment.score:7.2%}  {names(segment.output)}",
        )
        for segment in timeline.segments
    ] or [("", "no class holds at any time")]


def _format_time_range(start: float, stop: float) -> str:
    return f"{format_clock(start, decimals=2):>10} to {format_clock(stop, decimals=2):>10}"
