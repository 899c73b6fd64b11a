"""Turn a command's arguments into a dataclass; help and errors look alike in all commands.

    @dataclass(frozen=True, kw_only=True, slots=True)
    class Options:
        run: Annotated[Positional[Path], arg(metavar="RUN")]     # from tyro.conf
        '''The run folder.'''                                    # becomes the help text
        frames: int = 16
        '''Frames to show.'''

    def main(arguments: list[str]) -> int:                       # listed in cli/main.py
        options = parse(
            Options,
            arguments,
            prog="videomae2 reconstruct",
            description="Show what a model rebuilds.",
            examples=("videomae2 reconstruct runs/demo video.mp4",),
        )
        ...
        return 0

A wrong argument raises ConfigError, which ``cli/main.py`` prints as one line with exit code 2.
``--help`` prints and raises SystemExit(0), which ``cli/main.py`` lets end the program.
"""

import io
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import TypeVar

import tyro

from videomae2.cli.complaints import usage_error
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
        prog: The command as a person types it, such as "videomae2 bench"; words that ``parse``
            does not read itself may follow in brackets.
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
                options_type, args=list(arguments), prog=prog, description=description, default=default_options
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
