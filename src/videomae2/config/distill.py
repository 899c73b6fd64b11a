"""Checks of distillation alone: teacher, students, and what these are held against."""

import re
from collections.abc import Iterator

from videomae2.base.files import path_exists, path_hint
from videomae2.config.finetune import (
    check_init,
    check_mixing,
    check_pos_embed,
    check_validation,
)
from videomae2.config.runs import DistillRun, StudentConfig
from videomae2.config.shared_checks import (
    Check,
    check_cubes,
    check_encoder_channels,
    check_heads,
    check_short_side,
)
from videomae2.data.loading.labels import LabelConfig
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.tasks.distill import ineffective_settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _check_teacher(run: DistillRun) -> Iterator[str]:
    teacher = run.teacher
    if teacher.weights is None:
        yield (
            "--teacher.weights is missing; it wants a fine-tuning run, a saved classifier or a "
            "released file"
        )
    elif not path_exists(teacher.weights):
        yield f"--teacher.weights {teacher.weights} does not exist{path_hint(teacher.weights)}"
    if teacher.cache_dir is None and teacher.cache_dtype != "float32":
        yield "--teacher.cache-dtype has no effect without --teacher.cache-dir; leave it out"
    if teacher.cache_dir is not None and str(teacher.cache_dir).startswith("~"):
        yield (
            f"--teacher.cache-dir {teacher.cache_dir} is not expanded here; write the path in full"
        )
    elif (
        teacher.cache_dir is not None
        and teacher.cache_dir.exists()
        and not teacher.cache_dir.is_dir()
    ):
        yield f"--teacher.cache-dir {teacher.cache_dir} is a file; it wants a folder, which is made"


def _check_students(run: DistillRun) -> Iterator[str]:
    if not run.students:
        yield "there are no students; name one at least"
    names = [student.name for student in run.students]
    for number, student in enumerate(run.students):
        flag = f"--students.{number}"
        yield from _check_student_name(student.name, names[:number], flag)
        yield from check_encoder_channels(run, student.model.encoder, f"{flag}.model")
        yield from check_init(student.init, f"{flag}.init")
        yield from check_pos_embed(
            student.init, student.model.encoder, f"{flag}.init", f"{flag}.model"
        )


def _check_student_name(name: str, earlier_names: list[str], flag: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{flag}.name {name!r} is no name of a folder; it wants letters, digits, - and _"
    if name == "teacher":
        yield f"{flag}.name teacher is what the teacher is called; choose another"
    if name in earlier_names:
        yield f"{flag}.name {name} is the name of another student too; choose another"


def _check_student_shapes(run: DistillRun) -> Iterator[str]:
    for number, student in enumerate(run.students):
        flag = f"--students.{number}.model"
        yield from check_cubes(student.model.encoder, flag)
        yield from check_heads(student.model.encoder, flag)
        if _format_clip_shape(student) != _format_clip_shape(run.students[0]):
            yield (
                f"{flag}.encoder reads clips of {_format_clip_shape(student)} (frames, height, "
                f"width), --students.0 of {_format_clip_shape(run.students[0])}; all students "
                f"see the same clips"
            )


def _format_clip_shape(student: StudentConfig) -> str:
    encoder = student.model.encoder
    return f"{encoder.frames}x{encoder.height}x{encoder.width}"


def _check_labels(run: DistillRun) -> Iterator[str]:
    class_names = run.labels.class_names
    if not run.labelled and run.task.hard_weight:
        yield "--task.hard-weight wants labels, and --no-labelled says there are none"
    if not run.labelled and run.labels.columns != LabelConfig().columns:
        yield "--labels.columns has no effect without labels; leave it out"
    if class_names is not None:
        yield from check_class_names(class_names, "--labels.class-names")
    if run.optim.ema_decay is not None and not (run.validation.path or run.validation.share):
        yield (
            "--optim.ema-decay has no effect without validation, for only the best state of a "
            "student holds the mean; leave it out, or hold videos out with --validation.share"
        )


def _check_task(run: DistillRun) -> Iterator[str]:
    for problem in ineffective_settings(run.task):
        yield f"--task.{problem}"


DISTILL_CHECKS: tuple[Check, ...] = (
    (_check_teacher, ()),
    (_check_students, ("students.",)),
    (_check_student_shapes, ("students.",)),
    (check_short_side, ("students.", "loading.max_short_side")),
    (_check_labels, ()),
    (_check_task, ("task.",)),
    (
        check_mixing,
        ("augment.mix.", "optim.global_batch_size", "optim.micro_batch_size", "data.views"),
    ),
    (check_validation, ("validation.",)),
)
