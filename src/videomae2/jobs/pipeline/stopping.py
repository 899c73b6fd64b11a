"""Asked to stop between two trainings, a pipeline ends at once; everything is written whole."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from videomae2.engine.signals import STOP_SIGNALS, raise_if_stopped
from videomae2.errors import Interrupted


class _StopRequested(BaseException):
    """Ends what is being done; no ``except Exception`` on the way takes it for a failure."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn signals to stop into Interrupted, until a training takes them over.

    A signal arrives in the middle of any code, which may make another error of it or swallow it;
    so that somebody has asked is noted as well, and decides. Only in the main thread, where Python
    can catch signals.

    Raises:
        Interrupted: Somebody has asked before, or meanwhile.
    """
    raise_if_stopped()
    received: list[signal.Signals] = []

    def raise_stop(number: int, frame: FrameType | None) -> NoReturn:
        received.append(signal.Signals(number))
        raise _StopRequested

    previous_handlers = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOP_SIGNALS}
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, raise_stop)
    except ValueError:  # another thread
        yield
        return
    try:
        yield
    except BaseException as error:
        if received:
            raise _build_interrupted(received[0]) from error
        raise
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
    if received:
        raise _build_interrupted(received[0])


def _build_interrupted(number: signal.Signals) -> Interrupted:
    return Interrupted(f"asked to stop by {number.name}; what is saved is kept")
