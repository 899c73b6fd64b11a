"""Turn a command's arguments into a dataclass; help and errors look alike in all commands.

A wrong argument raises ConfigError, which ``cli/main.py`` prints as one line with exit code 2;
``--help`` raises SystemExit(0), which ``cli/main.py`` lets end the program. What is wrong is told
by tyro's hook for parse errors. tyro keeps that hook private, so pyproject.toml bounds its version
and ``tests/cli/test_options.py`` holds every sentence.
"""

import io
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from difflib import SequenceMatcher
from typing import Any, TypeVar

import tyro
from tyro import _errors

from videomae2.errors import ConfigError

T = TypeVar("T")


def parse_options(
    options_type: type[T],
    arguments: Sequence[str],
    *,
    prog: str,
    description: str,
    examples: Sequence[str] = (),
    default: T | None = None,
) -> T:
    """Read arguments as an instance of a dataclass.

    Args:
        options_type: The dataclass; its fields become flags, their docstrings the help.
        arguments: What stands behind the command's name.
        prog: The command as a person types it, such as "videomae2 bench"; words that
            ``parse_options`` does not read itself may follow in brackets.
        description: First lines of the help.
        examples: Complete command lines, shown at the end of the help.
        default: Values of the fields that no flag gives; the dataclass's own if not given.

    Raises:
        ConfigError: If an argument is unknown, missing or of the wrong kind; one sentence.
        SystemExit: With code 0, after printing the help that ``--help`` asks for.
    """
    command = prog.split(" [")[0]

    def refuse(event: _errors.ParseErrorEvent) -> None:
        text = _format_problem(event)
        if isinstance(event, _errors.UnrecognizedArgs):
            text += _suggest_flag(event.tokens, options_type, default)
        raise ConfigError(f"{text}; see {command} --help")

    try:
        with _errors.on_parse_error(refuse):
            return tyro.cli(
                options_type,
                args=list(arguments),
                prog=prog,
                description=description,
                default=tyro.MISSING_NONPROP if default is None else default,
            )
    except SystemExit:
        sys.stdout.write(format_examples(examples))
        raise


def format_examples(examples: Sequence[str]) -> str:
    """The last lines of a help text."""
    if not examples:
        return ""
    return "\n".join(["", "examples:", *(f"  {line}" for line in examples), ""])


_KINDS = {"INT": "a whole number", "FLOAT": "a number"}


def _format_problem(event: _errors.ParseErrorEvent) -> str:
    """Say in one sentence what is wrong with the arguments."""
    match event:
        case _errors.MissingArgs():
            names = (context.arg.lowered for context in event.missing_arguments)
            return f"{', '.join(_name_argument(lowered) for lowered in names)} missing"
        case _errors.InvalidChoice():
            choices = ", ".join(sorted(f"'{choice}'" for choice in event.choices))
            flag = _name_argument(event.argument.lowered)
            return f"{flag} wants one of {choices}; found '{event.value}'"
        case _errors.BadValue():
            lowered = event.argument.lowered
            count = "a value" if lowered.nargs in (None, 1) else f"{lowered.nargs} values"
            return f"{_name_argument(lowered)} wants {count}"
        case _errors.UnrecognizedArgs():
            words = [word for word in event.tokens if word.startswith("-")] or event.tokens
            return f"{', '.join(words)} {'is' if len(words) == 1 else 'are'} not known"
        case _errors.InstantiationFailure() if event.argument is not None:
            lowered = event.argument.lowered
            kind = _KINDS.get((lowered.metavar or "").split("|")[-1].split(" ")[0])
            wanted = f" wants {kind}, found" if kind else ":"
            return f"{_name_argument(lowered)}{wanted} {event.message.split(': ')[-1]}"
    return getattr(event, "message", "the arguments cannot be read")


def _name_argument(lowered: Any) -> str:
    """The flag, or the name of an argument without one as the help shows it."""
    flag: str = lowered.name_or_flags[-1]
    return flag if flag.startswith("-") else (lowered.metavar or flag)


def _suggest_flag(tokens: Sequence[str], options_type: type[T], default: T | None) -> str:
    """The flag of the help that is most like the first that is not known."""
    unknown = next((word.split("=")[0] for word in tokens if word.startswith("--")), None)
    if unknown is None:
        return ""
    try:
        with redirect_stdout(io.StringIO()) as text:
            tyro.cli(
                options_type,
                args=["--help"],
                default=tyro.MISSING_NONPROP if default is None else default,
            )
    except SystemExit:
        pass
    flags = {word.strip("[],") for word in text.getvalue().split() if word.startswith("--")}
    nearest = max(sorted(flags), key=lambda flag: _rate_likeness(unknown, flag))
    is_near = max(_rate_likeness(unknown, nearest)) >= _MIN_LIKENESS
    return f"; did you mean {nearest}?" if is_near else ""


_MIN_LIKENESS = 0.6
_INITIALS_LIKENESS = 0.9


def _rate_likeness(unknown: str, flag: str) -> tuple[float, float]:
    """How much two flags look alike, by what stands behind the last dot too, and as a whole.

    Initials count, for people write --lr, --learning-rate and --wd.
    """
    words, known = unknown.removeprefix("--"), flag.removeprefix("--")
    last, known_last = words.split(".")[-1], known.split(".")[-1]
    whole = SequenceMatcher(None, words, known).ratio()
    likeness = max(whole, SequenceMatcher(None, last, known_last).ratio())
    if known_last == _initials(last) or last == _initials(known_last):
        likeness = max(likeness, _INITIALS_LIKENESS)
    return likeness, whole


def _initials(words: str) -> str:
    return "".join(word[:1] for word in words.split("-"))
