"""A recipe, videos, a file and flags → one run, for every command that trains.

The recipe comes first, the file of ``--config`` changes it, flags change both.
"""

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro

from videomae2.cli.options import parse
from videomae2.cli.outcome import outcome
from videomae2.cli.progress import saying
from videomae2.cli.recipe_hints import unknown_recipe
from videomae2.config import Run, check, load
from videomae2.errors import ConfigError
from videomae2.jobs.training import check_resumable
from videomae2.recipes import Recipe


class NoVideos(type(Path())):  # type: ignore[misc]  # the kind of paths that this system has
    """Stands in a recipe for videos that were not named, so that its help can be shown.

    What a recipe makes of it, say VIDEOS/train.csv, is of this kind, too. No path that somebody
    names is, whatever it is called.
    """


NO_VIDEOS = NoVideos("VIDEOS")

R = TypeVar("R", bound=Run)


@dataclass(frozen=True, slots=True)
class Trainer(Generic[R]):
    """A command that trains."""

    name: str
    """The command, such as pretrain."""
    kind: type[Any]
    """The dataclass of its runs."""
    recipes: Mapping[str, Recipe[R]]
    """Its recipes by name."""
    train: Callable[..., Path]
    """Takes the run, ``resume`` and ``say``; gives the folder of the model, or of several."""
    describe: Callable[[R], str]
    """Says what a run will do."""
    without_recipe: str
    """First line of the help where a file takes the place of a recipe."""
    examples: tuple[str, ...]
    """Complete command lines."""

    @property
    def prog(self) -> str:
        """The command as a person types it."""
        return f"videomae2 {self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to start."""

    out: Path | None = None
    """The run folder; runs/RECIPE if not given (runs/RECIPE-finetune for fine-tuning and so on). A
    run that is there already goes on."""
    config: Path | None = None
    """A YAML file of settings, complete or not, such as the run.yaml of another run."""
    resume: bool = False
    """Insist on going on: an error if the run folder has no checkpoint, as after a mistyped --out.
    Without it a run goes on where there is one."""
    dry_run: bool = False
    """Check everything and show the plan, without training."""
    json: bool = False
    """Print as JSON what came of it: the models, and how good they were on held-out videos. The
    progress goes to stderr."""


@dataclass(frozen=True, slots=True)
class Start(Generic[R]):
    """What the flags of a command line start from."""

    trainer: Trainer[R]
    recipe: str | None
    videos: list[Path]
    launch: Launch


def main(trainer: Trainer[R], arguments: list[str]) -> int:
    """Run a command that trains with these arguments."""
    words, flags = _split(arguments)
    if not words and not any(flag.split("=")[0] == "--config" for flag in flags):
        print(listing(trainer))
        return 0
    launch, run = resolve(trainer, words, flags)
    if launch.dry_run:
        check(run)
        if launch.resume:
            check_resumable(run)
        plan = trainer.describe(run)
        print(json.dumps({"plan": plan.splitlines()}) if launch.json else plan)
        return 0
    found = trainer.train(run, resume=launch.resume, say=saying(json=launch.json))
    if launch.json:
        print(outcome(run.record.out, found))
    return 0


def resolve(trainer: Trainer[R], words: Sequence[str], flags: Sequence[str]) -> tuple[Launch, R]:
    """Put the run together.

    Args:
        trainer: The command.
        words: What stands before the first flag: recipe and videos.
        flags: The rest of the command line.

    Raises:
        ConfigError: If a word, a flag or the file cannot be used, or no videos are named.
    """
    launch = _launch(flags)
    recipe, videos = (words[0], [Path(word) for word in words[1:]]) if words else (None, [])
    run = _start(Start(trainer, recipe, videos, launch))
    flagged = _options(trainer.kind)
    options = parse(
        flagged,
        flags,
        prog=f"{trainer.prog} {recipe} [VIDEOS ...]" if recipe else trainer.prog,
        description=paragraphs(trainer, recipe) if recipe else trainer.without_recipe,
        examples=_examples(trainer, recipe) if recipe else (),
        default=flagged(launch=launch, run=run),
    )
    if any(isinstance(source.path, NoVideos) for source in options.run.data.sources):
        raise ConfigError(f"no videos are named; try {trainer.prog} {recipe} FOLDER")
    return options.launch, options.run


def _options(kind: type[Any]) -> type[Any]:
    """The dataclass of all flags of a kind of run."""
    return make_dataclass(
        "Options",
        [
            ("launch", tyro.conf.OmitArgPrefixes[Launch]),
            ("run", Annotated[kind, tyro.conf.arg(name="")]),
        ],
        frozen=True,
        kw_only=True,
    )


def listing(trainer: Trainer[R]) -> str:
    """The recipes, a line each."""
    width = max(map(len, trainer.recipes))
    return "\n".join(
        [
            f"usage: {trainer.prog} RECIPE [VIDEOS ...] [--config FILE] [--out RUN] [--resume]\n"
            "       [--dry-run] [--json] [SETTINGS]",
            "",
            "recipes:",
            *(f"  {name:<{width}}  {_summary(recipe)}" for name, recipe in trainer.recipes.items()),
            "",
            f"{trainer.prog} RECIPE --help shows what it does and every setting.",
            "",
            "examples:",
            *(f"  {line}" for line in trainer.examples),
        ]
    )


def paragraphs(trainer: Trainer[R], recipe: str) -> str:
    """The text of a recipe, wrapped; tyro keeps a line break where a blank follows it."""
    text = inspect.getdoc(trainer.recipes[recipe]) or ""
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


def _start(start: Start[R]) -> R:
    """Give the run that flags change."""
    trainer, recipe, videos, launch = start.trainer, start.recipe, start.videos, start.launch
    if recipe is None:
        assert launch.config is not None
        run = load(trainer.kind, launch.config)
        return run if launch.out is None else _in_folder(run, launch.out)
    if recipe not in trainer.recipes:
        raise ConfigError(unknown_recipe(trainer.prog, trainer.recipes, recipe))
    run = trainer.recipes[recipe](videos or [NO_VIDEOS], Path("runs") / default_folder(start))
    if launch.config is not None:
        changed = load(trainer.kind, launch.config, base=run)
        if videos and changed.data.sources != run.data.sources:
            raise ConfigError(
                f"videos are named both here and in {launch.config}; take them out of one"
            )
        run = changed
    return run if launch.out is None else _in_folder(run, launch.out)


def default_folder(start: Start[R]) -> str:
    """The name of a run folder that is not given; pre-training and what follows do not share it."""
    name = start.trainer.name
    return f"{start.recipe}" if name == "pretrain" else f"{start.recipe}-{name}"


def _in_folder(run: R, out: Path) -> R:
    return replace(run, record=replace(run.record, out=out))  # type: ignore[type-var]


def _examples(trainer: Trainer[R], recipe: str) -> list[str]:
    text = trainer.recipes[recipe].__doc__ or ""
    command = re.search(r"^ *Command: (.*)$", text, re.MULTILINE)
    start = command[1] if command else f"{trainer.prog} {recipe} my_videos/"
    return [start, f"{start} --out runs/second --optim.epochs 100 --dry-run"]


def _summary(recipe: Recipe[R]) -> str:
    return (recipe.__doc__ or "").splitlines()[0]
