"""Checks of supervised training alone: labels, heads, mixing, adapters, validation."""

from collections.abc import Iterator
from dataclasses import fields, replace

from videomae2.base.files import path_exists, path_hint
from videomae2.config.runs import ClassifierRun, FinetuneRun
from videomae2.config.shared_checks import Check, check_heads
from videomae2.data.augment.augment import is_mixing
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.data.manifests.read import ListConfig
from videomae2.models.lora import LoraConfig
from videomae2.models.weights.hub.locate import model_exists
from videomae2.models.weights.init_from import InitConfig
from videomae2.tasks.classify import ineffective_settings


def _check_labels(run: FinetuneRun) -> Iterator[str]:
    task_type, columns, class_names = run.task.task_type, run.labels.columns, run.labels.class_names
    if task_type == "regression" and not columns:
        yield "--task.task-type regression wants --labels.columns: those of the list that hold them"
    if task_type == "multiclass" and columns:
        yield "--labels.columns has no effect where each clip has one class; leave it out"
    if task_type != "multiclass" and run.labels.max_per_class is not None:
        yield "--labels.max-per-class has no effect where clips have no class each; leave it out"
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


def _check_groups(run: ClassifierRun) -> Iterator[str]:
    holds_out = run.validation.path is None and run.validation.share > 0
    if run.labels.groups is not None and not holds_out and run.labels.max_per_class is None:
        yield (
            "--labels.groups has no effect where no share is held out and without "
            "--labels.max-per-class; leave it out"
        )


def _check_pooling(run: ClassifierRun) -> Iterator[str]:
    encoder = run.model.encoder
    if run.model.global_pool == "slots" and encoder.frames == encoder.shape.tubelet_size:
        yield (
            f"--model.global-pool slots has no effect on clips of {encoder.frames} frames, which "
            f"are one time slot; leave it out"
        )


def _check_mixing(run: ClassifierRun) -> Iterator[str]:
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


def _check_init(run: ClassifierRun) -> Iterator[str]:
    init = run.init
    if init.weights is not None and not model_exists(init.weights):
        yield (
            f"--init.weights {init.weights} does not exist{path_hint(init.weights)}; it wants a "
            f"run folder, a saved model or weights of other software"
        )
    if init.weights is None and replace(init, weights=None) != InitConfig():
        yield (
            "--init.norm, --init.head, --init.pos-embed and --init.class-names have no effect "
            "without --init.weights; leave them out"
        )
    elif init.class_names is not None:
        yield from check_class_names(init.class_names, "--init.class-names")
    if init.weights and init.pos_embed == "reinit" and run.model.encoder.pretrained_grid:
        yield (
            "--init.pos-embed reinit has no effect with --model.encoder.pretrained-grid, "
            "which names another table; leave out one of both"
        )


def _check_validation(run: ClassifierRun) -> Iterator[str]:
    path, search = run.validation.path, run.validation.find_duplicates
    if path is None and run.validation.share == 0 and search != "bytes":
        yield (
            f"--validation.find-duplicates {search} has no effect where nothing is held out; leave "
            f"it out"
        )
    if path is not None:
        if not path_exists(path):
            yield f"--validation.path {path} does not exist{path_hint(path)}"
        return
    for field in fields(ListConfig):
        if getattr(run.validation, field.name) != field.default:
            flag = f"--validation.{field.name.replace('_', '-')}"
            yield f"{flag} has no effect without --validation.path; leave it out"


CLASSIFIER_CHECKS: tuple[Check, ...] = (
    (check_heads, ("model.",)),
    (
        _check_mixing,
        ("augment.mix.", "optim.global_batch_size", "optim.micro_batch_size", "data.views"),
    ),
    (_check_pooling, ("model.encoder.",)),
    (_check_groups, ()),
    (_check_init, ()),
    (_check_validation, ("validation.",)),
)
"""Checks of every run that teaches a classifier."""


FINETUNE_CHECKS: tuple[Check, ...] = (
    *CLASSIFIER_CHECKS,
    (_check_labels, ()),
    (_check_task, ()),
    (_check_tuning, ("tuning.",)),
)
