"""`make setup` refuses a Python that is too old in a sentence, and installs nothing unnamed."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = set(re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))


def old_python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    path.chmod(0o755)
    return path


def set_up(tmp_path, **words):
    settings = [f"{name}={value}" for name, value in words.items()]
    command = ["make", "-C", str(ROOT), "--no-print-directory", "setup", *settings]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    return subprocess.run(command, env=own, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("there", [True, False])
def test_an_old_python_makes_no_environment(there, tmp_path):
    python = old_python(tmp_path / "python") if there else tmp_path / "nothing"
    done = set_up(tmp_path, VENV=tmp_path / "venv", PYTHON=python)
    assert done.returncode != 0
    found = "Python 3.9.2" if there else "not there"
    said = done.stdout.splitlines()[-1]
    assert said == (
        f"videomae2 needs Python 3.11, 3.12 or 3.13, and '{python}' is {found}; "
        "name another: make setup PYTHON=python3.12"
    )
    assert not (tmp_path / "venv").exists()


def test_an_environment_of_an_old_python_is_not_used(tmp_path):
    old_python(tmp_path / "venv" / "bin" / "python")
    done = set_up(tmp_path, VENV=tmp_path / "venv")
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == (
        f"{tmp_path}/venv was made with Python 3.9.2, and videomae2 needs Python 3.11, 3.12 or "
        "3.13: make clean removes it"
    )


def test_what_installs_and_builds_is_pinned_too():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {"uv", *build} <= PINNED
    install = re.search(r"uv pip install.*\n?.*", (ROOT / "Makefile").read_text())
    assert install is not None
    assert "-c constraints.txt -b constraints.txt" in install[0]


def test_what_the_package_needs_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    names = {re.split(r"[><=\[]", name)[0] for name in wanted} - {"videomae2"}
    assert names <= PINNED
