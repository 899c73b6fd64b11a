"""Requests from outside: stop and save (SIGTERM, SIGINT, SIGHUP), or save and go on (SIGUSR1).

A command listens from its beginning, a loop within it anew: the inner handler takes over what the
outer one has received. Where nothing listens, such as between two trainings of a pipeline,
``interruptible`` ends the command at once; every file is written atomically.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn

from videomae2.errors import Interrupted

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that ask to stop."""
_SAVE_SIGNALS = (signal.SIGUSR1,)


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

    previous_handlers = {
        number: signal.getsignal(number) or signal.SIG_DFL
        for number in filter(_is_heeded, STOP_SIGNALS)
    }
    try:
        for number in previous_handlers:
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


def _is_heeded(number: signal.Signals) -> bool:
    """Whether a signal is for us: nohup starts programs that ignore the end of their terminal."""
    return number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN


def _build_interrupted(number: signal.Signals) -> Interrupted:
    return Interrupted(f"asked to stop by {number.name}; what is saved is kept")


class SignalHandler:
    """A context in which signals set a flag; the loop looks at it between micro-batches.

    The second signal to stop is not held back: it ends the process as it would have without us.
    Outside the main thread, where Python cannot catch signals, this does nothing.
    """

    def __init__(self) -> None:
        self.stop_signal: signal.Signals | None = None
        self._save_requested = False
        self._outer_notified = False
        """Whether the outer listener has heard of the wish to stop as well."""
        self._previous_handlers: dict[signal.Signals, Any] = {}
        self._wait_error: type[Exception] | None = None

    def __enter__(self) -> "SignalHandler":
        if threading.current_thread() is threading.main_thread():
            outer = _find_active_handler()
            if outer is not None:
                self.stop_signal, self._save_requested = outer.stop_signal, outer.pop_save_request()
            stop_signals = () if self.stop_signal is not None else STOP_SIGNALS
            for number in filter(_is_heeded, (*stop_signals, *_SAVE_SIGNALS)):
                self._previous_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore(*self._previous_handlers)
        if self.stop_signal is not None and kind is None and not self._outer_notified:
            _forward_signal(self.stop_signal)

    @contextmanager
    def waiting(self, error: type[Exception]) -> Iterator[None]:
        """Raise an error at once where somebody asks to stop while nothing is computed."""
        if self.stop_signal is not None:
            raise error
        self._wait_error = error
        try:
            yield
        finally:
            self._wait_error = None

    def pop_save_request(self) -> bool:
        """Whether somebody asked to save since the last call."""
        requested, self._save_requested = self._save_requested, False
        return requested

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        received = signal.Signals(number)
        if received in _SAVE_SIGNALS:
            self._save_requested = True
            return
        self.stop_signal = received
        self._restore(*STOP_SIGNALS)
        outer = _find_handler(received)
        if outer is not None:  # it lets go as well, so that the second signal ends the process
            outer._on_signal(number, frame)
            self._outer_notified = True
        if self._wait_error is not None:
            raise self._wait_error

    def _restore(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            if number in self._previous_handlers:
                signal.signal(number, self._previous_handlers.pop(number))


def raise_if_stopped() -> None:
    """End what has not begun to train, if somebody has asked to stop.

    Raises:
        Interrupted: Somebody has.
    """
    handler = _find_active_handler()
    if handler is not None and handler.stop_signal is not None:
        raise Interrupted(f"asked to stop by {handler.stop_signal.name} before the first step")


def _find_active_handler() -> SignalHandler | None:
    """The innermost handler; that of the signal to save stays when those to stop are gone."""
    return _find_handler(_SAVE_SIGNALS[0])


def _find_handler(number: signal.Signals) -> SignalHandler | None:
    """The handler that a signal would reach now."""
    handler = getattr(signal.getsignal(number), "__self__", None)
    return handler if isinstance(handler, SignalHandler) else None


def _forward_signal(number: signal.Signals) -> None:
    """Tell who listened before: all was done here before anybody could stop."""
    previous_handler = signal.getsignal(number)
    if callable(previous_handler) and previous_handler is not signal.default_int_handler:
        previous_handler(number, None)
