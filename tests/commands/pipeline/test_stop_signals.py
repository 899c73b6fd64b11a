"""A signal that arrives in the middle of anybody's code ends a pipeline as asked to stop."""

import os
import signal
import threading
from contextlib import suppress

import pytest
import torch

from videomae2.base.signals import SignalHandler, interruptible
from videomae2.errors import CheckpointError, Interrupted
from videomae2.models.weights.containers.source import read_source

SAID = "asked to stop by SIGTERM; what is saved is kept"


def send():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    yield
    assert signal.getsignal(signal.SIGTERM) == before


def stopped(work):
    """Do some work as a pipeline does it, which must end as asked, and give what that came from."""
    with pytest.raises(Interrupted, match=SAID) as caught, interruptible():
        work()
    return caught.value.__cause__


def test_it_ends_what_is_being_done_at_once():
    done = []

    def work():
        send()
        done.append("went on")

    stopped(work)
    assert done == []


def test_code_that_survives_every_error_does_not_survive_it():
    done = []

    def work():
        with suppress(Exception):
            send()
        done.append("went on")

    stopped(work)
    assert done == []


def test_code_that_makes_another_error_of_it_changes_nothing():
    def work():
        try:
            send()
        except BaseException as error:
            raise TypeError("unsupported callable") from error

    assert isinstance(stopped(work), TypeError)


def test_code_that_swallows_whatever_comes_only_delays_it():
    done = []

    def work():
        with suppress(BaseException):
            send()
        done.append("went on")

    assert stopped(work) is None
    assert done == ["went on"]


def test_a_good_file_of_weights_is_not_accused(tmp_path, monkeypatch):
    torch.save({"model": {"a": torch.zeros(2)}}, tmp_path / "w.pth")
    load = torch.load

    def late(*arguments, **settings):
        send()
        return load(*arguments, **settings)

    monkeypatch.setattr(torch, "load", late)
    cause = stopped(lambda: read_source(tmp_path / "w.pth"))
    assert not isinstance(cause, CheckpointError)


def test_a_training_that_ended_well_hands_the_wish_on():
    done = []

    def work():
        with SignalHandler():
            send()
            done.append("trained to its end")
        done.append("the next began")

    stopped(work)
    assert done == ["trained to its end"]


def test_an_error_of_its_own_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), interruptible():
        raise ZeroDivisionError


def test_in_another_thread_nothing_is_caught():
    found = []

    def work():
        with interruptible():
            found.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["done"]
