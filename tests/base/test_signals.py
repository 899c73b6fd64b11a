import os
import signal

import pytest

from videomae2.base.signals import SignalHandler, raise_if_stopped
from videomae2.errors import Interrupted


def send(number):
    os.kill(os.getpid(), number)


def test_an_inner_listener_takes_over_what_the_outer_one_has_heard():
    with SignalHandler():
        send(signal.SIGUSR1)
        with SignalHandler() as inner:
            assert inner.pop_save_request()
            assert inner.stop_signal is None
        send(signal.SIGTERM)
        with SignalHandler() as inner:
            assert inner.stop_signal is signal.SIGTERM


def test_an_outer_listener_hears_what_the_inner_one_has_heard():
    with SignalHandler() as outer:
        with SignalHandler():
            send(signal.SIGINT)
        assert outer.stop_signal is signal.SIGINT
        with pytest.raises(Interrupted, match="asked to stop by SIGINT before the first step"):
            raise_if_stopped()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_afterwards_everything_is_as_it_was(number):
    before = signal.getsignal(number)
    with SignalHandler(), SignalHandler():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


def test_the_second_signal_is_not_held_back_by_an_inner_listener():
    before = signal.getsignal(signal.SIGTERM)
    with SignalHandler():
        send(signal.SIGTERM)
        with SignalHandler():
            assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_is_not_held_back_by_an_outer_listener(number):
    before = signal.getsignal(number)
    with SignalHandler() as outer, SignalHandler() as inner:
        send(number)
        assert signal.getsignal(number) == before
        assert outer.stop_signal is inner.stop_signal is number


@pytest.mark.parametrize("asked", [None, signal.SIGUSR1, signal.SIGTERM])
def test_only_a_wish_to_stop_ends_it(asked):
    """And it is forgotten with the listener that heard it."""
    with SignalHandler() as wishes:
        if asked is not None:
            send(asked)
        try:
            raise_if_stopped()
            ended = None
        except Interrupted:
            ended = signal.SIGTERM
        assert ended == wishes.stop_signal
    assert raise_if_stopped() is None
