"""On a terminal a long job has a bar, below the lines of the log; elsewhere there is none."""

import io
import logging
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from videomae2.base.progress import track
from videomae2.cli.log import show_log
from videomae2.cli.terminal import print_pairs

_logger = logging.getLogger("videomae2.tests.progress")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """What standard error can be."""
    for name, value in {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def work(terminal, *, json=False):
    with (
        redirect_stderr(terminal),
        show_log(json=json, on_stderr=False),
        track("evaluate", total=4) as progress,
    ):
        for loss in (0.5, 0.25):
            progress.advance(loss=loss, data_wait_share=0.125)
            _logger.info(f"loss     {loss}")


def test_a_bar_on_a_terminal_says_how_far_and_lines_go_to_their_file(terminal, capsys):
    work(terminal)
    drawn = terminal.getvalue()
    assert "evaluate" in drawn
    assert "2/4 videos" in drawn
    assert "loss 0.25  data wait 12%" in drawn
    assert capsys.readouterr().out == "loss     0.5\nloss     0.25\n"


def test_lines_on_the_same_terminal_stand_above_the_bar(terminal):
    with redirect_stdout(terminal):
        work(terminal)
    lines = terminal.getvalue().splitlines()
    (above,) = (number for number, line in enumerate(lines) if line.endswith("loss     0.25"))
    assert any("2/4 videos" in line for line in lines[above:])


@pytest.mark.parametrize("count", [1, 3])
def test_results_on_the_same_terminal_stand_above_the_bar(terminal, count):
    with (
        redirect_stdout(terminal),
        redirect_stderr(terminal),
        show_log(json=False, on_stderr=False),
        track("predict", total=3) as progress,
    ):
        for number in range(count):
            sys.stdout.write(f"video-{number}.mp4\n")
            print_pairs([("9.24%", f"spins-{number}"), ("8.95%", f"shrinks-{number}")], indent=2)
            progress.advance()
    written = re.split(r"[\r\n]", terminal.getvalue())
    for word in ("video", "spins", "shrinks"):
        for number in range(count):
            (line,) = (text for text in written if f"{word}-{number}" in text)
            assert "/3 videos" not in line


@pytest.mark.parametrize("case", ["json", "dumb"])
def test_no_bar(terminal, monkeypatch, capsys, case):
    if case == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    work(terminal, json=case == "json")
    said = "loss     0.5\nloss     0.25\n"
    assert terminal.getvalue() == (said if case == "json" else "")
    assert capsys.readouterr().out == ("" if case == "json" else said)


def test_no_color_is_respected(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    work(terminal)
    assert "2/4 videos" in terminal.getvalue()
    assert "\x1b[3" not in terminal.getvalue()


def test_rich_is_imported_for_a_bar_only():
    code = (
        "import sys; from videomae2.base.progress import track;"
        "from videomae2.cli.log import show_log\n"
        "from videomae2.cli.terminal import print_pairs\n"
        "with show_log(json=False, on_stderr=False), track('x', total=1) as job: job.advance()\n"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
