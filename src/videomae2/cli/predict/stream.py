"""``videomae2 predict`` of a stream: a line for each window as it comes, until it ends."""

import sys
from typing import Any

from videomae2.base.names import dump_json, printable, printable_name
from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.cli.predict.options import PredictOptions
from videomae2.cli.terminal import print_error
from videomae2.commands.predict import StreamResult, predict_stream
from videomae2.data.live.pipe import peek_standard_input
from videomae2.data.live.sources import STDIN, StreamSource, find_stream
from videomae2.errors import ConfigError, Interrupted
from videomae2.inference.prediction import WindowPrediction
from videomae2.inference.predictor import Predictor
from videomae2.reports.timeline import format_clock

Input = tuple[StreamSource | None, bytes]
"""The stream among the videos, if there is one, and what was read of it already."""


def find_stream_input(videos: tuple[str, ...], *, dry_run: bool) -> Input:
    """Find the stream among the videos; waits for the first bytes of standard input alone.

    Raises:
        ConfigError: There are other videos beside it.
        VideoError: It is an address of a kind that is not read.
    """
    if videos == (STDIN,):
        if dry_run or sys.stdin.isatty():
            return None, b""
        head, is_video = peek_standard_input(sys.stdin.fileno())
        return (StreamSource("stdin", STDIN, "standard input") if is_video else None), head
    for video in videos:
        source = find_stream(video) if video != STDIN else None
        if source is not None and len(videos) > 1:
            raise ConfigError(
                f"{source.name} is a stream, which may never end, and is predicted by itself; "
                "leave out the other videos"
            )
        if source is not None:
            return source, b""
    return None, b""


def run_stream(
    options: PredictOptions, predictor: Predictor, source: StreamSource, head: bytes
) -> int:
    """Print what comes of each window, and give the exit code.

    Raises:
        Interrupted: Somebody asked to stop before the first window.
    """
    printer = _StreamPrinter(options, predictor, source)
    printer.print_header()
    with SignalHandler() as handler:
        for result in predict_stream(
            predictor,
            source,
            options.windows,
            options.live,
            out=options.out,
            descriptor=sys.stdin.fileno() if source.kind == "stdin" else None,
            head=head,
            should_stop=lambda: handler.stop_signal is not None,
        ):
            if isinstance(result, StreamResult):
                stop = handler.stop_signal
                if stop is not None and not result.num_windows:
                    raise Interrupted(f"asked to stop by {stop.name} before a frame came")
                return printer.print_end(result, None if stop is None else stop.name)
            printer.print_window(result)
    raise AssertionError("a stream ends with a result")


class _StreamPrinter:
    """Prints windows as they come: lines for people, or JSON lines; the rest on standard error."""

    def __init__(self, options: PredictOptions, predictor: Predictor, source: StreamSource) -> None:
        self._options, self._name = options, source.name
        self._outputs = predictor.outputs
        self._threshold = predictor.outputs.get_threshold(options.windows.threshold)

    def print_header(self) -> None:
        if not self._options.timeline:
            self._print_note("it is a stream, so it is predicted as a time line, window by window")
        if not self._options.json:
            print(printable_name(self._name), flush=True)

    def print_window(self, window: WindowPrediction) -> None:
        """Print a window."""
        if self._options.json:
            self._print_json(self._build_window_json(window))
            return
        start, stop = (
            f"{format_clock(seconds, decimals=2):>10}"
            for seconds in (window.start_seconds, window.stop_seconds)
        )
        print(printable(f"  {start} to {stop}  {self._format_scores(window)}"), flush=True)

    def print_end(self, result: StreamResult, stop: str | None) -> int:
        """Print how it went, and give the exit code."""
        losses = self._list_losses(result)
        if result.error is not None:
            self._print_note(f"{result.error}", name=False)
        for loss in losses:
            self._print_note(loss)
        reason = f"stopped by {stop}" if stop else "broken off" if result.error else "over"
        files = {kind: str(path) for kind, path in result.files.items()}
        if self._options.json:
            entry: dict[str, Any] = {
                "video": result.name,
                "seconds": round(result.length_seconds, 3),
                "windows": result.num_windows,
                "frames": result.num_frames,
                "dropped_frames": result.num_dropped,
                "damaged_frames": result.num_damaged,
                "end": reason,
            }
            entry |= {"files": files} if files else {}
            entry |= {"error": result.error.reason} if result.error is not None else {}
            self._print_json(entry)
        elif result.num_windows:
            length = format_clock(result.length_seconds, decimals=2)
            windows = format_count(result.num_windows, "window")
            print(printable_name(f"{result.name}  {reason} after {length}, {windows}"))
            for kind, path in files.items():
                print(printable_name(f"  {kind:<7}  {path}"))
        sys.stdout.flush()
        return 0 if result.error is None else 2

    def _list_losses(self, result: StreamResult) -> list[str]:
        of_all = f"of {format_count(result.num_frames, 'frame')}"
        losses = []
        if result.num_dropped:
            losses.append(
                f"{result.num_dropped} {of_all} were dropped, since they came faster than the "
                "model looked at them; a larger --hop-seconds asks less of it"
            )
        if result.num_damaged:
            losses.append(f"{result.num_damaged} {of_all} were damaged and left out")
        return losses

    def _format_scores(self, window: WindowPrediction) -> str:
        """The best class, those that are active where any number may be, or the numbers."""
        task_type = self._outputs.classification_type
        if task_type is None:
            return "  ".join(f"{row.name} {row.score:.4g}" for row in window.topk())
        active = window.active_classes(self._threshold)
        rows = window.topk(1) if task_type == "multiclass" else active
        text = "  ".join(f"{row.score:7.2%}  {row.name}" for row in rows)
        if active:
            return text
        return f"{text}  (no class reaches {self._threshold:.0%})".lstrip()

    def _build_window_json(self, window: WindowPrediction) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "video": self._name,
            "start": round(window.start_seconds, 3),
            "stop": round(window.stop_seconds, 3),
        }
        if self._outputs.classification_type is None:
            return entry | {"values": {row.name: row.score for row in window.topk()}}
        active = window.active_classes(self._threshold)
        return entry | {
            "active": [{"class": row.index, "name": row.name} for row in active],
            "scores": [
                {"class": row.index, "name": row.name, "probability": row.score}
                for row in window.topk(self._options.top_k)
            ],
        }

    def _print_json(self, entry: dict[str, Any]) -> None:
        print(dump_json(entry), flush=True)

    def _print_note(self, text: str, *, name: bool = True) -> None:
        text = f"{self._name}: {text}" if name else text
        print_error(text)
