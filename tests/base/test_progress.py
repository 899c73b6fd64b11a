import logging

import pytest

from videomae2.base.progress import set_display, start_progress, track


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_line_comes_at_most_every_30_seconds_with_rate_and_time_left(clock, caplog):
    progress = start_progress("evaluate", total=200, clock=clock)
    with caplog.at_level(logging.INFO, "videomae2"):
        for _ in range(100):
            clock.now += 1
            progress.advance(loss=0.25)
    assert caplog.messages == [
        "evaluate: 30 of 200 videos  1 video/s  2:50 min left  loss 0.25",
        "evaluate: 60 of 200 videos  1 video/s  2:20 min left  loss 0.25",
        "evaluate: 90 of 200 videos  1 video/s  1:50 min left  loss 0.25",
    ]


@pytest.mark.parametrize(
    ("seconds", "lines"),
    [
        ([1.0, 1.0], []),
        ([3.0, 3.0], ["2 of 2 videos  0.333 videos/s  in 6 s"]),
        (
            [31.0, 1.0],
            [
                "1 of 2 videos  0.0323 videos/s  31 s left",
                "2 of 2 videos  0.0625 videos/s  in 32 s",
            ],
        ),
    ],
)
def test_the_end_of_a_job_that_took_a_while_is_said(seconds, lines, clock, caplog):
    progress = start_progress("evaluate", total=2, clock=clock)
    with caplog.at_level(logging.INFO, "videomae2"):
        for passed in seconds:
            clock.now += passed
            progress.advance()
        progress.close()
    assert [message.split(": ")[1] for message in caplog.messages] == lines


def test_shares_are_percentages(clock, caplog):
    progress = start_progress("evaluate", total=2, clock=clock)
    clock.now = 30.0
    with caplog.at_level(logging.INFO, "videomae2"):
        progress.advance(loss=0.123456, data_wait_share=0.216)
    assert caplog.messages[0].endswith("  loss 0.1235  data wait 22%")


def test_what_was_done_before_is_no_part_of_the_rate(clock, caplog):
    progress = start_progress("features", total=1000, done=900, clock=clock)
    clock.now = 60.0
    with caplog.at_level(logging.INFO, "videomae2"):
        progress.advance(60)
    assert caplog.messages == ["features: 960 of 1000 videos  1 video/s  40 s left"]


def test_without_a_total_no_time_is_left(clock, caplog):
    progress = start_progress("predict", total=None, clock=clock)
    clock.now = 30.0
    with caplog.at_level(logging.INFO, "videomae2"):
        progress.advance(3)
    assert caplog.messages == ["predict: 3 videos  0.1 videos/s"]


def merge_and_fail():
    with track("merge", total=2, unit="lists") as progress:
        progress.advance(2, seconds=1.0)
        raise ZeroDivisionError


def test_the_display_of_the_program_shows_jobs_and_is_closed_after_an_error():
    events = []

    class Recorder:
        def __init__(self, *words):
            events.append(words)

        def advance(self, count=1, **metrics):
            events.append((count, metrics))

        def close(self):
            events.append("closed")

    set_display(Recorder)
    try:
        with pytest.raises(ZeroDivisionError):
            merge_and_fail()
    finally:
        set_display(None)
    assert events == [("merge", 2, "lists", 0), (2, {"seconds": 1.0}), "closed"]


def test_the_rate_of_a_job_that_took_a_while_stays_when_its_bar_is_gone(clock, caplog):
    class Bar:
        def __init__(self, *words):
            pass

        def advance(self, count=1, **metrics):
            pass

        def close(self):
            pass

    set_display(Bar)
    try:
        progress = start_progress("evaluate", total=40, clock=clock)
        own_lines = start_progress("training", total=40, log_lines=False, clock=clock)
    finally:
        set_display(None)
    with caplog.at_level(logging.INFO, "videomae2"):
        clock.now = 40.0
        for job in (progress, own_lines):
            job.advance(40, data_wait_share=0.03)
            job.close()
    assert caplog.messages == ["evaluate: 40 of 40 videos  1 video/s  in 40 s  data wait 3%"]
