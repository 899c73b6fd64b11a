"""Commands of the docs that are too long to run here: every program, target and flag is there.

Words in capitals stand for something, as in ``pretrain RECIPE PATH``.
"""

import os
import subprocess
import sys
import tomllib
from importlib import import_module

import pytest

from tests.docs_commands import ROOT, Command, all_commands, commands
from videomae2.cli import run_options, train
from videomae2.cli.main import COMMANDS
from videomae2.commands.bench import gpu

TRAINERS = {
    "pretrain": train.build_pretrain_command(),
    "finetune": train.build_finetune_command(),
    "distill": train.build_distill_command(),
}
MEANT = {"RECIPE": "own-cpu", "LR": "1e-3"}


class ReadError(Exception):
    """All flags were read; nothing is to be done."""


def others(program: str) -> list[Command]:
    found = [one for one in all_commands() if one.words[0] == program]
    return [one for one in found if one.slow or not one.runs]


def named(program: str):
    return pytest.mark.parametrize("command", others(program), ids=str)


@named("videomae2")
def test_flags_of_the_package(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, *words = [MEANT.get(word, word) for word in command.words[1:]]
    assert name in COMMANDS or (name, words) == ("--help", [])
    if name in TRAINERS and words:
        words += ["videos"] if len(words) == 1 else []
        run_options.resolve_run(TRAINERS[name], *run_options.split_arguments(words))
    elif words:
        read_only(name, words, monkeypatch)


def read_only(name, words, monkeypatch):
    """Run a command up to where it has read its flags."""
    if (name, words[0]) == ("bench", "gpu"):
        gpu.build_parser().parse_args(words[1:])
        return
    module = import_module(COMMANDS[name].function.split(":")[0])
    if name == "models" and words[0] in ("get", "push"):
        module, words = import_module(f"videomae2.cli.models.{words[0]}"), words[1:]
    parse_options = module.parse_options

    def stop(*arguments, **settings):
        parse_options(*arguments, **settings)
        raise ReadError

    monkeypatch.setattr(module, "parse_options", stop)
    with pytest.raises(ReadError):
        module.main(words)


@named("python")
def test_flags_of_the_benchmarks(command, monkeypatch):
    file, *words = command.words[1:]
    path = ROOT / file
    assert path.parent == ROOT / "benchmarks"
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # some programs add to it
    import_module(path.stem).build_parser().parse_args(words)


@named("make")
def test_targets(command):
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    dry = ["make", "-C", str(ROOT), "-n", *command.words[1:]]
    done = subprocess.run(dry, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@named("pytest")
def test_tests_that_are_named_are_there(command):
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    marks = {mark.split(":")[0] for mark in options["markers"]}
    words = list(command.words[1:])
    if "-m" in words:
        place = words.index("-m")
        assert words.pop(place + 1) in marks
        words.pop(place)
    assert all((ROOT / word).exists() for word in words)


def test_commands_are_found_wherever_they_stand():
    page = """
Say `make demo` or `videomae2 bench pretrain --reads 3`, not `videomae2` or `made up`.

    find . | videomae2 predict RUN - --json > scores
    RUN/metrics.jsonl      what a run leaves

```yaml
    make: nothing
```

- in a list

      python benchmarks/reading.py \\
          --rounds 3

```bash
pytest tests  # all
```
"""
    assert [(one.place, *one.words) for one in commands(page)] == [
        ("bash", "pytest", "tests"),
        ("indented", "videomae2", "predict", "RUN", "-", "--json"),
        ("indented", "python", "benchmarks/reading.py", "--rounds", "3"),
        ("inline", "make", "demo"),
        ("inline", "videomae2", "bench", "pretrain", "--reads", "3"),
    ]


def test_every_program_occurs():
    assert {command.words[0] for command in all_commands()} == {
        "videomae2", "make", "python", "pytest",
    }  # fmt: skip
