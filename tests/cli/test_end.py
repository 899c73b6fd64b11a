"""How the process of a command ends: at once, and with nothing lost."""

import os
import subprocess
import sys

import pytest

BEGIN = """
import atexit, os, signal, sys, threading, time
from videomae2.cli import main as module

def work():
    print("done")
    return CODE

module.main = work
"""


def end(code, lines):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""}
    text = BEGIN.replace("CODE", str(code)) + lines + "\nmodule.run()\n"
    call = [sys.executable, "-c", text]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize("code", [0, 2, 75])
@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        ("", []),
        ("atexit.register(print, 'handler')", ["handler"]),
        (
            "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\n"
            "atexit.register(print, 'handler')",
            ["thread", "handler"],
        ),
        ("sys.setprofile(lambda *_: None)\natexit.register(print, 'profile')", ["profile"]),
    ],
)
def test_what_is_printed_and_registered_comes_first(code, lines, printed):
    assert end(code, lines) == (code, ["done", *printed])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_after_the_work_changes_no_exit_code(name):
    lines = f"atexit.register(lambda: (os.kill(os.getpid(), signal.{name}), time.sleep(30)))"
    assert end(75, lines)[0] == 75
