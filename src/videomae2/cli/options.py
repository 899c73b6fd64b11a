"""Turn a command's arguments into a dataclass; help and errors look alike in all commands.

A wrong argument raises ConfigError, which ``cli/main.py`` prints as one line with exit code 2. That
line is made of the text in which tyro complains rather than of its error objects, which tyro
declares private. ``--help`` raises SystemExit(0), which ``cli/main.py`` lets end the program.

"""

import io
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import TypeVar

import tyro

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
    stderr = io.StringIO()
    default_options = tyro.MISSING_NONPROP if default is None else default
    try:
        with redirect_stderr(stderr):
            return tyro.cli(
                options_type,
                args=list(arguments),
                prog=prog,
                description=description,
                default=default_options,
            )
    except SystemExit as exit_request:
        if exit_request.code:
            command = prog.split(" [")[0]
            raise ConfigError(f"{usage_error(stderr.getvalue())}; see {command} --help") from None
        sys.stdout.write(format_examples(examples))
        raise


def format_examples(examples: Sequence[str]) -> str:
    """The last lines of a help text."""
    if not examples:
        return ""
    return "\n".join(["", "examples:", *(f"  {line}" for line in examples), ""])


_EDGES = "│╭╮╰╯|+ "


_RULES = "─-"


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


_REWRITES = (
    (r"Error parsing (--?[\w.-]+): invalid literal for int\(\) with base 10: (.*)",
     r"\1 wants a whole number, found \2"),
    (r"Error parsing (--?[\w.-]+): could not convert string to float: (.*)",
     r"\1 wants a number, found \2"),
    (r"Error parsing (--?[\w.-]+): (.*)", r"\1: \2"),
    (r"Missing value for argument '(.*?)'\. Expected (\d+) values?", r"\1 wants \2 values"),
)  # fmt: skip


_CHOICE = re.compile(r"invalid choice (.*) for argument '(.*?)'\. Expected one of \((.*)\)")


def usage_error(panel: str) -> str:
    """Say in one line what is wrong with the arguments."""
    first, *rest = _split_paragraphs(panel)
    text = " ".join(first)
    if match := re.fullmatch(r"Unrecognized options: (.*)", text):
        return _format_unknown(match[1].split(", "), rest)
    if first[0].startswith("Missing from"):
        names = [line for line in first[1:] if re.match(r"-|[A-Z]+\b(?! [a-z])", line)]
        return f"{', '.join(names)} missing"
    text = text.rstrip(".")
    if match := _CHOICE.fullmatch(text):
        text = _format_choice(*match.groups())
    for pattern, words in _REWRITES:
        text = re.sub(f"^{pattern}$", words, text)
    return text.replace("'None'", "None").replace(" 1 values", " a value")


def _format_choice(value: str, flag: str, choices: str) -> str:
    """Name the choices in one order; tyro's differs from run to run."""
    return f"{flag} wants one of {', '.join(sorted(choices.split(', ')))}; found {value}"


def _format_unknown(options: list[str], rest: list[list[str]]) -> str:
    """Say which words are unknown; tyro lists flags with near names in the next paragraph."""
    matches = [line.split()[0] for part in rest[:1] for line in part if line.startswith("--")]
    flags = [word for word in options if word.startswith("-")] or options
    verb = "is" if len(flags) == 1 else "are"
    hint = f"; did you mean {matches[0].rstrip(',')}?" if matches else ""
    return f"{', '.join(flags)} {verb} not known{hint}"


def _split_paragraphs(panel: str) -> list[list[str]]:
    """Lines of a frame without its edges and title, split at its horizontal rules."""
    parts: list[list[str]] = [[]]
    for line in _COLOUR.sub("", panel).splitlines()[1:]:
        text = line.strip(_EDGES)
        if text.strip(_RULES):
            parts[-1].append(text)
        else:
            parts.append([])
    return [part for part in parts if part] or [["the arguments cannot be read"]]
