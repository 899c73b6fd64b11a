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


class VideoMAE2Error(Exception):
    """Any error that this package raises on purpose; its text is one sentence for a person."""


class ConfigError(VideoMAE2Error, ValueError):
    """A configuration cannot work. Carries every problem found, not only the first."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


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
        super().__init__(f"cannot read {path}: {reason}")

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
