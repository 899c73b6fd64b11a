"""Checks of distillation alone: the teacher, its labels, and what the student is held against."""

from collections.abc import Iterator

from videomae2.base.files import path_hint
from videomae2.config.finetune_checks import CLASSIFIER_CHECKS
from videomae2.config.runs import DistillRun
from videomae2.config.shared_checks import Check, check_output_dir
from videomae2.data.loading.labels import LabelConfig
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.models.weights.hub.locate import model_exists
from videomae2.tasks.distill import ineffective_settings


def _check_teacher(run: DistillRun) -> Iterator[str]:
    teacher = run.teacher
    if teacher.weights is None:
        yield (
            "--teacher.weights is missing; it wants a fine-tuning run, a saved classifier or "
            "weights of other software"
        )
    elif not model_exists(teacher.weights):
        yield f"--teacher.weights {teacher.weights} does not exist{path_hint(teacher.weights)}"


def _check_teacher_cache(run: DistillRun) -> Iterator[str]:
    teacher = run.teacher
    if teacher.cache_dir is None and teacher.cache_dtype != "float32":
        yield "--teacher.cache-dtype has no effect without --teacher.cache-dir; leave it out"
    if teacher.cache_dir is not None:
        yield from check_output_dir(run, teacher.cache_dir, "--teacher.cache-dir")


def _check_labels(run: DistillRun) -> Iterator[str]:
    class_names = run.labels.class_names
    if not run.labelled and run.task.hard_weight:
        yield "--task.hard-weight wants labels, and --no-labelled says there are none"
    if not run.labelled and run.labels.columns != LabelConfig().columns:
        yield "--labels.columns has no effect without labels; leave it out"
    if class_names is not None:
        yield from check_class_names(class_names, "--labels.class-names")


def _check_task(run: DistillRun) -> Iterator[str]:
    for problem in ineffective_settings(run.task):
        yield f"--task.{problem}"


DISTILL_CHECKS: tuple[Check, ...] = (
    *CLASSIFIER_CHECKS,
    (_check_teacher, ()),
    (_check_teacher_cache, ()),
    (_check_labels, ()),
    (_check_task, ("task.",)),
)
