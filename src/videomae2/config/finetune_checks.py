"""Checks of supervised training alone: labels, heads, mixing, adapters, validation."""

from collections.abc import Iterator

from videomae2.config.common_checks import Check, exists, heads_split, there
from videomae2.config.runs import FinetuneRun, Validated
from videomae2.data.augment import mixes
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
    elif names is not None and not exists(names):
        yield f"--labels.names {names} does not exist{there(names)}"
    if answers == "numbers" and run.model.outputs not in (0, len(columns)):
        yield f"--model.outputs {run.model.outputs} are not the {len(columns)} of --labels.columns"


def _task(run: FinetuneRun) -> Iterator[str]:
    for problem in useless(run.task):
        yield f"--task.{problem}"


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
    if lora.rank and run.optim.ema_decay is not None:
        yield "--optim.ema-decay does not go with --tuning.lora.rank; leave out one of the two"


def _start(run: FinetuneRun) -> Iterator[str]:
    yield from start_there(run.start, "--start")


def start_there(start: StartConfig, flag: str) -> Iterator[str]:
    """Whether first weights, which ``flag`` sets, are there and are used."""
    if start.weights is not None and not exists(start.weights):
        yield f"{flag}.weights {start.weights} does not exist{there(start.weights)}"
    if start.weights is None and (start.norm, start.head) != ("match", "match"):
        yield f"{flag}.norm and {flag}.head have no effect from scratch; leave them out"


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
