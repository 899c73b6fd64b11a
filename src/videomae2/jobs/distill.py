"""Distillation from start to end: students that learn from one teacher, side by side."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from videomae2.config import DistillRun, check
from videomae2.config.differences import SAME_RESULTS
from videomae2.data.batches import HostBatch
from videomae2.engine.loop import Plan
from videomae2.engine.optim import build_joint_optimizer
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import Runtime
from videomae2.jobs.class_of_students import ClassOfStudents, begun, complete
from videomae2.jobs.finetune import span
from videomae2.jobs.kept_teaching import open_kept
from videomae2.jobs.labelled_videos import Outputs, TrainingVideos
from videomae2.jobs.rehearsal import foresee
from videomae2.jobs.student_looks import looks
from videomae2.jobs.targets import Finishing
from videomae2.jobs.taught_videos import class_names, read_taught_videos
from videomae2.jobs.teaching import Teaching
from videomae2.jobs.training import (
    check_resumable,
    describe_length,
    describe_videos,
    train,
)
from videomae2.jobs.validation import Validation
from videomae2.jobs.video_lists import labelled_lists
from videomae2.jobs.work import Say, Watch, Watching, Work
from videomae2.models.cards import ClassifierCard, read_card_of
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.finding import find_classifier
from videomae2.models.found import FoundClassifier
from videomae2.models.saved import STUDENTS
from videomae2.models.teachers import check_same_clips
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillTask
from videomae2.tensors.clips import Clips


def distill(
    run: DistillRun,
    *,
    resume: bool = False,
    notes: Mapping[str, object] | None = None,
    compared: frozenset[str] = SAME_RESULTS,
    say: Say = to_terminal,
) -> Path:
    """Teach students, or go on, and give the folder that holds a folder for each of them.

    Args:
        run: The complete configuration. Outputs that are not given are those of the teacher.
        resume: Insist on going on: it is an error if there is no checkpoint.
        notes: Goes into the card of every model that is saved, such as its lineage.
        compared: Settings that are not held against those of the run in the folder.
        say: Takes each line for people.

    Returns:
        RUN/students: the best state of each by validation; without validation, the last.

    Raises:
        ConfigError: Before any work, with every problem of the configuration; or if the cache of
            the teacher's scores was made for other clips.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If teacher, parents, classes or clips do not fit together, the run folder
            cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check(run)
    if resume:
        check_resumable(run)
    teacher, videos, run = _prepared(run)
    last = train(
        run,
        videos.training.manifests,
        labelled_lists(run, videos),
        lambda run, plan, runtime: begin(run, plan, runtime, teacher, videos, say, notes or {}),
        model=_students(run),
        compared=compared,
        say=say,
        describe=lambda run: describe(run, (teacher, videos)),
    )
    return _finished(run, last, say)


def begin(
    run: DistillRun,
    plan: Plan,
    runtime: Runtime,
    teacher: FoundClassifier,
    videos: TrainingVideos,
    say: Say,
    more: Mapping[str, object],
) -> Work:
    """Build what is trained: the students, and the teacher that is asked when it is needed."""
    digest = teacher.digest()
    teaching = _teaching(run, runtime, teacher, videos, digest, say)
    names = class_names(videos, teacher)
    students = ClassOfStudents.start(run, teacher, names, digest, say, more)
    task = DistillTask(
        students.modules,
        teaching,
        run.task,
        answers=teacher.card.answers,
        mean=run.data.mean,
        std=run.data.std,
    )
    finishing = Finishing(
        run, Outputs(ClassifyConfig(answers=teacher.card.answers), videos.training)
    )

    def finish(clips: Clips, batch: HostBatch) -> Clips:
        teaching.expect(batch)
        return finishing(clips, batch)

    def save(folder: Path, step: int) -> None:
        teaching.flush()
        students.save(folder, {"step": step, "steps": plan.steps})

    look = looks(run, plan, runtime, videos, teaching, students, task, say)
    return Work(
        run=run,
        task=task,
        save=save,
        load=students.load,
        finish=finish,
        watch=lambda watching: _watch(watching, plan, look, teaching, say),
        optimizer=lambda task, optim: build_joint_optimizer(
            [(students.modules[one.name], one.lr_factor) for one in run.students], optim
        ),
    )


