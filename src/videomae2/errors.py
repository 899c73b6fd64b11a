"""The errors raised on purpose, as a tree.

VideoMAE2Error
├── ConfigError (also ValueError)   a recipe or flag cannot work; raised before any work
├── DataError
│   ├── ManifestError               a line of a list is wrong; carries file and line
│   ├── VideoError                  frames cannot be read; carries path and reason
│   │   └── VideoTimeoutError       reading took too long, this time on this machine
│   └── TooManyUnreadableError      too many videos of a data set cannot be read
├── CheckpointError                 missing, half-written, or of another shape
├── NonFiniteLossError              too many steps in a row had no finite loss or gradient
└── Interrupted                     the run was asked to stop, saved, and can be resumed
"""

from collections.abc import Sequence
from pathlib import Path

_MAX_CHARACTERS, _MIN_LINE = 4000, 150
_MAX_PROBLEMS = 20


class VideoMAE2Error(Exception):
    """Any error that this package raises on purpose; its text is one sentence for a person.

    Where a file has words without end, these are cut; lists that a line begins with blanks are not.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= _MAX_CHARACTERS:
            return text
        lines = text.split("\n")
        limit = max(_MIN_LINE, _MAX_CHARACTERS // len(lines))
        return "\n".join(line if line.startswith("  ") else shorten(line, limit) for line in lines)


def shorten(text: str, limit: int) -> str:
    """A text, or its start and its end with … between, in at most so many characters."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 1]}…{text[-end:]}"


class ConfigError(VideoMAE2Error, ValueError):
    """A configuration cannot work. Carries every problem found, not only the first."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        more = len(self.problems) - _MAX_PROBLEMS
        shown = [*self.problems[:_MAX_PROBLEMS], *([f"and {more} more problems"] * (more > 0))]
        super().__init__("\n".join(shown))


class DataError(VideoMAE2Error):
    """Something is wrong with the videos or the lists that name them."""


class ManifestError(DataError):
    """A list of videos cannot be used."""

    def __init__(self, message: str, *, path: Path | str, line: int | None = None) -> None:
        self.path, self.line = Path(path), line
        location = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{location}: {message}")


class VideoError(DataError):
    """Frames of a video cannot be read."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        name = self.path.replace("\n", "\\n").replace("\t", "\\t")  # a message is one line
        super().__init__(f"cannot read {name}: {reason}")

    def __reduce__(self) -> tuple[type["VideoError"], tuple[str, str]]:
        return type(self), (self.path, self.reason)


class VideoTimeoutError(VideoError):
    """Reading took too long: of all errors of a video the one that may not come again."""


class TooManyUnreadableError(DataError):
    """More videos than allowed cannot be read."""


class CheckpointError(VideoMAE2Error):
    """A checkpoint is missing, half-written, or does not fit."""


class NonFiniteLossError(VideoMAE2Error):
    """Too many steps in a row had a loss or gradient that is not finite."""


class Interrupted(VideoMAE2Error):  # noqa: N818 - it is no fault, as KeyboardInterrupt is none
    """The run was asked to stop, saved its state, and can be resumed."""
