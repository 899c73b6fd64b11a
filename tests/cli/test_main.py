import subprocess
import sys
from pathlib import Path

import pytest

import videomae2
from videomae2.cli import main as command_line
from videomae2.cli.main import COMMANDS, PLANNED, Command, main
from videomae2.errors import ConfigError, DataError, Interrupted

HEAVY = ("torch", "numpy", "tyro", "yaml", "av", "PIL", "matplotlib", "einops", "jaxtyping")


def add(monkeypatch, function):
    """Make ``videomae2 try`` run a function."""
    monkeypatch.setattr(sys.modules[__name__], "tried", function, raising=False)
    command = Command("try", f"{__name__}:tried")
    monkeypatch.setattr(command_line, "COMMANDS", {**COMMANDS, "try": command})


def fails_with(error):
    def run(arguments):
        raise error

    return run


def test_help_comes_without_anything_heavy():
    code = (
        "import sys; from videomae2.cli.main import main; main(['--help']);"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("LOADED []\n")
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_the_commands(capsys, words):
    assert main(words) == 0
    assert "pretrain        dual-masked pre-training" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"videomae2 {videomae2.__version__}\n"


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "videomae2", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"videomae2 {videomae2.__version__}\n"


def test_a_misspelt_command_suggests_the_nearest(capsys):
    assert main(["pretrian"]) == 2
    said = capsys.readouterr().err
    assert said == "videomae2: error: there is no command 'pretrian'; did you mean pretrain?\n"


@pytest.mark.parametrize("name", ["detect", "features", *PLANNED])
def test_commands_that_are_not_made_yet_are_said(capsys, name):
    assert name not in COMMANDS
    assert main([name, "runs/model", "clips"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"videomae2: error: the command '{name}' is not made yet; nearest: ")
    assert said.count("\n") == 1


def test_a_word_with_another_meaning_suggests_nothing(capsys):
    for word in ("abstract", "inspect", "serve"):
        assert main([word]) == 2
        assert f"there is no command '{word}'; there are demo, pretrain" in capsys.readouterr().err


def test_a_command_gets_its_arguments_and_gives_the_code(monkeypatch):
    seen = []
    add(monkeypatch, lambda arguments: seen.append(arguments) or 7)
    assert main(["try", "a", "--debug", "-b"]) == 7
    assert seen == [["a", "-b"]]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("no"), 2, "videomae2: error: no\n"),
        (ConfigError(["a", "b"]), 2, "videomae2: error: 2 problems:\n  a\n  b\n"),
        (DataError("bad list"), 2, "videomae2: error: bad list\n"),
        (Interrupted("saved at step 3"), 75, "videomae2: saved at step 3\n"),
        (KeyboardInterrupt(), 1, "videomae2: stopped by Ctrl-C\n"),
        (ValueError("x\ny"), 1, "videomae2: error: ValueError: x y (--debug shows where)\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(monkeypatch, capsys, error, code, line):
    add(monkeypatch, fails_with(error))
    assert main(["try"]) == code
    assert capsys.readouterr().err == line


def test_debug_shows_the_traceback(monkeypatch, capsys):
    add(monkeypatch, fails_with(ConfigError("no")))
    assert main(["try", "--debug"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("videomae2: error: no\n")


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    code = "import sys; from videomae2.cli.main import main; sys.exit(main(['--help']))"
    said = tmp_path / "said"
    with said.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", f"import time; time.sleep(0.3); {code}"],
            stdout=subprocess.PIPE,
            stderr=err,
        )
        process.stdout.close()
        assert process.wait(20) == 1
    assert said.read_text() == ""


def test_every_command_has_its_function():
    folder = Path(command_line.__file__).parent
    for name, command in COMMANDS.items():
        module, function = command.function.split(":")
        assert name.replace("-", "_") in (*module.split("."), function.removesuffix("_main"))
        assert (
            f"def {function}("
            in folder.joinpath(*module.split(".")[2:]).with_suffix(".py").read_text()
        )
