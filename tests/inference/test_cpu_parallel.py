"""Parts of a batch on cores of their own: the same answers in the same order."""

import threading

import pytest
import torch

from videomae2.inference import cpu_parallel
from videomae2.inference.cpu_parallel import map_on_threads


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("rows", [1, 2, 5, 13])
def test_every_row_is_computed_once_and_in_order(rows):
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))
    found = map_on_threads(lambda part: part * 2, x)
    assert torch.equal(torch.cat(found), x * 2)


def test_each_part_has_one_core_and_the_caller_keeps_its_own():
    seen = map_on_threads(
        lambda part: (threading.get_ident(), torch.get_num_threads()), torch.zeros(6, 1)
    )
    assert len(seen) == 6
    assert {threads for _, threads in seen} == {1}
    assert threading.get_ident() not in {ident for ident, _ in seen}
    assert torch.get_num_threads() == 3


def test_a_thread_that_begins_later_has_all_cores():
    map_on_threads(lambda part: None, torch.zeros(6, 1))
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [3]


def test_an_error_in_a_part_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        map_on_threads(lambda part: 1 / 0, torch.zeros(6, 1))


def test_fewer_rows_than_cores_are_computed_by_all_cores_together():
    seen = map_on_threads(lambda part: (len(part), torch.get_num_threads()), torch.zeros(2, 1))
    assert seen == [(2, 3)]


def test_threads_that_cannot_be_had_hold_up_nothing(monkeypatch):
    begin, begun = threading.Thread.start, []

    def start(thread):
        if begun:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        begin(thread)

    cpu_parallel._start_threads.cache_clear()
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        map_on_threads(len, torch.zeros(6, 1))
    begun[0].join(10)
    assert not begun[0].is_alive()
    assert torch.get_num_threads() == 3
