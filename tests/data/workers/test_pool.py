import contextlib
import gc
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pool_functions import Ask
from tests.helpers.processes import descendants, is_alive, wait_until
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoMAE2Error

FUNCTION = "tests.helpers.pool_functions:act"
PREPARE = "tests.helpers.pool_functions:prepare"


def pool(workers=2, *, deadline=20.0, memory=None, slots=2, function=FUNCTION, tries=1):
    return Pool(
        function,
        num_workers=workers,
        timeout_seconds=deadline,
        memory_limit_bytes=memory,
        buffers_per_worker=slots,
        max_attempts=tries,
    )


@pytest.mark.parametrize("way", ["crash", "hang", "nap"])
def test_nobody_is_blamed_for_what_comes_before_their_time(way, tmp_path):
    asks = [Ask(f"{i}.mp4", "nap", 0.6, (way, str(tmp_path / f"{i}"))) for i in range(2)]
    limits = {"timeout_seconds": 1.0, "memory_limit_bytes": None}
    with Pool(FUNCTION, num_workers=1, prepare=PREPARE, **limits) as crew:
        assert values(crew.map([*asks, *echoes(2)])) == [pytest.approx(0.6)] * 2 + [0, 1]
        assert crew.stats[0].restarts == 2 * (way != "nap")


@pytest.fixture(scope="module")
def calm():
    """One process for the tests that leave it as it was; each start costs a third of a second."""
    with pool(1) as crew:
        yield crew


def echoes(count):
    return [Ask(f"{i}.mp4", "echo", i) for i in range(count)]


def values(answers):
    """The number that each `echo` got, or the reason that there is none."""
    return [
        answer.error.reason if answer.error else float(answer.arrays["value"][0, 0])
        for answer in answers
    ]


def test_answers_come_in_the_order_of_the_requests():
    draw = random.Random(0)
    asks = [Ask(f"{i}.mp4", "nap", i * 1.0) for i in range(30)]
    asks = [Ask(a.path, "nap", draw.random() * 0.02) for a in asks]
    with pool() as crew:
        got = [(a.request, float(a.arrays["value"][0, 0]), a.meta["path"]) for a in crew.map(asks)]
    assert got == [(ask, np.float32(ask.value), ask.path) for ask in asks]


@pytest.mark.parametrize("slots", [1, 3])
def test_requests_are_taken_only_as_answers_are_asked_for(slots):
    taken = []

    def endless():
        for i in itertools.count():
            taken.append(i)
            yield Ask(f"{i}.mp4", "echo", i)

    with pool(slots=slots) as crew:
        answers = crew.map(endless())
        assert taken == []
        assert values(itertools.islice(answers, 20)) == list(range(20))
        assert len(taken) == 19 + 2 * slots


def test_no_process_gives_the_same_answers_as_two():
    asks = [*echoes(3), Ask("a", "refuse"), Ask("b", "stumble"), Ask("c", "many", 50), *echoes(2)]

    def seen(workers):
        with pool(workers) as crew:
            return [
                (
                    answer.request,
                    {name: array.tolist() for name, array in (answer.arrays or {}).items()},
                    answer.meta,
                    str(answer.error),
                )
                for answer in crew.map(asks)
            ]

    assert seen(0) == seen(2)


