"""Checks of supervised training alone: labels, heads, mixing, adapters, validation."""

from collections.abc import Iterator
from dataclasses import fields, replace

from videomae2.base.files import path_exists, path_hint
from videomae2.config.runs import FinetuneRun, ValidatedRun
from videomae2.config.shared_checks import Check, check_heads
from videomae2.data.augment.augment import is_mixing
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.data.manifests.read import ListConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.lora import LoraConfig
from videomae2.models.weights.init_from import InitConfig
from videomae2.tasks.classify import ineffective_settings


def _check_encoder_heads(run: FinetuneRun) -> Iterator[str]:
    yield from check_heads(run.model.encoder, "--model")


def _check_labels(run: FinetuneRun) -> Iterator[str]:
    task_type, columns, class_names = run.task.task_type, run.labels.columns, run.labels.class_names
    if task_type == "regression" and not columns:
        yield "--task.task-type regression wants --labels.columns: those of the list that hold them"
    if task_type == "multiclass" and columns:
        yield "--labels.columns has no effect where each clip has one class; leave it out"
    if task_type == "multilabel" and len(columns) > 1:
        yield f"--labels.columns wants one column of names, found {len(columns)}"
    if task_type == "regression" and class_names is not None:
        yield "--labels.class-names has no effect where numbers are predicted; leave it out"
    elif class_names is not None:
        yield from check_class_names(class_names, "--labels.class-names")
    if task_type == "regression" and run.model.num_classes not in (0, len(columns)):
        yield (
            f"--model.num-classes {run.model.num_classes} are not the {len(columns)} of "
            f"--labels.columns"
        )


def _check_task(run: FinetuneRun) -> Iterator[str]:
    for problem in ineffective_settings(run.task):
        setting, rest = problem.split(" ", 1)
        yield f"--task.{setting.replace('_', '-')} {rest}"


def check_mixing(run: ValidatedRun) -> Iterator[str]:
    """One clip cannot be mixed with another of its batch."""
    clips_per_micro_batch = (
        run.optim.micro_batch_size or run.optim.global_batch_size
    ) * run.data.views
    if is_mixing(run.augment.mix) and clips_per_micro_batch < 2:
        yield (
            "--augment.mix mixes the clips of a micro-batch, and there is one only; "
            "a --optim.micro-batch-size of 2 would work, or --augment.mix.prob 0"
        )


def _check_tuning(run: FinetuneRun) -> Iterator[str]:
    frozen, lora = run.tuning.frozen_blocks, run.tuning.lora
    depth = run.model.encoder.shape.depth
    if frozen > depth:
        yield f"--tuning.frozen-blocks {frozen} is more than the {depth} that the model has"
    elif lora.rank and frozen == depth:
        yield "--tuning.lora.rank has no effect with all blocks frozen; leave out one of the two"
    if lora.rank and not lora.target_modules:
        yield "--tuning.lora.target-modules is empty; it wants attention, mlp, or both"
    if not lora.rank and lora != LoraConfig():
        yield (
            "--tuning.lora.alpha and --tuning.lora.target-modules have no effect without "
            "--tuning.lora.rank"
        )
    if (frozen or lora.rank) and run.init.weights is None:
        flag = f"frozen-blocks {frozen}" if frozen else f"lora.rank {lora.rank}"
        yield (
            f"--tuning.{flag} would keep random weights, for there are no --init.weights; "
            f"give them, or leave it out"
        )
    if lora.rank and run.optim.ema_decay is not None:
        yield "--optim.ema-decay does not go with --tuning.lora.rank; leave out one of the two"


def _check_run_init(run: FinetuneRun) -> Iterator[str]:
    yield from check_init(run.init, "--init")
    yield from check_pos_embed(run.init, run.model.encoder, "--init", "--model")


def check_init(init: InitConfig, flag: str) -> Iterator[str]:
    """Whether first weights, which ``flag`` sets, are there and are used."""
    if init.weights is not None and not path_exists(init.weights):
        yield (
            f"{flag}.weights {init.weights} does not exist{path_hint(init.weights)}; it wants a "
            f"run folder, a saved model or a released file"
        )
    if init.weights is None and replace(init, weights=None) != InitConfig():
        yield (
            f"{flag}.norm, {flag}.head, {flag}.pos-embed and {flag}.class-names have no effect "
            f"without {flag}.weights; leave them out"
        )
    elif init.class_names is not None:
        yield from check_class_names(init.class_names, f"{flag}.class-names")


def check_pos_embed(
    init: InitConfig, encoder: EncoderConfig, flag: str, model_flag: str
) -> Iterator[str]:
    """Whether a start and its model, which two flags set, name one position table."""
    if init.weights is not None and init.pos_embed == "reinit" and encoder.pretrained_grid:
        yield (
            f"{flag}.pos-embed reinit has no effect with {model_flag}.encoder.pretrained-grid, "
            f"which names another table; leave out one of both"
        )


def check_validation(run: ValidatedRun) -> Iterator[str]:
    """Whether what is held out is there."""
    path = run.validation.path
    if path is not None:
        if not path_exists(path):
            yield f"--validation.path {path} does not exist{path_hint(path)}"
        return
    for field in fields(ListConfig):
        if getattr(run.validation, field.name) != field.default:
            flag = f"--validation.{field.name.replace('_', '-')}"
            yield f"{flag} has no effect without --validation.path; leave it out"


FINETUNE_CHECKS: tuple[Check, ...] = (
    (_check_encoder_heads, ("model.",)),
    (_check_labels, ()),
    (_check_task, ()),
    (
        check_mixing,
        ("augment.mix.", "optim.global_batch_size", "optim.micro_batch_size", "data.views"),
    ),
    (_check_tuning, ("tuning.",)),
    (_check_run_init, ()),
    (check_validation, ("validation.",)),
)