def _teaching(
    run: DistillRun,
    runtime: Runtime,
    teacher: FoundClassifier,
    videos: TrainingVideos,
    digest: str,
    say: Say,
) -> Teaching:
    """Make the teacher ready to be asked, with its cache if there is one."""
    kept = open_kept(run, videos.training.manifests, digest=digest)
    if kept is not None:
        say(f"cache    {kept.folder}: {len(kept)} micro-batches are there")
    features = run.task.feature_weight > 0
    return Teaching(
        teacher, runtime, say, features=features, kept=kept, half=run.teacher.cache_half
    )


def _watch(
    watching: Watching, plan: Plan, look: Validation | None, teaching: Teaching, say: Say
) -> Watch:
    """Look at held-out videos when it is time, and see to the cache."""
    looking = None if look is None else look.begin(watching)

    def after(done: int) -> None:
        teaching.after_step()
        if looking is not None:
            looking(done)
        if done == plan.steps and teaching.kept is not None:
            say(f"cache    {teaching.found} micro-batches were there, {teaching.asked} not")

    return after


def rehearse(run: DistillRun) -> str:
    """Describe a run, and see whether it would start: every parent of a student is loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        CheckpointError, DataError: As ``distill``.
    """
    teacher, videos, run = _prepared(run)
    names, lines = class_names(videos, teacher), [describe(run, (teacher, videos))]
    for number in range(len(run.students)):
        _, report = begun(run, number, names, torch.Generator().manual_seed(run.seed))
        lines.append(report)
    foreseen = foresee(run, videos.training.manifests, labelled_lists(run, videos), _students(run))
    return "\n".join([*lines, foreseen])


def describe(run: DistillRun, found: tuple[FoundClassifier, TrainingVideos] | None = None) -> str:
    """Say in a few lines what a run will do and what was inferred from teacher and data.

    Raises:
        ConfigError: If the device is not there.
        CheckpointError, DataError: As ``distill``.
    """
    if found is None:
        teacher, videos, run = _prepared(run)
    else:
        teacher, videos = found
    manifests, names = videos.training.manifests, class_names(videos, teacher)
    lines = [describe_videos(run, manifests)]
    if run.labelled:
        lines += videos.describe(teacher.card.answers)
    else:
        known = f"those of the teacher: {', '.join(names[:12])}" if names else "without names"
        lines += [f"classes  {teacher.card.model.outputs}, {known}; labels are not looked at"]
        lines += [f"held out {videos.origin}"]
    lines.append(f"teacher  {teacher}: {_words(teacher.card.model)}")
    if teacher.card.span not in (None, span(run)):
        lines.append("         it was trained on clips of another span than these have")
    lines += [
        f"student  {one.name}: {_words(one.model)}, "
        f"{'from scratch' if one.start.weights is None else f'from {one.start.weights}'}"
        for one in run.students
    ]
    return "\n".join([*lines, describe_length(run, manifests)])


def _prepared(run: DistillRun) -> tuple[FoundClassifier, TrainingVideos, DistillRun]:
    """Find the teacher and the videos, and give the students the teacher's outputs."""
    assert run.teacher.weights is not None
    teacher = find_classifier(run.teacher.weights)
    for student in run.students:
        check_same_clips(student.model.encoder, teacher, name=student.name)
    return teacher, read_taught_videos(run, teacher), complete(run, teacher)


def _students(run: DistillRun) -> nn.Module:
    """All of them on the meta device."""
    with torch.device("meta"):
        return nn.ModuleList(Classifier(student.model) for student in run.students)


def _finished(run: DistillRun, last: Path, say: Say) -> Path:
    """See to it that each student has its folder, and say how good each is."""
    students = run.record.out / STUDENTS
    for one in run.students:
        folder = students / one.name
        if not folder.exists():
            ClassOfStudents.copy(last / one.name, folder)
        notes = read_card_of(ClassifierCard, folder).notes
        shown = "  ".join(f"{k} {v:.4g}" for k, v in notes.get("validation", {}).items())
        judged = f", on held-out videos: {shown}" if shown else ""
        say(f"student  {folder}, of step {notes['step']}{judged}")
    return students


def _words(model: ClassifierConfig) -> str:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Classifier(model).parameters())
    encoder, grid = model.encoder, model.encoder.trained_grid
    table = f", position table of {'x'.join(map(str, grid))} cubes resampled" if grid else ""
    return (
        f"{encoder.size}, {parameters / 1e6:.1f} M parameters, {model.outputs} outputs, clips of "
        f"{encoder.frames}x{encoder.height}x{encoder.width}{table}"
    )
