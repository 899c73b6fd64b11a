from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, arg

from videomae2.cli.options import parse_options
from videomae2.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """The run folder."""
    frames: int = 16
    """Frames to show."""
    rate: float | None = None
    """Frames of a second."""
    kind: Literal["png", "mp4"] = "png"
    """What is written."""
    json: bool = False
    """Print JSON."""


def read(*arguments):
    return parse_options(
        Options,
        arguments,
        prog="videomae2 show [VIDEOS ...]",
        description="Show it.",
        examples=("videomae2 show runs/demo",),
    )


def test_arguments_become_the_dataclass():
    assert read("a", "--frames", "4", "--rate=2", "--json") == Options(
        run=Path("a"), frames=4, rate=2.0, json=True
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "RUN missing"),
        (("a", "b"), "b is not known"),
        (("a", "--frame", "3"), "--frame is not known; did you mean --frames?"),
        (("a", "--frames", "1.5"), "--frames wants a whole number, found '1.5'"),
        (("a", "--frames", "x" * 90), "--frames wants a whole number, found "),
        (("a", "--rate", "fast"), "--rate wants a number, found 'fast'"),
        (("a", "--frames"), "--frames wants a value"),
        (("a", "--kind", "gif"), "--kind wants one of 'mp4', 'png'; found 'gif'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(capsys, arguments, problem):
    with pytest.raises(ConfigError) as caught:
        read(*arguments)
    assert str(caught.value).startswith(problem)
    assert str(caught.value).endswith("; see videomae2 show --help")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_help_shows_fields_defaults_and_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        read("--help")
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for text in ("Show it.", "RUN", "Frames to show. (default: 16)", "examples:"):
        assert text in said
    assert said.endswith("examples:\n  videomae2 show runs/demo\n")
