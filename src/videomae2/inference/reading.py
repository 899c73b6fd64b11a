"""How evaluation and prediction read videos: processes, limits and size."""

from dataclasses import dataclass

from videomae2.data.video.reader import ReadLimits
from videomae2.data.workers.pool import Pool
from videomae2.errors import ConfigError
from videomae2.inference.classifier import ClassifierOptions
from videomae2.inference.views import EvalViews, find_view_problems


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalReadingConfig:
    """How videos are read."""

    num_workers: int | None = None
    """Reading processes; by the number of cores if not given, 0 reads in this process."""
    timeout_seconds: float = 60.0
    """A video that takes longer counts as unreadable."""
    memory_limit_gib: float = 4.0
    """A video that needs more memory counts as unreadable."""
    max_short_side: int | None = None
    """Shrink larger frames to this short side while reading; changes pixels a little and saves
    much memory on large videos."""

    @property
    def limits(self) -> ReadLimits:
        """The same for a reader."""
        return ReadLimits(
            timeout_seconds=self.timeout_seconds,
            max_bytes=int(self.memory_limit_gib * 2**30),
            max_short_side=self.max_short_side,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingConfig:
    """How videos are read."""

    num_workers: int = 1
    """Reading processes."""
    timeout_seconds: float = 120.0
    """Reading a video, or the next part of a long one, may take so long."""
    memory_limit_gib: float = 4.0
    """A video that needs more memory cannot be read."""
    max_short_side: int | None = None
    """Shrink larger frames to this short side while reading; changes pixels a little."""
    frame_rate: float | None = None
    """Frames per second of folders of images and arrays, which have no clock of their own."""

    @property
    def limits(self) -> ReadLimits:
        """The same for a reader; ten million frames are four days of video."""
        return ReadLimits(
            timeout_seconds=self.timeout_seconds,
            max_short_side=self.max_short_side,
            max_frames=10_000_000,
        )

    def make_pool(self, function: str, *, num_workers: int) -> Pool:
        """Processes that read, and are killed when that costs too much."""
        return Pool(
            function,
            num_workers=num_workers,
            timeout_seconds=self.timeout_seconds,
            memory_limit_bytes=int(self.memory_limit_gib * 2**30),
        )


def check_settings(views: EvalViews, reading: ReadingConfig, options: ClassifierOptions) -> None:
    """Refuse choices that work with no model, all of them at once.

    Raises:
        ConfigError: Naming them.
    """
    counts = {"--num-workers": reading.num_workers, "--max-short-side": reading.max_short_side}
    amounts = {
        "--timeout-seconds": reading.timeout_seconds,
        "--memory-limit-gib": reading.memory_limit_gib,
        "--frame-rate": reading.frame_rate,
    }
    problems = options.find_problems() + find_view_problems(views, flags="--")
    problems += [
        f"{name} is {value}, wanted 1 or more"
        for name, value in counts.items()
        if value is not None and value < 1
    ]
    problems += [
        f"{name} is {value:g}, wanted more than 0"
        for name, value in amounts.items()
        if value is not None and not 0 < value < float("inf")
    ]
    if problems:
        raise ConfigError(problems)