def test_arrays_of_all_kinds_and_sizes_arrive():
    sizes = [10, 2_000_000, 10, 30_000_000, 5]  # 40 B to 120 MB, in a slot that starts at 1 MiB
    with pool(1, slots=1) as crew:
        for size, answer in zip(sizes, crew.map(Ask("a", "many", n) for n in sizes), strict=True):
            arrays = answer.arrays
            assert arrays["frames"].shape == (4, size)
            assert (arrays["frames"] == np.arange(4, dtype=np.uint8)[:, None]).all()
            assert np.shares_memory(arrays["slice"], arrays["frames"])
            assert arrays["slice"][:, -1].tolist() == [1, 2]
            assert arrays["late"].tolist() == [0, 1, 2, 3, 4]
            assert arrays["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
            assert arrays["empty"].shape == (0, 4)
            assert arrays["number"] == 7.5
            assert answer.meta == {"size": size}


def test_a_large_request_arrives(calm):
    extra = np.arange(1_000_000)
    assert values(calm.map(Ask("a", "echo", i, extra) for i in range(3))) == [0, 1, 2]


def test_errors_name_the_video_and_the_reason(calm):
    asks = [Ask("a.mp4", "refuse"), Ask("b.mp4", "stumble")]
    errors = [answer.error for answer in calm.map(asks)]
    assert str(errors[0]) == "cannot read a.mp4: it has no frames"
    assert str(errors[1]).startswith("cannot read b.mp4: KeyError: 'nothing' (pool_functions.py:")


def test_a_request_without_a_path_is_named_by_its_text(calm):
    (answer,) = calm.map(["just text"])
    assert answer.error.path == "just text"
    assert answer.error.reason.startswith("AttributeError")


def test_a_hanging_video_is_killed_and_the_rest_read():
    asks = [*echoes(2), Ask("bad.mp4", "hang"), *echoes(5)]
    with pool(deadline=0.5) as crew:
        started = time.monotonic()
        got = values(crew.map(asks))
        assert time.monotonic() - started < 5
        assert got == [0, 1, "took longer than 0.5 s", 0, 1, 2, 3, 4]
        assert sum(usage.restarts for usage in crew.stats) == 1


@pytest.mark.parametrize(("act", "restarts"), [("once_slow", 1), ("once_late", 0)])
def test_what_was_slow_once_is_tried_again_and_keeps_its_place(tmp_path, act, restarts):
    asks = [*echoes(1), Ask("busy.mp4", act, 7, str(tmp_path / "mark")), *echoes(3)]
    with pool(1, deadline=1.0, slots=3, tries=2) as crew:
        assert values(crew.map(asks)) == [0, 7, 0, 1, 2]
        (usage,) = crew.stats
    assert (usage.results, usage.errors, usage.restarts) == (5, 0, restarts)


def test_what_is_slow_each_time_is_given_up():
    with pool(1, deadline=0.5, slots=2, tries=2) as crew:
        assert values(crew.map([Ask("bad.mp4", "hang"), *echoes(2)])) == [
            "took longer than 0.5 s",
            0,
            1,
        ]
        assert crew.stats[0].restarts == 2


def test_no_process_tries_again_as_well(tmp_path):
    asks = [Ask("busy.mp4", "once_late", 7, str(tmp_path / "mark")), Ask("a", "refuse")]
    with pool(0, tries=2) as crew:
        assert values(crew.map(asks)) == [7, "it has no frames"]


def test_decoders_are_there_before_the_time_of_a_video_runs():
    with pool(1) as crew:
        (answer,) = crew.map([Ask("a", "decoders")])
    assert answer.meta["there"] == [True, True]


def test_the_deadline_runs_while_nobody_asks_for_answers():
    asks = [Ask("a", "nap", 0.3), Ask("b", "nap", 0.3), Ask("c", "nap", 0.3)]
    with pool(1, deadline=0.6, slots=3) as crew:
        answers = crew.map(asks)
        next(answers)
        time.sleep(0.7)
        assert [answer.error for answer in answers] == [None, None]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (
            "crash",
            r"the reading process died with signal 11 \(SIGSEGV\); last printed: a decoder says",
        ),
        ("leave", "the reading process ended with code 3"),
    ],
)
def test_a_crashing_video_costs_only_itself(act, reason):
    asks = [*echoes(3), Ask("bad.mp4", act), Ask("worse.mp4", act), *echoes(3)]
    with pool(1) as crew:
        answers = [(answer.error, answer.request.path) for answer in crew.map(asks)]
    assert [path for error, path in answers if error] == ["bad.mp4", "worse.mp4"]
    with pytest.raises(VideoMAE2Error, match=rf"cannot read bad\.mp4: {reason}"):
        raise answers[3][0]


