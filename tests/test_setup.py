"""`make setup` refuses a Python that is too old in a sentence, and installs nothing unnamed.

And a wheel holds all that the package needs where there is no repository.
"""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers.pretrain_runs import small_videos

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built with what is installed here: nothing is downloaded."""
    pytest.importorskip("hatchling", reason="builds the wheel without a download")
    folder = tmp_path_factory.mktemp("wheel")
    words = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", *words], check=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs a command of the installed wheel in a folder that is not the repository."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = next((folder / "venv").glob("lib/python3.*/site-packages"))
    words = ["--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *words], check=True)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    own = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}

    def run(*words):
        command = [
            str(python),
            "-c",
            "from videomae2.cli.main import main; raise SystemExit(main())",
        ]
        return subprocess.run(
            [*command, *words], cwd=folder, env=own, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.slow
def test_a_wheel_holds_templates_lists_and_types(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {Path(name) for name in file.namelist()}
    source = ROOT / "src"
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    wanted = {path for path in wanted if "__pycache__" not in path.parts}
    assert Path("videomae2/py.typed") in names
    assert any(path.suffix == ".html" for path in names)
    assert wanted <= names


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_installed_wheel_runs_elsewhere(installed, tmp_path):
    help_text = installed("--help")
    assert "pretrain        dual-masked pre-training" in help_text.stdout
    small_videos(tmp_path / "videos")
    encoder = "{frames: 4, height: 32, width: 32, embed_dim: 24, depth: 1, num_heads: 2}"
    (tmp_path / "small.yaml").write_text(
        f"model: {{encoder: {encoder}, decoder: {{depth: 1, embed_dim: 16, num_heads: 2}}}}\n"
        "optim: {epochs: 1, warmup_epochs: 0, global_batch_size: 8, micro_batch_size: 8}\n"
        "reading: {num_workers: 1}\nruntime: {device: cpu, precision: fp32}\n"
    )
    words = (
        "own-cpu",
        str(tmp_path / "videos" / "train"),
        "--config",
        str(tmp_path / "small.yaml"),
    )
    done = installed("pretrain", *words, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "checkpoints").is_dir()
