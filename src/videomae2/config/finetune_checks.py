"""Checks of supervised training alone: labels, heads, mixing, adapters, validation."""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from videomae2.config.common_checks import Check, exists, heads_split, there
from videomae2.config.runs import FinetuneRun, Validated
from videomae2.data.augment import mixes
from videomae2.data.known_classes import KNOWN, as_known
from videomae2.models.encoder import EncoderConfig
from videomae2.models.lora import LoraConfig
from videomae2.models.starting import StartConfig
from videomae2.tasks.classify import useless


def _heads(run: FinetuneRun) -> Iterator[str]:
    yield from heads_split(run.model.encoder, "--model")


def _labels(run: FinetuneRun) -> Iterator[str]:
    answers, columns, names = run.task.answers, run.labels.columns, run.labels.names
    if answers == "numbers" and not columns:
        yield "--task.answers numbers wants --labels.columns: those of the list that hold them"
    if answers == "one-class" and columns:
        yield "--labels.columns has no effect where each clip has one class; leave it out"
    if answers == "many-classes" and len(columns) > 1:
        yield f"--labels.columns wants one column of names, found {len(columns)}"
    if answers == "numbers" and names is not None:
        yield "--labels.names has no effect where numbers are predicted; leave it out"
    elif names is not None:
        yield from names_there(names, "--labels.names")
    if answers == "numbers" and run.model.outputs not in (0, len(columns)):
        yield f"--model.outputs {run.model.outputs} are not the {len(columns)} of --labels.columns"


def names_there(names: Path, flag: str) -> Iterator[str]:
    """What is wrong with the place of class names: a file, or a public data set by its name."""
    if as_known(names) is not None or exists(names):
        return
    near = get_close_matches(str(names), KNOWN, n=1)
    hint = f"did you mean {near[0]}?" if near else f"public data sets are {', '.join(KNOWN)}"
    yield f"{flag} {names} is no file{there(names)}; {hint}"


def _task(run: FinetuneRun) -> Iterator[str]:
    for problem in useless(run.task):
        setting, rest = problem.split(" ", 1)
        yield f"--task.{setting.replace('_', '-')} {rest}"


def mixing(run: Validated) -> Iterator[str]:
    """One clip cannot be mixed with another of its batch."""
    at_once = (run.optim.micro_batch or run.optim.batch) * run.data.views
    if mixes(run.augment.mix) and at_once < 2:
        yield (
            "--augment.mix mixes the clips of a micro-batch, and there is one only; "
            "a --optim.micro-batch of 2 would work, or --augment.mix.share 0"
        )


def _tuning(run: FinetuneRun) -> Iterator[str]:
    frozen, lora = run.tuning.frozen_blocks, run.tuning.lora
    depth = run.model.encoder.shape.depth
    if frozen > depth:
        yield f"--tuning.frozen-blocks {frozen} is more than the {depth} that the model has"
    elif lora.rank and frozen == depth:
        yield "--tuning.lora.rank has no effect with all blocks frozen; leave out one of the two"
    if lora.rank and not lora.places:
        yield "--tuning.lora.places is empty; it wants attention, mlp, or both"
    if not lora.rank and lora != LoraConfig():
        yield "--tuning.lora.alpha and places have no effect without --tuning.lora.rank"
    if (frozen or lora.rank) and run.start.weights is None:
        flag = f"frozen-blocks {frozen}" if frozen else f"lora.rank {lora.rank}"
        yield (
            f"--tuning.{flag} would keep random weights, for there are no --start.weights; "
            f"give them, or leave it out"
        )
    if lora.rank and run.optim.ema_decay is not None:
        yield "--optim.ema-decay does not go with --tuning.lora.rank; leave out one of the two"


def _start(run: FinetuneRun) -> Iterator[str]:
    yield from start_there(run.start, "--start")
    yield from one_table(run.start, run.model.encoder, "--start", "--model")


def start_there(start: StartConfig, flag: str) -> Iterator[str]:
    """Whether first weights, which ``flag`` sets, are there and are used."""
    if start.weights is not None and not exists(start.weights):
        yield (
            f"{flag}.weights {start.weights} does not exist{there(start.weights)}; it wants a run "
            f"folder, a saved model or a released file"
        )
    if start.weights is None and replace(start, weights=None) != StartConfig():
        yield (
            f"{flag}.norm, {flag}.head, {flag}.positions and {flag}.names have no effect without "
            f"{flag}.weights; leave them out"
        )
    elif start.names is not None:
        yield from names_there(start.names, f"{flag}.names")


def one_table(start: StartConfig, encoder: EncoderConfig, flag: str, model: str) -> Iterator[str]:
    """Whether a start and its model, which two flags set, name one position table."""
    if start.weights is not None and start.positions == "fresh" and encoder.trained_grid:
        yield (
            f"{flag}.positions fresh has no effect with {model}.encoder.trained-grid, which names "
            f"another table; leave out one of both"
        )


def validation(run: Validated) -> Iterator[str]:
    """Whether what is held out is there."""
    path, root = run.validation.path, run.validation.root
    if path is not None and not exists(path):
        yield f"--validation.path {path} does not exist{there(path)}"
    if path is None and root is not None:
        yield "--validation.root has no effect without --validation.path; leave it out"


FINETUNE: tuple[Check, ...] = (
    (_heads, ("model.",)),
    (_labels, ()),
    (_task, ()),
    (mixing, ("augment.mix.", "optim.batch", "optim.micro_batch", "data.views")),
    (_tuning, ("tuning.",)),
    (_start, ()),
    (validation, ("validation.",)),
)
