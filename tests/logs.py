"""What the package says while a test listens."""

import logging
from contextlib import contextmanager


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
