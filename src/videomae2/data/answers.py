"""What a pool gives back: an answer for each request, and what each process has done."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from videomae2.errors import VideoError

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True, eq=False)
class Result(Generic[Request]):
    """What became of a request: arrays, or an error."""

    request: Request
    arrays: dict[str, NDArray[Any]] | None
    """Views of memory that is used again once the next answer is asked for; None: see `error`."""
    meta: dict[str, Any]
    """Plain values that the function returned."""
    error: VideoError | None
    seconds: float
    """Time that a process worked on it, by the clock on the wall."""


@dataclass(slots=True)
class WorkerStats:
    """What one worker has done so far."""

    results: int = 0
    errors: int = 0
    restarts: int = 0
    busy_seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds per stage, summed over the `meta["seconds"]` that the function returned."""

    def add(self, result: Result[Any]) -> None:
        self.results += 1
        self.errors += result.error is not None
        self.busy_seconds += result.seconds
        for stage, seconds in result.meta.get("seconds", {}).items():
            self.stages[stage] = self.stages.get(stage, 0.0) + seconds
