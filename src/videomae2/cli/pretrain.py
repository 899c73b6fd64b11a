"""``videomae2 pretrain``: a recipe, videos, a file and flags → one run.

The recipe comes first, the file of ``--config`` changes it, flags change both.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import tyro

from videomae2.cli.options import parse
from videomae2.config import PretrainRun, check, load
from videomae2.errors import ConfigError
from videomae2.jobs.pretrain import check_resumable, describe, pretrain
from videomae2.recipes import RECIPES

PROG = "videomae2 pretrain"

NO_VIDEOS = Path("VIDEOS")
"""Stands in a recipe for videos that were not named, so that its help can be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to start."""

    out: Path | None = None
    """The run folder; runs/RECIPE if not given. A run that is there already goes on."""
    config: Path | None = None
    """A YAML file of settings, complete or not, such as the run.yaml of another run."""
    resume: bool = False
    """Insist on going on: an error if the run folder has no checkpoint, as after a mistyped --out.
    Without it a run goes on where there is one."""
    dry_run: bool = False
    """Check everything and show the plan, without training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All flags."""

    launch: tyro.conf.OmitArgPrefixes[Launch]
    """How to start."""
    run: Annotated[PretrainRun, tyro.conf.arg(name="")]
    """The run."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 pretrain`` with these arguments."""
    words, flags = _split(arguments)
    if not words and not any(flag.split("=")[0] == "--config" for flag in flags):
        print(listing())
        return 0
    launch, run = resolve(words, flags)
    if launch.dry_run:
        check(run)
        if launch.resume:
            check_resumable(run)
        print(describe(run))
    else:
        pretrain(run, resume=launch.resume, say=_say)
    return 0


def resolve(words: Sequence[str], flags: Sequence[str]) -> tuple[Launch, PretrainRun]:
    """Put the run together.

    Args:
        words: What stands before the first flag: recipe and videos.
        flags: The rest of the command line.

    Raises:
        ConfigError: If a word, a flag or the file cannot be used, or no videos are named.
    """
    launch = _launch(flags)
    recipe, videos = (words[0], [Path(word) for word in words[1:]]) if words else (None, [])
    run = _start(recipe, videos, launch)
    options = parse(
        Options,
        flags,
        prog=f"{PROG} {recipe} [VIDEOS ...]" if recipe else PROG,
        description=paragraphs(recipe) if recipe else "Pre-train as a file of settings says.",
        examples=_examples(recipe) if recipe else (),
        default=Options(launch=launch, run=run),
    )
    if any(source.path == NO_VIDEOS for source in options.run.data.sources):
        raise ConfigError(f"no videos are named; try {PROG} {recipe} FOLDER")
    return options.launch, options.run


def listing() -> str:
    """The recipes, a line each."""
    width = max(map(len, RECIPES))
    return "\n".join(
        [
            f"usage: {PROG} RECIPE [VIDEOS ...] [--config FILE] [--out RUN] [--resume]\n"
            "       [--dry-run] [SETTINGS]",
            "",
            "recipes:",
            *(f"  {name:<{width}}  {_summary(name)}" for name in RECIPES),
            "",
            f"{PROG} RECIPE --help shows what it does and every setting.",
            "",
            "examples:",
            f"  {PROG} own my_videos/",
            f"  {PROG} own my_videos/ --optim.epochs 100 --dry-run",
        ]
    )


def paragraphs(recipe: str) -> str:
    """The text of a recipe, wrapped; tyro keeps a line break where a blank follows it."""
    text = inspect.getdoc(RECIPES[recipe]) or ""
    joined = re.sub(r"\n(?![A-Z][a-z]+: |\n)(?<!\n\n) *", " ", text)
    first, *rest = joined.splitlines()
    return "\n".join([first, *(_wrapped(line) for line in rest if line)])


def _wrapped(line: str) -> str:
    return textwrap.fill(
        line, 79, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words up to the first flag, and the rest: a flag may take any number of values."""
    first = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    words, flags = list(arguments[:first]), list(arguments[first:])
    return words, flags


def _launch(flags: Sequence[str]) -> Launch:
    """Look for the flags that decide what the other flags start from.

    What is wrong with them is said when all flags are read.
    """
    try:
        found, _ = tyro.cli(
            Launch,
            args=list(flags),
            add_help=False,
            return_unknown_args=True,
            console_outputs=False,
        )
    except SystemExit:
        return Launch()
    return found


def _start(recipe: str | None, videos: list[Path], launch: Launch) -> PretrainRun:
    """Give the run that flags change."""
    if recipe is None:
        assert launch.config is not None
        run = load(PretrainRun, launch.config)
        return run if launch.out is None else _in_folder(run, launch.out)
    if recipe not in RECIPES:
        raise ConfigError(_unknown(recipe))
    run = RECIPES[recipe](videos or [NO_VIDEOS], Path("runs") / recipe)
    if launch.config is not None:
        changed = load(PretrainRun, launch.config, base=run)
        if videos and changed.data.sources != run.data.sources:
            raise ConfigError(
                f"videos are named both here and in {launch.config}; take them out of one"
            )
        run = changed
    return run if launch.out is None else _in_folder(run, launch.out)


def _in_folder(run: PretrainRun, out: Path) -> PretrainRun:
    return replace(run, record=replace(run.record, out=out))


def _examples(recipe: str) -> list[str]:
    command = re.search(r"^ *Command: (.*)$", RECIPES[recipe].__doc__ or "", re.MULTILINE)
    start = command[1] if command else f"{PROG} {recipe} my_videos/"
    return [start, f"{start} --out runs/second --optim.epochs 100 --dry-run"]


def _summary(recipe: str) -> str:
    return (RECIPES[recipe].__doc__ or "").splitlines()[0]


def _unknown(recipe: str) -> str:
    near = get_close_matches(recipe, RECIPES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no recipe '{recipe}'; {hint}{PROG} lists them"


def _say(line: str) -> None:
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()
