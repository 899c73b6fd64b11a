"""A wish to stop is heeded while data is waited for, and never in the middle of computing."""

import os
import queue
import signal
import threading
import time

import pytest
import torch

from videomae2.base.signals import SignalHandler
from videomae2.tensors.clips import Clips
from videomae2.training.prefetch import MicroBatch, MicroBatchIterator, StepAborted


def micro_batch():
    return MicroBatch(Clips(torch.zeros(1, 1, 1, 1, 1), torch.zeros(1, dtype=torch.int64),
                            torch.ones(1)), ["a"])  # fmt: skip


def send_soon(number):
    thread = threading.Timer(0.2, os.kill, (os.getpid(), number))
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("ready", [0, 1])
def test_a_hanging_video_does_not_hold_up_the_end(number, ready):
    batches = queue.Queue()
    for _ in range(ready):
        batches.put(micro_batch())
    with SignalHandler() as signals:
        iterator = MicroBatchIterator(iter(batches.get, None), 2, signals)
        thread, started = send_soon(number), time.monotonic()
        with pytest.raises(StepAborted):
            for _ in iterator.iterate_step():
                pass
        thread.join()
        assert time.monotonic() - started < 2
        assert signals.stop_signal == number
        signals.stop_signal = None  # nobody beyond this test is told


def test_computing_is_not_interrupted():
    with SignalHandler() as signals:
        iterator = MicroBatchIterator(iter([micro_batch(), micro_batch()]), 1, signals)
        for _ in iterator.iterate_step():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert signals.stop_signal == signal.SIGTERM
        with pytest.raises(StepAborted):
            next(iterator.iterate_step())
        signals.stop_signal = None


def test_under_nohup_the_end_of_the_terminal_is_ignored():
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with SignalHandler() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
            assert signals.stop_signal is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, previous)
