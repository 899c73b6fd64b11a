"""Wishes from outside: stop and save (SIGTERM, SIGINT), or save and go on (SIGUSR1).

A command listens from its beginning, a loop within it anew: the inner one takes over what the
outer one has heard.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from videomae2.errors import Interrupted

STOP = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask to stop."""
_SAVE = (signal.SIGUSR1,)


class Wishes:
    """A context in which signals set a flag; the loop looks at it between micro-batches.

    The second signal to stop is not held back: it ends the process as it would have without us.
    Outside the main thread, where Python cannot catch signals, this does nothing.
    """

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None
        self._save = False
        self._told = False
        """Whether the outer listener has heard of the wish to stop as well."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Wishes":
        if threading.current_thread() is threading.main_thread():
            outer = _who_listens()
            if outer is not None:
                self.stop, self._save = outer.stop, outer.take_save()
            for number in _SAVE if self.stop is not None else (*STOP, *_SAVE):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore(*self._before)
        if self.stop is not None and kind is None and not self._told:
            _pass_on(self.stop)

    def take_save(self) -> bool:
        """Whether somebody asked to save since the last look."""
        asked, self._save = self._save, False
        return asked

    def _note(self, number: int, frame: FrameType | None) -> None:
        asked = signal.Signals(number)
        if asked in _SAVE:
            self._save = True
            return
        self.stop = asked
        self._restore(*STOP)
        outer = _listener(asked)
        if outer is not None:  # it lets go as well, so that the second signal ends the process
            outer._note(number, frame)
            self._told = True

    def _restore(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            if number in self._before:
                signal.signal(number, self._before.pop(number))


def end_if_asked() -> None:
    """End what has not begun to train, if somebody has asked to stop.

    Raises:
        Interrupted: Somebody has.
    """
    outer = _who_listens()
    if outer is not None and outer.stop is not None:
        raise Interrupted(f"asked to stop by {outer.stop.name} before the first step")


def _who_listens() -> Wishes | None:
    """The innermost wishes; the handler to save stays in place when those to stop are gone."""
    return _listener(_SAVE[0])


def _listener(number: signal.Signals) -> Wishes | None:
    """Whose wishes a signal would set now."""
    owner = getattr(signal.getsignal(number), "__self__", None)
    return owner if isinstance(owner, Wishes) else None


def _pass_on(number: signal.Signals) -> None:
    """Tell who listened before: all was done here before anybody could stop."""
    before = signal.getsignal(number)
    if callable(before) and before is not signal.default_int_handler:
        before(number, None)