@pytest.mark.slow
def test_every_video_may_crash():
    with pool() as crew:
        got = values(crew.map([Ask(f"{i}", "crash") for i in range(8)]))
    assert len(got) == 8
    assert all("signal 11" in reason for reason in got)


@pytest.mark.parametrize("act", ["eat", "eat_slot"])
def test_a_video_that_eats_memory_is_refused(act):
    asks = [*echoes(2), Ask("big.mp4", act, 1_000_000_000), *echoes(3)]
    with pool(1, memory=300_000_000) as crew:
        got = values(crew.map(asks))
        assert crew.stats[0].restarts == 1
    assert got == [0, 1, "needs more than 0.3 GB of memory", 0, 1, 2]


def test_a_slot_that_grew_gives_its_memory_back():
    def shared_bytes():
        total = 0
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if "memfd:videomae2" in os.readlink(link):
                    total += os.stat(link).st_blocks * 512
        return total

    others = shared_bytes()
    with pool(1, slots=1) as crew:
        answers = crew.map([Ask("a", "many", 40_000_000), *echoes(1)])
        next(answers)
        assert shared_bytes() - others > 300e6  # twice: the mapping keeps a second descriptor
        next(answers)
        assert shared_bytes() - others < 150e6


def test_noise_stays_out_of_the_terminal(capfd):
    with pool(1) as crew:
        assert values(crew.map([Ask("a", "noisy", 1), Ask("b", "noisy", 2)])) == [1, 2]
    assert capfd.readouterr() == ("", "")


def test_a_worker_is_small_and_deaf():
    with pool(1) as crew:
        (answer,) = crew.map([Ask("a", "report")])
    meta = answer.meta
    assert not meta["torch"]
    assert meta["threads"] == ["1", "1", "1"]
    assert meta["session"] == meta["pid"]
    assert {"SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"} <= set(meta["ignored"])
    assert meta["blocked"] == 0


def test_signals_to_the_processes_change_nothing(capfd):
    asks = [Ask("a", "report"), Ask("b", "nap", 0.2), *echoes(3)]
    with pool(1) as crew:
        answers = crew.map(asks)
        pid = next(answers).meta["pid"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(pid, number)
        assert all(answer.error is None for answer in answers)
        assert crew.stats[0].restarts == 0
    assert capfd.readouterr() == ("", "")


def test_an_idle_process_that_is_killed_is_replaced_and_nobody_blamed():
    with pool(1, slots=1) as crew:
        answers = crew.map([Ask("a", "report"), *echoes(3)])
        pid = next(answers).meta["pid"]
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not is_alive(pid))
        assert values(answers) == [0, 1, 2]
        assert crew.stats[0].restarts == 1


def test_a_process_that_is_killed_from_outside_costs_nothing_but_time():
    others = set(descendants())
    with pool(1) as crew:
        answers = crew.map([Ask("first"), *(Ask(f"{n}", "nap", 0.3) for n in range(3))])
        assert next(answers).error is None
        killed = 0
        for number in range(3):
            for child in set(descendants()) - others:
                time.sleep(0.05)
                if is_alive(int(child)):
                    os.kill(int(child), signal.SIGKILL)
                    killed += 1
            answer = next(answers)
            assert (answer.error, answer.request.path) == (None, f"{number}")
        assert crew.stats[0].restarts == killed >= 3


def test_a_request_whose_process_is_killed_again_and_again_is_an_error():
    with pool(1) as crew:
        first, second = crew.map([Ask("a", "is_killed"), Ask("b")])
        assert "died with signal 9 (SIGKILL, perhaps for lack of memory)" in str(first.error)
        assert second.error is None
        assert crew.stats[0].restarts == 6


@pytest.mark.parametrize(
    "function", ["no_such_module:act", "tests.helpers.pool_functions:no_such_function"]
)
def test_a_function_that_cannot_be_imported_is_an_error_at_once(function):
    with (
        pool(1, function=function) as crew,
        pytest.raises(VideoMAE2Error, match=r"(?s)failed 3 times.*code 1.*no_such_"),
    ):
        next(crew.map(echoes(1)))


