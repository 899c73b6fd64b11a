"""A recipe, videos, a file and flags → one run, for every command that trains.

The recipe comes first, the file of ``--config`` changes it, flags change both. ``--json`` tells
what training came to.
"""

import inspect
import json
import logging
import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro

from videomae2.base.schema import find_replaced
from videomae2.base.summary import Summary
from videomae2.base.text import find_nearest
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan
from videomae2.commands.train.run_folder import check_resumable
from videomae2.config.checks import check_run
from videomae2.config.files import load_config
from videomae2.config.runs import Run
from videomae2.errors import ConfigError
from videomae2.models.weights.config_json import load_model_config
from videomae2.recipes.table import Recipe
from videomae2.training.optim import OptimConfig
from videomae2.training.runtime import RuntimeConfig, resolve_runtime

_logger = logging.getLogger(__name__)

MISSING_VIDEOS = Path("VIDEOS...")
"""Stands in a recipe for videos that were not named, so that its help can be shown."""


R = TypeVar("R", bound=Run)


@dataclass(frozen=True, slots=True)
class TrainCommand(Generic[R]):
    """A command that trains."""

    name: str
    """The command, such as pretrain."""
    run_type: type[Any]
    """The dataclass of its runs."""
    recipes: Mapping[str, Recipe[R]]
    """Its recipes by name."""
    train: Callable[..., Path]
    """Takes the run and ``resume``; gives the folder of the model."""
    dry_run: Callable[[R], Summary]
    """Says what a run will do."""
    file_description: str
    """First line of the help where a file takes the place of a recipe."""
    examples: tuple[str, ...]
    """Complete command lines."""

    @property
    def prog(self) -> str:
        """The command as a person types it."""
        return f"videomae2 {self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How to start."""

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


def main(train_command: TrainCommand[R], arguments: list[str]) -> int:
    """Run a command that trains with these arguments."""
    positionals, flags = split_arguments(arguments)
    if not positionals and not any(flag.split("=")[0] == "--config" for flag in flags):
        print(format_recipes(train_command))
        return 0
    run_options, run = resolve_run(train_command, positionals, flags)
    if run_options.dry_run:
        check_run(run)
        if run_options.resume:
            check_resumable(run)
        return print_plan(train_command.dry_run(run), as_json=run_options.json)
    model = train_command.train(run, resume=run_options.resume)
    _logger.info(f"done     {model}")
    if run_options.json:
        print(results_json(run.output_dir, model))
    return 0


def resolve_run(
    train_command: TrainCommand[R], positionals: Sequence[str], flags: Sequence[str]
) -> tuple[RunOptions, R]:
    """Put the run together: recipe and videos stand before the first flag.

    Raises:
        ConfigError: If a word, a flag or the file cannot be used, or no videos are named.
    """
    run_options = _parse_run_options(flags)
    recipe = positionals[0] if positionals else None
    base = _build_run(train_command, positionals, run_options.config)
    run_type = _build_flag_type(train_command.run_type)
    options_type = make_dataclass(
        "Options",
        [
            ("command", tyro.conf.OmitArgPrefixes[RunOptions]),
            ("run", Annotated[run_type, tyro.conf.arg(name="")]),
        ],
        frozen=True,
        kw_only=True,
    )
    options = parse_options(
        options_type,
        flags,
        prog=f"{train_command.prog} {recipe} [VIDEOS ...]" if recipe else train_command.prog,
        description=format_recipe_text(train_command, recipe)
        if recipe
        else train_command.file_description,
        examples=_format_examples(train_command, recipe) if recipe else (),
        default=options_type(command=run_options, run=_with_fields_of(base, run_type)),
    )
    if any(MISSING_VIDEOS.name in source.path.parts for source in options.run.data.sources):
        raise ConfigError(f"no videos are named; try {train_command.prog} {recipe} FOLDER")
    run = _drop_replaced(options.run, flags)
    return options.command, _with_fields_of(run, train_command.run_type)


def _drop_replaced(run: Any, flags: Sequence[str]) -> Any:
    """A length that a flag says in steps takes the place of the recipe's in epochs, and so on."""
    prefix = "--optim."
    words = (flag.split("=")[0] for flag in flags if flag.startswith(prefix))
    named = {word.removeprefix(prefix).replace("-", "_") for word in words}
    given = {name for name in named if getattr(run.optim, name, None) is not None}
    replaced = find_replaced(OptimConfig, given)
    return replace(run, optim=replace(run.optim, **dict.fromkeys(replaced)))


def _build_flag_type(run_type: type[Any]) -> type[Any]:
    """The same dataclass with a shorter flag for the run folder."""
    return make_dataclass(
        run_type.__name__,
        [("output_dir", Annotated[Path, tyro.conf.arg(name="out")])],
        bases=(run_type,),
        frozen=True,
        kw_only=True,
    )


