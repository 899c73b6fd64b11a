"""``videomae2 COMMAND …``: find the command, run it, end with one line and a code.

Nothing heavy is imported before it is known which command runs, so help comes at once.
Exit codes: 0 done, 2 the user's input, 3 a training that diverged, 75 interrupted and resumable,
1 anything else.
"""

import atexit
import gc
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from videomae2 import __version__
from videomae2.base.signals import SignalHandler, raise_if_stopped
from videomae2.base.text import suggest_nearest
from videomae2.cli.log import show_log
from videomae2.cli.os_errors import describe_os_error, discard_output, name_stream
from videomae2.cli.terminal import print_error
from videomae2.errors import ConfigError, Interrupted, NonFiniteLossError, VideoMAE2Error
from videomae2.models.weights.hub.fetch import forbid_downloads


@dataclass(frozen=True, slots=True)
class Command:
    """One line of help, and where the function stands that takes the arguments."""

    help: str
    function: str
    handles_stop_signals: bool = False
    """Signals are listened to from its beginning: a training saves before it ends."""


COMMANDS = {
    "demo": Command("the whole method on a small built-in data set", "videomae2.cli.demo:main"),
    "pretrain": Command(
        "dual-masked pre-training on videos",
        "videomae2.cli.train:pretrain_main",
        handles_stop_signals=True,
    ),
    "finetune": Command(
        "a classifier from labelled videos and a pre-trained model",
        "videomae2.cli.train:finetune_main",
        handles_stop_signals=True,
    ),
    "distill": Command(
        "a small classifier that learns from a large one",
        "videomae2.cli.train:distill_main",
        handles_stop_signals=True,
    ),
    "evaluate": Command("accuracy of a classifier, with a report", "videomae2.cli.evaluate:main"),
    "probe": Command(
        "k-NN, linear and attentive probe of frozen features", "videomae2.cli.probe:main"
    ),
    "extract": Command("features of videos, in a folder", "videomae2.cli.features.extract:main"),
    "search": Command(
        "videos and moments like a video, by their features", "videomae2.cli.features.search:main"
    ),
    "merge-datasets": Command(
        "one labelled set of several, without test videos in training",
        "videomae2.cli.merge_datasets:main",
    ),
    "run": Command(
        "a pipeline of stages, from one file", "videomae2.cli.run:main", handles_stop_signals=True
    ),
    "reconstruct": Command(
        "original, hidden and rebuilt video as pictures", "videomae2.cli.pictures.reconstruct:main"
    ),
    "attend": Command(
        "where a model looks in a video, as pictures", "videomae2.cli.pictures.attend:main"
    ),
    "predict": Command(
        "scores of videos, or a time line of a long one", "videomae2.cli.predict.main:main"
    ),
    "convert": Command(
        "weights from and to the formats of other software", "videomae2.cli.weights.convert:main"
    ),
    "export": Command(
        "a model as ONNX, torch.export or in other formats, verified",
        "videomae2.cli.weights.export:main",
    ),
    "models": Command("released weights: list, fetch, publish", "videomae2.cli.models.main:main"),
    "bench": Command("how fast it is on this machine", "videomae2.cli.bench:main"),
}


PLANNED = {
    "features": "'extract' writes the features of videos into a folder",
    "detect": "'predict --timeline' says when something happens, not where",
    "localize": "'predict --timeline' says when something happens",
    "web": "'evaluate' and 'probe' write reports as one HTML page",
}
"""Commands that are not made yet, and what is nearest."""

DONE, FAILED, WRONG_INPUT, DIVERGED, RESUMABLE = 0, 1, 2, 3, 75