def test_usage_counts_answers_errors_and_stages():
    with pool(1) as crew:
        list(crew.map([*echoes(3), Ask("a", "refuse"), Ask("b", "nap", 0.05)]))
        (usage,) = crew.stats
    assert (usage.results, usage.errors, usage.restarts) == (5, 1, 0)
    assert usage.stages == {"echo": 4.0}
    assert usage.busy_seconds >= 0.05


def test_a_map_given_up_leaves_a_pool_for_the_next():
    with pool(deadline=0.5) as crew:
        answers = crew.map([*echoes(1), Ask("bad.mp4", "hang"), *echoes(9)])
        next(answers)
        answers.close()
        assert values(crew.map(echoes(7))) == list(range(7))


def test_two_maps_at_once_are_refused(calm):
    first = calm.map(echoes(2))
    next(first)
    with pytest.raises(RuntimeError, match="another map"):
        next(calm.map(echoes(1)))
    assert values(first) == [1]


def test_an_error_of_the_requests_passes_through(calm):
    def requests():
        yield from echoes(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(calm.map(requests()))
    with pytest.raises((TypeError, AttributeError), match=r"pickle|local object"):
        list(calm.map([Ask("a", extra=lambda: None)]))
    assert values(calm.map(echoes(2))) == [0, 1]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_closed_pool_reads_nothing(workers):
    crew = pool(workers)
    answers = crew.map(echoes(3))
    last = next(answers).arrays["value"]
    crew.close()
    crew.close()
    assert last.shape == (2, 3)  # still memory, though the pool is gone
    with pytest.raises(RuntimeError, match="closed"):
        next(answers)
    with pytest.raises(RuntimeError, match="closed"):
        next(crew.map(echoes(1)))


def test_closing_is_quick_while_another_thread_waits():
    crew, ends = pool(1, deadline=60.0), []

    def consume():
        try:
            list(crew.map([*echoes(1), Ask("bad.mp4", "hang")]))
        except RuntimeError as error:
            ends.append(str(error))

    thread = threading.Thread(target=consume)
    thread.start()
    assert wait_until(lambda: crew.stats[0].results == 1)
    started = time.monotonic()
    crew.close()
    thread.join(5)
    assert time.monotonic() - started < 2
    assert ends == ["the pool is closed"]


def test_a_pool_outlives_the_thread_that_made_it():
    made = []
    thread = threading.Thread(target=lambda: made.append(pool(1)))
    thread.start()
    thread.join()
    with made[0] as crew:
        assert values(crew.map(echoes(5))) == [0, 1, 2, 3, 4]
        assert crew.stats[0].restarts == 0


@pytest.mark.slow
def test_nothing_is_left_behind():
    def belongings():
        gc.collect()
        shared = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
        return len(os.listdir("/proc/self/fd")), sorted(shared), descendants()

    before = belongings()
    with pool(deadline=0.5) as crew:
        asks = [*echoes(3), Ask("a", "crash"), Ask("b", "hang"), Ask("c", "leave"), *echoes(9)]
        for answer in itertools.islice(crew.map(asks), 9):
            assert answer.arrays is None or answer.arrays["value"].shape == (2, 3)
        del answer
    assert belongings() == before


OWNER = """
import sys
from tests.helpers.pool_functions import Ask
from tests.helpers.processes import descendants, is_alive, wait_until
from videomae2.data.workers.pool import Pool

limits = {"timeout_seconds": 600, "memory_limit_bytes": None}
crew = Pool("tests.helpers.pool_functions:act", num_workers=2, **limits)
answers = crew.map([Ask("a", "report"), Ask("b", "report"), *[Ask("c", "hang")] * 4])
print(next(answers).meta["pid"], next(answers).meta["pid"], flush=True)
next(answers)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an alarm does it, later")
def test_processes_die_with_their_parent(number):
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as owner:
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(set(pids)) == 2
        assert all(is_alive(pid) for pid in pids)
        owner.send_signal(number)
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_impossible_pools_are_refused():
    with pytest.raises(ValueError, match=r"got -1, 20\.0 s and 2"):
        pool(-1)
