"""What an evaluation has done so far, for a line now and then."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from videomae2.data.answers import Answer
from videomae2.data.view_reading import ViewsRequest
from videomae2.engine.runlog import duration
from videomae2.jobs.scoring import Underway

_SAY_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class Progress:
    """What was done so far, for a line now and then."""

    total: int
    say: Callable[[str], None]
    views: int
    """Of a video."""
    done: int = 0
    """Videos that are finished, in this call or an earlier one."""
    decodings: int = 0
    """Videos that were opened and decoded, broken ones too."""
    frames: int = 0
    """Frames that were decoded for views."""
    waited: float = 0.0
    """Seconds of waiting for videos at whose end there was nothing left to compute."""
    started: float = field(default_factory=time.perf_counter)
    scored: int = 0
    """Videos that were read in this call, and scored if they could be."""
    said_at: float = field(default_factory=time.perf_counter)

    def timed(
        self, answers: Iterator[Answer[ViewsRequest]], underway: Underway | None
    ) -> Answer[ViewsRequest]:
        """Take the next answer while scores are underway, and count what it cost."""
        began = time.perf_counter()
        answer = next(answers)
        if underway is None or underway.done():
            self.waited += time.perf_counter() - began
        self.decodings += 1
        self.frames += len(answer.meta.get("indices", ()))
        return answer

    def add(self, videos: int) -> None:
        """Count finished videos, and say so if nothing was said for a while."""
        self.done += videos
        self.scored += videos
        now = time.perf_counter()
        if now - self.said_at >= _SAY_EVERY_SECONDS or self.done == self.total:
            self.said_at = now
            self.say(self._line(now - self.started))

    def _line(self, seconds: float) -> str:
        rate = self.scored / seconds
        left = (self.total - self.done) / rate
        return (
            f"videos {self.done:>{len(str(self.total))}}/{self.total}  {rate:.2f} videos/s  "
            f"{rate * self.views:.1f} views/s  data wait {self.waited / seconds:.0%}  "
            f"{duration(left)} left"
        )
