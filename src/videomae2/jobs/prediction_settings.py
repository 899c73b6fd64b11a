"""What can be chosen about predicting: how videos are read; the views are as in evaluation."""

from dataclasses import dataclass

from videomae2.data.pool import Pool
from videomae2.data.readers import ReadLimits
from videomae2.errors import ConfigError
from videomae2.jobs.asked_classifier import AskedOf
from videomae2.jobs.view_settings import ViewsWish, wrong_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingConfig:
    """How videos are read."""

    workers: int = 1
    """Reading processes."""
    deadline_seconds: float = 120.0
    """Reading a video, or the next part of a long one, may take so long."""
    memory_gib: float = 4.0
    """A video that needs more memory cannot be read."""
    shrink_side: int | None = None
    """Shrink larger frames to this short side while reading; changes pixels a little."""
    frame_rate: float | None = None
    """Frames per second of folders of images and arrays, which have no clock of their own."""

    @property
    def limits(self) -> ReadLimits:
        """The same for a reader; ten million frames are four days of video."""
        return ReadLimits(
            seconds=self.deadline_seconds, shrink_side=self.shrink_side, max_frames=10_000_000
        )

    def pool(self, function: str, *, workers: int) -> Pool:
        """Processes that read, and are killed when that costs too much."""
        return Pool(
            function,
            workers=workers,
            deadline_seconds=self.deadline_seconds,
            memory_bytes=int(self.memory_gib * 2**30),
        )


def check(views: ViewsWish, reading: ReadingConfig, asked: AskedOf) -> None:
    """Refuse choices that work with no model, all of them at once.

    Raises:
        ConfigError: Naming them.
    """
    counts = {"--workers": reading.workers, "--shrink-side": reading.shrink_side}
    amounts = {"--deadline": reading.deadline_seconds, "--memory-gib": reading.memory_gib,
               "--frame-rate": reading.frame_rate}  # fmt: skip
    problems = asked.problems() + wrong_numbers(views, flags="--")
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
