import errno
import json
import math
import time

import pytest

from videomae2.base.text import format_duration
from videomae2.training.logger import MetricsLogger
from videomae2.training.metrics_buffer import LogWindow, StepRecord


def record(step, loss=0.5, **changed):
    values = {
        "step": step,
        "loss": loss,
        "lr": 1e-3,
        "grad_norm": 2.0,
        "metrics": {"spread": 0.25},
        "num_clips": 8,
        "num_unreadable": 0,
        "skipped": False,
        "samples": (),
    }
    return StepRecord(**(values | changed))


def read(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def log(folder, first_step=0):
    return MetricsLogger(folder, steps=100, first_step=first_step, get_memory_gib=lambda: 1.5)


def test_one_json_line_per_step_with_speed_on_the_last(tmp_path):
    board = log(tmp_path)
    board.on_log(LogWindow([record(0), record(1)], seconds=4.0, wait_seconds=1.0))
    board.close()
    first, second = read(tmp_path)
    assert first == {"step": 0, "loss": 0.5, "lr": 1e-3, "grad_norm": 2.0, "spread": 0.25}
    assert second["clips_per_second"] == 4
    assert second["data_wait_share"] == 0.25
    assert second["memory_gib"] == 1.5


def test_the_time_of_a_line_is_right_to_a_tenth_of_a_second(tmp_path):
    before = time.time()
    board = log(tmp_path)
    board.on_log(LogWindow([record(0)], seconds=1.0, wait_seconds=0.0))
    board.close()
    assert before - 0.1 <= read(tmp_path)[0]["time"] <= time.time() + 0.1


def test_the_line_for_people_says_all_that_matters(tmp_path, caplog):
    caplog.set_level("INFO", "videomae2")
    board = log(tmp_path)
    bad = record(1, math.nan, skipped=True, num_unreadable=2, samples=("a.mp4",))
    board.on_log(LogWindow([record(0), bad], seconds=4.0, wait_seconds=1.0))
    board.close()
    line = caplog.messages[-1]
    speed = "4 clips/s  data wait 25%  1.5 GiB  3:16 min left  1 step skipped  2 unreadable"
    assert line == f"step   2/100  loss 0.5000  lr 1.00e-03  grad 2  {speed}"
    assert read(tmp_path)[1] | {"time": 0} == {
        **read(tmp_path)[1],
        "loss": None,
        "skipped": True,
        "samples": ["a.mp4"],
        "time": 0,
    }


def test_going_on_forgets_steps_that_will_be_done_again(tmp_path):
    board = log(tmp_path)
    board.on_log(LogWindow([record(step) for step in range(6)], seconds=1.0, wait_seconds=0.0))
    board.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # killed while writing
    log(tmp_path, first_step=4).close()
    assert [line["step"] for line in read(tmp_path)] == [0, 1, 2, 3]


@pytest.mark.parametrize("full_from", [0, 1, 3])
def test_a_full_disk_costs_tensorboard_events_alone(
    tmp_path, monkeypatch, capfd, caplog, full_from
):
    gfile = pytest.importorskip("tensorboard.compat.tensorflow_stub.io.gfile")

    def write_nothing(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    board = log(tmp_path)
    for step in range(3):
        if step == full_from:
            monkeypatch.setattr(gfile.LocalFileSystem, "_write", write_nothing)
        board.on_log(LogWindow([record(step)], seconds=4.0, wait_seconds=1.0))
        time.sleep(0.05)
    monkeypatch.setattr(gfile.LocalFileSystem, "_write", write_nothing)
    board.close()
    assert [line["step"] for line in read(tmp_path)] == [0, 1, 2]
    assert "Traceback" not in capfd.readouterr().err
    assert sum("TensorBoard events" in text for text in caplog.messages) <= 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.0, "4 s"), (200.0, "3:20 min"), (18420.0, "5:07 h"), (187200.0, "2 d 4 h")],
)
def test_durations_read_like_speech(seconds, text):
    assert format_duration(seconds) == text