def _with_fields_of(run: Any, run_type: type[Any]) -> Any:
    """The run as another dataclass with the same fields."""
    return run_type(**{field.name: getattr(run, field.name) for field in fields(run)})


def format_recipes(train_command: TrainCommand[R]) -> str:
    """The recipes, a line each."""
    width = max(map(len, train_command.recipes))
    return "\n".join(
        [
            f"usage: {train_command.prog} RECIPE [VIDEOS ...] [--config FILE] [--out RUN] "
            "[--resume]\n       [--dry-run] [--json] [SETTINGS]",
            "",
            "recipes:",
            *(
                f"  {name:<{width}}  {(recipe.__doc__ or '').splitlines()[0]}"
                for name, recipe in train_command.recipes.items()
            ),
            "",
            f"{train_command.prog} RECIPE --help shows what it does and every setting.",
            "",
            "examples:",
            *(f"  {line}" for line in train_command.examples),
        ]
    )


def format_recipe_text(train_command: TrainCommand[R], recipe: str) -> str:
    """The text of a recipe, wrapped; tyro keeps a line break where a blank follows it."""
    text = inspect.getdoc(train_command.recipes[recipe]) or ""
    joined = re.sub(r"\n(?![A-Z][a-z]+: |\n)(?<!\n\n) *", " ", text)
    first, *rest = joined.splitlines()
    return "\n".join([first, *(_wrap_line(line) for line in rest if line)])


def _wrap_line(line: str) -> str:
    return textwrap.fill(
        line, 79, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words up to the first flag, and the rest: a flag may take any number of values."""
    first = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return list(arguments[:first]), list(arguments[first:])


def _parse_run_options(flags: Sequence[str]) -> RunOptions:
    """Look for the flags that decide what the other flags start from.

    What is wrong with them is said when all flags are read.
    """
    try:
        parsed, _ = tyro.cli(
            RunOptions,
            args=list(flags),
            add_help=False,
            return_unknown_args=True,
            console_outputs=False,
        )
    except SystemExit:
        return RunOptions()
    return parsed


def _build_run(
    train_command: TrainCommand[R], positionals: Sequence[str], config: Path | None
) -> R:
    """The run that flags change: a recipe on some videos, a file of settings, or both."""
    if not positionals:
        assert config is not None
        return load_config(train_command.run_type, config)
    recipe, *videos = positionals
    if recipe not in train_command.recipes:
        raise ConfigError(suggest_recipe(train_command.prog, train_command.recipes, recipe))
    # pre-training and what follows do not share a folder
    name = recipe if train_command.name == "pretrain" else f"{recipe}-{train_command.name}"
    paths = list(map(Path, videos)) or [MISSING_VIDEOS]
    run = train_command.recipes[recipe](paths, Path("runs") / name)
    if config is None:
        return run
    merged = load_config(train_command.run_type, config, base=run)
    if videos and merged.data.sources != run.data.sources:
        raise ConfigError(f"videos are named both here and in {config}; take them out of one")
    return merged


def _format_examples(train_command: TrainCommand[R], recipe: str) -> list[str]:
    text = train_command.recipes[recipe].__doc__ or ""
    match = re.search(r"^ *Command: (.*)$", text, re.MULTILINE)
    example = match[1] if match else f"{train_command.prog} {recipe} my_videos/"
    return [example, f"{example} --out runs/second --seed 1 --dry-run"]


def results_json(run: Path, model: Path) -> str:
    """Name the model that a run ends with, and how good it was on held-out videos."""
    metadata = load_model_config(model).metadata
    entry = {
        "folder": str(model),
        "step": metadata.get("step"),
        "validation": metadata.get("validation"),
    }
    return json.dumps({"run": str(run), "model": entry})


def suggest_recipe(prog: str, recipes: Collection[str], word: str) -> str:
    """Say that there is no such recipe, and what was probably meant."""
    if Path(word).exists():
        recipe = _choose_default_recipe(recipes)
        return f"a recipe comes before the videos; try {prog} {recipe} {word}"
    nearest = find_nearest(word, recipes, cutoff=0.4)
    hint = f"did you mean {nearest}? " if nearest else ""
    return f"there is no recipe '{word}'; {hint}{prog} lists them"


def _choose_default_recipe(recipes: Collection[str]) -> str:
    """The usual recipe; without a GPU its twin for a CPU."""
    default_recipe = next(iter(recipes))
    cpu_recipe = f"{default_recipe}-cpu"
    on_cpu = resolve_runtime(RuntimeConfig()).device.type == "cpu"
    return cpu_recipe if on_cpu and cpu_recipe in recipes else default_recipe
