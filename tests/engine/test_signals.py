import os
import signal

import pytest

from videomae2.engine.signals import Wishes, end_if_asked
from videomae2.errors import Interrupted


def send(number):
    os.kill(os.getpid(), number)


def test_an_inner_listener_takes_over_what_the_outer_one_has_heard():
    with Wishes():
        send(signal.SIGUSR1)
        with Wishes() as inner:
            assert inner.take_save()
            assert inner.stop is None
        send(signal.SIGTERM)
        with Wishes() as inner:
            assert inner.stop is signal.SIGTERM


def test_an_outer_listener_hears_what_the_inner_one_has_heard():
    with Wishes() as outer:
        with Wishes():
            send(signal.SIGINT)
        assert outer.stop is signal.SIGINT
        with pytest.raises(Interrupted, match="asked to stop by SIGINT before the first step"):
            end_if_asked()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_afterwards_everything_is_as_it_was(number):
    before = signal.getsignal(number)
    with Wishes(), Wishes():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


def test_the_second_signal_is_not_held_back_by_an_inner_listener():
    before = signal.getsignal(signal.SIGTERM)
    with Wishes():
        send(signal.SIGTERM)
        with Wishes():
            assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_is_not_held_back_by_an_outer_listener(number):
    before = signal.getsignal(number)
    with Wishes() as outer, Wishes() as inner:
        send(number)
        assert signal.getsignal(number) == before
        assert outer.stop is inner.stop is number


@pytest.mark.parametrize("asked", [None, signal.SIGUSR1, signal.SIGTERM])
def test_only_a_wish_to_stop_ends_it(asked):
    """And it is forgotten with the listener that heard it."""
    with Wishes() as wishes:
        if asked is not None:
            send(asked)
        try:
            end_if_asked()
            ended = None
        except Interrupted:
            ended = signal.SIGTERM
        assert ended == wishes.stop
    assert end_if_asked() is None
