"""What the dry run of ``videomae2 predict`` prints."""

import os
from collections.abc import Iterator, Sequence

from videomae2.base.files import check_writable
from videomae2.base.summary import Summary
from videomae2.cli.predict.options import PredictOptions
from videomae2.cli.predict.output import summarize_model
from videomae2.cli.terminal import print_plan
from videomae2.data.live.sources import STDIN, StreamSource
from videomae2.errors import CheckpointError, ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor

_MAX_SHOWN = 3


def print_stream_plan(options: PredictOptions, predictor: Predictor, source: StreamSource) -> int:
    """Print the plan of a stream, which is not opened."""
    _check_out(options)
    rows = (
        ("stream", f"{source.name}, which is not opened now"),
        *_summarize_timelines(options, is_stream=True),
    )
    return _print_rows(options, predictor, rows, as_timelines=True)


def print_dry_run(
    options: PredictOptions, predictor: Predictor, inputs: Sequence[VideoInput | VideoError]
) -> int:
    """Print the plan, and give the exit code: 2 if a video that is named cannot be read."""
    _check_out(options)
    errors = [each for each in inputs if isinstance(each, VideoError)]
    paths = [each.entry.path for each in inputs if isinstance(each, VideoInput)]
    missing = [path for path in paths if not os.path.exists(path)]
    details = (
        _summarize_timelines(options, is_stream=False) if options.timeline else _summarize(options)
    )
    rows = (
        ("videos", _describe_inputs(len(inputs), missing, from_input=STDIN in options.videos)),
        *(("unreadable", f"{error.path}: {error.reason}") for error in errors[:_MAX_SHOWN]),
        *details,
    )
    _print_rows(options, predictor, rows, as_timelines=options.timeline)
    return 2 if missing or errors else 0


def _check_out(options: PredictOptions) -> None:
    if options.out is None:
        return
    try:
        check_writable(options.out, 0, dry_run=True)
    except CheckpointError as error:
        raise ConfigError(f"{error}; choose another --out") from error


def _print_rows(
    options: PredictOptions,
    predictor: Predictor,
    rows: tuple[tuple[str, str], ...],
    *,
    as_timelines: bool,
) -> int:
    rows = (*rows, ("device", str(predictor.classifier.runtime)))
    plan = summarize_model(predictor, as_timelines=as_timelines) + Summary(rows)
    return print_plan(plan, as_json=options.json)


def _describe_inputs(num_inputs: int, missing: Sequence[str], *, from_input: bool) -> str:
    text = f"{num_inputs} named"
    if from_input:
        text += ", and those of standard input, which is not read now"
    if missing:
        more = ", …" if len(missing) > _MAX_SHOWN else ""
        text += f"; {len(missing)} of them not there: {', '.join(missing[:_MAX_SHOWN])}{more}"
    return text


def _summarize(options: PredictOptions) -> Iterator[tuple[str, str]]:
    what = "its scores as JSON" if options.json else f"its {options.top_k} best"
    yield "prints", f"{what} for each video, on standard output"


def _summarize_timelines(options: PredictOptions, *, is_stream: bool) -> Iterator[tuple[str, str]]:
    window, hop = options.windows.window_seconds, options.windows.hop_seconds
    length = "as long as a clip" if window is None else f"of {window:g} s"
    yield "window", f"{length}, a new one every {'half window' if hop is None else f'{hop:g} s'}"
    if is_stream:
        what, until = "its scores as JSON" if options.json else "its best", options.live.max_seconds
        yield "prints", f"{what} for each window as it comes, on standard output"
        yield "ends", "with the stream, or Ctrl-C" + (f", or after {until:g} s" if until else "")
    else:
        what = "its time line as JSON" if options.json else "what holds when"
        yield "prints", f"{what} for each video, on standard output"
    if options.out is not None:
        video = ", MP4" if options.save_video else ""
        of_what = "of what was seen" if is_stream else "for each video"
        yield "writes", f"JSON, CSV, SRT, PNG{video} {of_what}, to {options.out}"
