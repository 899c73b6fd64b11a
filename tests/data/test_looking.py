"""Many files are looked at; one that hangs costs its own answer and some patience."""

import threading
import time

import pytest

from videomae2.data.manifests.fingerprint import map_with_timeout


@pytest.fixture
def never():
    """What a file waits for that hangs; its thread ends with the test."""
    event = threading.Event()
    yield event
    event.set()


def test_answers_stand_in_the_order_of_the_files():
    paths = [str(number) for number in range(1000)]
    assert map_with_timeout(paths, int, timeout_seconds=10.0) == list(range(1000))
    assert map_with_timeout([], int, timeout_seconds=10.0) == []


@pytest.mark.parametrize("hanging", [1, 20])
def test_what_hangs_is_left_behind(never, hanging):
    def look(path):
        if int(path) < hanging:
            never.wait(60)
        return int(path)

    started = time.monotonic()
    found = map_with_timeout([str(number) for number in range(100)], look, timeout_seconds=0.1)
    assert time.monotonic() - started < 2
    rest = found[hanging:]
    assert found[:hanging] == [None] * hanging
    assert rest == (list(range(1, 100)) if hanging == 1 else [None] * 80)


def test_who_answers_slowly_is_waited_for():
    def look(path):
        time.sleep(0.1)
        return path

    paths = [str(number) for number in range(64)]  # 0.4 s with 16 at once
    assert map_with_timeout(paths, look, timeout_seconds=0.3) == paths
