from dataclasses import dataclass, field
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Optim:
    lr: float = 0.1
    min_lr: float = 0.0
    weight_decay: float = 0.0
    epochs: int = 1
    global_batch_size: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    optim: Optim = field(default_factory=Optim)
    rate: float = 1.0


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("--lr", "--optim.lr"),
        ("--learning-rate", "--optim.lr"),
        ("--optim.learning-rate", "--optim.lr"),
        ("--min-lr", "--optim.min-lr"),
        ("--epochs", "--optim.epochs"),
        ("--epoch=3", "--optim.epochs"),
        ("--wd", "--optim.weight-decay"),
        ("--batch-size", "--optim.global-batch-size"),
        ("--optim.rate", "--rate"),
        ("--optimizer.weight-decay", "--optim.weight-decay"),
    ],
)
def test_the_nearest_flag_is_looked_for_behind_the_dot_too(unknown, nearest):
    with pytest.raises(ConfigError, match=f"; did you mean {nearest}\\?; see"):
        parse_options(Nested, [unknown], prog="show", description="Show it.")


@pytest.mark.parametrize("unknown", ["--colour", "--xyz", "--q"])
def test_no_flag_is_suggested_where_none_is_like_it(unknown):
    with pytest.raises(ConfigError, match=f"^{unknown} is not known; see show --help$"):
        parse_options(Nested, [unknown], prog="show", description="Show it.")
