"""Asked to stop between two trainings, a pipeline ends at once; everything is written whole."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from videomae2.engine.signals import STOP, end_if_asked
from videomae2.errors import Interrupted


class _AskedError(BaseException):
    """Ends what is being done; no ``except Exception`` on the way takes it for a failure."""


@contextmanager
def ending_when_asked() -> Iterator[None]:
    """Turn signals to stop into Interrupted, until a training takes them over.

    A signal arrives in the middle of any code, which may make another error of it or swallow it;
    so that somebody has asked is noted as well, and decides. Only in the main thread, where Python
    can catch signals.

    Raises:
        Interrupted: Somebody has asked before, or meanwhile.
    """
    end_if_asked()
    asked: list[signal.Signals] = []

    def end(number: int, frame: FrameType | None) -> NoReturn:
        asked.append(signal.Signals(number))
        raise _AskedError

    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOP}
    try:
        for number in STOP:
            signal.signal(number, end)
    except ValueError:  # another thread
        yield
        return
    try:
        yield
    except BaseException as error:
        if asked:
            raise _interrupted(asked[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise _interrupted(asked[0])


def _interrupted(number: signal.Signals) -> Interrupted:
    return Interrupted(f"asked to stop by {number.name}; what is saved is kept")
