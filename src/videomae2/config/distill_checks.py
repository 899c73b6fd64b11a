"""Checks of distillation alone: teacher, students, and what these are held against."""

import re
from collections.abc import Iterator

from videomae2.config.common_checks import (
    Check,
    channels_fit,
    clips_not_enlarged,
    exists,
    heads_split,
    splits,
    there,
)
from videomae2.config.finetune_checks import (
    mixing,
    names_there,
    one_table,
    start_there,
    validation,
)
from videomae2.config.runs import DistillRun, StudentConfig
from videomae2.data.labels import LabelConfig
from videomae2.tasks.distill import useless

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _teacher(run: DistillRun) -> Iterator[str]:
    teacher = run.teacher
    if teacher.weights is None:
        yield (
            "--teacher.weights is missing; it wants a fine-tuning run, a saved classifier or a "
            "released file"
        )
    elif not exists(teacher.weights):
        yield f"--teacher.weights {teacher.weights} does not exist{there(teacher.weights)}"
    if teacher.cache is None and teacher.cache_half:
        yield "--teacher.cache-half has no effect without --teacher.cache; leave it out"
    if teacher.cache is not None and str(teacher.cache).startswith("~"):
        yield f"--teacher.cache {teacher.cache} is not expanded here; write the path in full"
    elif teacher.cache is not None and teacher.cache.exists() and not teacher.cache.is_dir():
        yield f"--teacher.cache {teacher.cache} is a file; it wants a folder, which is made"


def _students(run: DistillRun) -> Iterator[str]:
    if not run.students:
        yield "there are no students; name one at least"
    names = [student.name for student in run.students]
    for number, student in enumerate(run.students):
        flag = f"--students.{number}"
        yield from _name(student.name, names[:number], flag)
        yield from channels_fit(run, student.model.encoder, f"{flag}.model")
        yield from start_there(student.start, f"{flag}.start")
        yield from one_table(student.start, student.model.encoder, f"{flag}.start", f"{flag}.model")


def _name(name: str, before: list[str], flag: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{flag}.name {name!r} is no name of a folder; it wants letters, digits, - and _"
    if name == "teacher":
        yield f"{flag}.name teacher is what the teacher is called; choose another"
    if name in before:
        yield f"{flag}.name {name} is the name of another student too; choose another"


def _shapes(run: DistillRun) -> Iterator[str]:
    for number, student in enumerate(run.students):
        flag = f"--students.{number}.model"
        yield from splits(student.model.encoder, flag)
        yield from heads_split(student.model.encoder, flag)
        if _clip(student) != _clip(run.students[0]):
            yield (
                f"{flag}.encoder reads clips of {_clip(student)} (frames, height, width), "
                f"--students.0 of {_clip(run.students[0])}; all students see the same clips"
            )


def _clip(student: StudentConfig) -> str:
    encoder = student.model.encoder
    return f"{encoder.frames}x{encoder.height}x{encoder.width}"


def _labels(run: DistillRun) -> Iterator[str]:
    names = run.labels.names
    if not run.labelled and run.task.hard_weight:
        yield "--task.hard-weight wants labels, and --no-labelled says there are none"
    if not run.labelled and run.labels.columns != LabelConfig().columns:
        yield "--labels.columns has no effect without labels; leave it out"
    if names is not None:
        yield from names_there(names, "--labels.names")
    if run.optim.ema_decay is not None and not (run.validation.path or run.validation.share):
        yield (
            "--optim.ema-decay has no effect without validation, for only the best state of a "
            "student holds the mean; leave it out, or hold videos out with --validation.share"
        )


def _task(run: DistillRun) -> Iterator[str]:
    for problem in useless(run.task):
        yield f"--task.{problem}"


DISTILL: tuple[Check, ...] = (
    (_teacher, ()),
    (_students, ("students.",)),
    (_shapes, ("students.",)),
    (clips_not_enlarged, ("students.", "loading.shrink_side")),
    (_labels, ()),
    (_task, ("task.",)),
    (mixing, ("augment.mix.", "optim.batch", "optim.micro_batch", "data.views")),
    (validation, ("validation.",)),
)
