"""Output that is closed, full or gone costs its lines, never the work."""

import io
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from videomae2.cli.log import show_log
from videomae2.cli.main import main

CALL = [sys.executable, "-m", "videomae2"]


class BrokenStream(io.TextIOBase):
    """Refuses all that is written, and counts it."""

    def __init__(self, error):
        self.error, self.num_refused = error, 0

    def write(self, text):
        self.num_refused += 1
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError(5, "Input/output error"),
        ValueError("I/O operation on closed file"),
    ],
)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_lines_that_cannot_be_printed_are_dropped(monkeypatch, error, name):
    stream = BrokenStream(error)
    monkeypatch.setattr(sys, name, stream)
    with show_log(json=False, on_stderr=name == "stderr"):
        for number in range(3):
            logging.getLogger("videomae2.test").info(f"line {number}")
    assert stream.num_refused == 3, "each was tried, and none ended the work"


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["pretrain"]])
def test_a_closed_output_is_no_failure(words):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = 'exec "$@" >&- 2>&-'
    done = subprocess.run(["sh", "-c", command, "sh", *CALL, *words], env=environment)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_under_the_log_costs_its_lines():
    code = """
import logging, sys
from videomae2.cli.log import show_log
with show_log(json=False, on_stderr=False):
    for number in range(3):
        logging.getLogger("videomae2").info("line %d", number)
sys.stdout.flush()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=full)
    assert done.returncode == 0


@pytest.mark.parametrize("kind", [PermissionError, IsADirectoryError, OSError])
def test_an_error_of_the_system_names_its_file(monkeypatch, capsys, kind):
    def fail(args):
        raise kind(28, "No space left on device", "/disk/file.json")

    monkeypatch.setattr("videomae2.cli.main._run_command", fail)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        "videomae2: error: cannot use /disk/file.json: no space left on device; free some "
        "room, or write elsewhere\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["--help"], ["merge-datasets", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_results_is_one_sentence(words, unbuffered):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONUNBUFFERED": unbuffered,
    }
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*CALL, *words], env=environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == (
        "videomae2: error: cannot use standard output: no space left on device; free some room, "
        "or write elsewhere\n"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(24, "Too many open files"), "too many open files; .* raise it with ulimit -n"),
        (OSError(23, "Too many open files in system"), "the whole machine .* end other programs"),
        (OSError(27, "File too large"), "file too large; .* raise it with ulimit -f unlimited"),
        (OSError(28, "No space left on device"), "no space left on device; free some room"),
        (OSError(12, "Cannot allocate memory"), "cannot allocate memory; .* end other programs"),
        (OSError(27, "File too large", "a.csv"), "cannot use a.csv: file too large; .*ulimit -f"),
    ],
)
def test_a_limit_of_the_system_is_one_sentence_with_what_to_do(monkeypatch, capsys, error, words):
    def fail(args):
        raise error

    monkeypatch.setattr("videomae2.cli.main._run_command", fail)
    assert main(["demo"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line)
    assert "--debug" not in line
