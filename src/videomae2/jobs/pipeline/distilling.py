"""Distillation as a kind of stage."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config import DistillRun, check
from videomae2.errors import ConfigError
from videomae2.jobs import distill
from videomae2.jobs.class_of_students import complete
from videomae2.jobs.finetune import span
from videomae2.jobs.pipeline.promises import check_start, promise, to_come
from videomae2.jobs.pipeline.stages import Job, Notes, Numbers, Recipes, Seen, StageKind
from videomae2.jobs.taught_videos import class_names, read_taught_videos
from videomae2.jobs.video_lists import labelled_lists
from videomae2.jobs.work import Say
from videomae2.models.cards import ClassifierCard, read_card_of
from videomae2.models.finding import find_classifier
from videomae2.models.found import FoundClassifier
from videomae2.models.parents import Parent
from videomae2.models.teachers import check_same_clips


def distill_stage(recipes: Recipes) -> StageKind:
    """Students of a teacher; parents give the teacher and the first student's first weights."""
    return StageKind(
        settings=DistillRun,
        recipes=recipes,
        roles={"teacher": "teacher.weights", "student": "students.0.start.weights"},
        check=lambda job: check(_with_parents(job)),
        look=_look,
        do=_do,
        numbers=_numbers,
    )


def _with_parents(job: Job) -> DistillRun:
    run: DistillRun = job.settings
    if "teacher" in job.weights:
        run = replace(run, teacher=replace(run.teacher, weights=job.weights["teacher"]))
    if "student" in job.weights and run.students:
        first, *others = run.students
        first = replace(first, start=replace(first.start, weights=job.weights["student"]))
        run = replace(run, students=(first, *others))
    return run


def _look(job: Job, parents: Mapping[str, Parent]) -> Seen:
    if not job.weights.keys() <= parents.keys():  # a parent has problems of its own
        return Seen(lists=(), lines="", gives=None)
    places = {role: parent.path for role, parent in parents.items()}
    asked = _with_parents(replace(job, weights=places))
    teacher = _teacher(asked, parents)
    for one in asked.students:
        check_same_clips(one.model.encoder, teacher, name=one.name)
    videos = read_taught_videos(asked, teacher)
    to_come = {asked.students[0].name: parents["student"]} if "student" in parents else {}
    run = complete(asked, teacher, to_come)
    names = class_names(videos, teacher)
    lines = [distill.describe(run, (teacher, videos))]
    for number, one in enumerate(run.students):
        flag, parent = f"--students.{number}.model", to_come.get(one.name)
        report = check_start(one.model, one.start, parent, classes=names, flag=flag)
        lines.append(f"start of {one.name}\n{report}")
    card = ClassifierCard(
        model=run.model,
        classes=names,
        answers=teacher.card.answers,
        span=span(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    return Seen(
        lists=labelled_lists(run, videos),
        lines="\n".join(lines),
        gives=promise(card, job.out) if len(run.students) == 1 else None,
    )


def _teacher(run: DistillRun, parents: Mapping[str, Parent]) -> FoundClassifier:
    """What is known about the teacher."""
    if "teacher" in parents:
        parent = parents["teacher"]
        if not isinstance(parent.card, ClassifierCard):
            raise ConfigError(f"from: {parent.path.name} gives no classifier to learn from")
        return to_come(parent.path, parent.card)
    assert run.teacher.weights is not None
    return find_classifier(run.teacher.weights)


def _do(job: Job, notes: Notes, say: Say) -> Path:
    """Distill; the result is the only student, or the folder of all."""
    run = _with_parents(job)
    students = distill.distill(run, notes=notes, say=say, compared=job.compared)
    return students / run.students[0].name if len(run.students) == 1 else students


def _numbers(job: Job, result: Path) -> Numbers:
    """How good the student is; of several, the first number of each."""
    students = job.settings.students
    if len(students) == 1:
        return _validation(result)
    found = {one.name: _validation(result / one.name) for one in students}
    return {f"{n} {key}": values[key] for n, values in found.items() for key in list(values)[:1]}


def _validation(folder: Path) -> Numbers:
    found: Numbers = read_card_of(ClassifierCard, folder).notes.get("validation", {})
    return dict(found)
