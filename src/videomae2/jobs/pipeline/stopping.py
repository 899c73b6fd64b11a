"""Asked to stop between two trainings, a pipeline ends at once; everything is written whole."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from videomae2.engine.signals import STOP, end_if_asked
from videomae2.errors import Interrupted


@contextmanager
def ending_when_asked() -> Iterator[None]:
    """Turn signals to stop into Interrupted, until a training takes them over.

    Only in the main thread, where Python can catch signals.

    Raises:
        Interrupted: Somebody has asked before.
    """
    end_if_asked()
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOP}
    try:
        for number in STOP:
            signal.signal(number, _end)
    except ValueError:  # another thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(f"asked to stop by {signal.Signals(number).name}; what is saved is kept")
