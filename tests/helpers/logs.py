"""What the package says, and how far its jobs are, while a test listens."""

import logging
import signal
from contextlib import contextmanager

from videomae2.base.progress import set_display


class Taker(logging.Handler):
    """Hands lines over as they come; what that raises reaches the caller."""

    def __init__(self, take):
        super().__init__()
        self.take = take

    def emit(self, record):
        self.take(record.getMessage())


@contextmanager
def logging_to(take):
    """Give every line of the package's log to ``take``, such as a list's ``append``."""
    logger, taker = logging.getLogger("videomae2"), Taker(take)
    level = logger.level
    logger.addHandler(taker)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(taker)
        logger.setLevel(level)


class Job:
    """What a job said of how far it is."""

    def __init__(self, title, total, unit, done):
        self.title, self.total, self.unit, self.first, self.done = title, total, unit, done, done
        self.steps = []

    def advance(self, count=1, **metrics):
        self.done += count
        self.steps.append(self.done)

    def close(self):
        pass


@contextmanager
def watching_jobs(on_advance=lambda job: None):
    """Give the jobs that begin while the context lasts; each step is shown to ``on_advance``."""
    jobs = []

    class Watched(Job):
        def __init__(self, *words):
            super().__init__(*words)
            jobs.append(self)

        def advance(self, count=1, **metrics):
            super().advance(count, **metrics)
            on_advance(self)

    set_display(Watched)
    try:
        yield jobs
    finally:
        set_display(None)


def stop_at_step(title, done):
    """For ``watching_jobs``: asks to stop when a job has done so many."""

    def on_advance(job):
        if (job.title, job.done) == (title, done):
            signal.raise_signal(signal.SIGTERM)

    return on_advance