_MIN_LIKENESS = 0.7  # of words with another meaning, 'extract' and 'reconstruct' reach 0.67
_USAGE = "usage: videomae2 COMMAND [ARGUMENTS] [--debug]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code."""
    # Threads of torch that wait spin for some microseconds, then leave the core to those who read
    # videos; not to spin at all costs 40 % of a step. OpenMP reads it when torch is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    args = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in args
    _prepare_streams()
    args = [word for word in args if word != "--debug"]
    try:
        with (
            show_log(json="--json" in args, on_stderr=args[:1] == ["predict"]),
            forbid_downloads() if "--dry-run" in args else nullcontext(),
        ):
            code = _run_to_end(args)
        sys.stdout.flush()
    except BrokenPipeError:
        return _handle_broken_pipe()
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        return _report_error(error)
    return code


def run() -> NoReturn:
    """``videomae2`` itself, and ``python -m videomae2``: run its command line, end the process.

    Python's own end frees torch's million objects one by one: 0.3 to 1 s of CPU, more on a busy
    machine, in which a SIGTERM would make a failure of what is done. What ends by itself, ends.
    """
    code = main()
    if sys.flags.inspect or sys.gettrace() or sys.getprofile():
        sys.exit(code)  # somebody watches, and has something to say in the end
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(code))
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _prepare_streams() -> None:
    """Let names of any bytes be printed, and work where a service closed its output."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it stays open
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            if name == "stdout":
                sys.stdout = name_stream(stream, "standard output")


def _run_to_end(args: list[str]) -> int:
    """Run a command; one that exits by itself, as after its help, gives that code."""
    try:
        return _run_command(args)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED


def _run_command(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        print(_format_help())
        return DONE
    if args[0] in ("-V", "--version"):
        print(f"videomae2 {__version__}")
        return DONE
    name, *rest = args
    if name in PLANNED:
        raise ConfigError(f"the command '{name}' is not made yet; nearest: {PLANNED[name]}")
    if name not in COMMANDS:
        suggestion = suggest_nearest(name, COMMANDS, cutoff=_MIN_LIKENESS)
        raise ConfigError(f"there is no command '{name}'; {suggestion}")
    command = COMMANDS[name]
    with SignalHandler() if command.handles_stop_signals else nullcontext():
        run = _load_function(command.function)
        raise_if_stopped()
        return run(rest)


def _load_function(name: str) -> Callable[[list[str]], int]:
    """Import a command; collecting garbage among torch's million objects would take a second."""
    module, function = name.split(":")
    gc.disable()
    try:
        run: Callable[[list[str]], int] = getattr(import_module(module), function)
    finally:
        gc.enable()
    return run


def _format_help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            _USAGE,
            "",
            "VideoMAE V2: dual-masked pre-training of video transformers, and what follows.",
            "",
            "commands:",
            *lines,
            "",
            "videomae2 COMMAND --help tells more. --debug shows where an error comes from,",
            "--version the version.",
            "",
            "examples:",
            "  videomae2 demo",
            "  videomae2 pretrain own my_videos/",
        ]
    )


def _report_error(error: BaseException) -> int:
    """Say what went wrong on stderr, and give the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return _print_and_return(FAILED, "stopped by Ctrl-C")
    if isinstance(error, Interrupted):
        return _print_and_return(RESUMABLE, str(error))
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        lines = "".join(f"\n  {problem}" for problem in error.problems)
        return _print_and_return(WRONG_INPUT, f"error: {len(error.problems)} problems:{lines}")
    if isinstance(error, NonFiniteLossError):
        return _print_and_return(DIVERGED, f"error: {error}")
    if isinstance(error, VideoMAE2Error):
        return _print_and_return(WRONG_INPUT, f"error: {error}")
    if isinstance(error, OSError) and error.filename == "standard output":
        discard_output()
    if isinstance(error, OSError) and (text := describe_os_error(error)):
        return _print_and_return(WRONG_INPUT, f"error: {text}")
    message = " ".join(str(error).split())
    return _print_and_return(
        FAILED, f"error: {type(error).__name__}: {message} (--debug shows where)"
    )


def _print_and_return(code: int, line: str) -> int:
    with suppress(OSError):
        print_error(line)
    return code


def _handle_broken_pipe() -> int:
    """Nobody reads our output any more (``| head``): say nothing, not even at Python's end."""
    discard_output()
    return FAILED
