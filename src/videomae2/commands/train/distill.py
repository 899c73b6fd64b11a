"""Distillation from start to end: students that learn from one teacher, side by side."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from videomae2.commands.train.datasets import BatchTransform, TargetLookup, TrainValData
from videomae2.commands.train.distill_data import load_distill_data, resolve_class_names
from videomae2.commands.train.dry_run import preview_start, summarize_length, summarize_videos
from videomae2.commands.train.run import check_resumable, train
from videomae2.commands.train.run_folder import build_labelled_lists
from videomae2.commands.train.setup import (
    CallbackContext,
    StepEndHook,
    TrainingSetup,
    get_frame_sampling,
)
from videomae2.commands.train.students import (
    StudentGroup,
    build_student,
    build_validation,
    resolve_students,
)
from videomae2.commands.train.teacher import Teacher, check_same_clips, open_cache
from videomae2.commands.train.validation import Validation
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import DistillRun
from videomae2.data.loading.batch import CPUBatch
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.weights.classifier_ref import ClassifierRef, resolve_classifier
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.models.weights.resolve import STUDENTS_FOLDER
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillTask
from videomae2.tensors.clips import Clips
from videomae2.training.loop import LoopConfig
from videomae2.training.optim import build_joint_optimizer
from videomae2.training.runtime import Runtime

_logger = logging.getLogger(__name__)


def distill(
    run: DistillRun,
    *,
    resume: bool = False,
    metadata: Mapping[str, object] | None = None,
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> Path:
    """Teach students, or go on, and give the folder that holds a folder for each of them.

    Args:
        run: The complete configuration. Outputs that are not given are those of the teacher.
        resume: Insist on going on: it is an error if there is no checkpoint.
        metadata: Goes into the card of every model that is saved, such as its lineage.
        ignored_fields: Settings that are not held against those of the run in the folder.

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
    check_run(run)
    if resume:
        check_resumable(run)
    teacher, videos, run = _load_teacher_and_data(run)
    last = train(
        run,
        videos.train.manifests,
        build_labelled_lists(run, videos),
        lambda run, loop_config, runtime: build_setup(
            run, loop_config, runtime, teacher, videos, metadata or {}
        ),
        model=_build_meta_students(run),
        ignored_fields=ignored_fields,
        summarize=lambda run: summarize(run, (teacher, videos)),
    )
    return _finish_students(run, last)


def build_setup(
    run: DistillRun,
    loop_config: LoopConfig,
    runtime: Runtime,
    teacher: ClassifierRef,
    videos: TrainValData,
    extra_metadata: Mapping[str, object],
) -> TrainingSetup:
    """Build what is trained: the students, and the teacher that is asked when it is needed."""
    digest = teacher.compute_digest()
    teaching = _build_teacher(run, runtime, teacher, videos, digest)
    output_names = resolve_class_names(videos, teacher)
    students = StudentGroup.build(run, teacher, output_names, digest, extra_metadata)
    task = DistillTask(
        students.modules,
        teaching,
        run.task,
        task_type=teacher.config.task_type,
        mean=run.data.mean,
        std=run.data.std,
    )
    add_targets = BatchTransform(
        run, TargetLookup(ClassifyConfig(task_type=teacher.config.task_type), videos.train)
    )

    def transform(clips: Clips, batch: CPUBatch) -> Clips:
        teaching.prepare(batch)
        return add_targets(clips, batch)

    def save(folder: Path, step: int) -> None:
        teaching.flush()
        students.save(folder, {"step": step, "steps": loop_config.steps})

    validation = build_validation(run, loop_config, runtime, videos, teaching, students, task)
    return TrainingSetup(
        run=run,
        task=task,
        save=save,
        load=students.load,
        transform=transform,
        attach=lambda context: _attach_callbacks(context, loop_config, validation, teaching),
        make_optimizer=lambda task, optim: build_joint_optimizer(
            [(students.modules[student.name], student.lr_mult) for student in run.students], optim
        ),
    )


def _build_teacher(
    run: DistillRun, runtime: Runtime, teacher: ClassifierRef, videos: TrainValData, digest: str
) -> Teacher:
    """Make the teacher ready to be asked, with its cache if there is one."""
    cache = open_cache(run, videos.train.manifests, digest=digest)
    if cache is not None:
        _logger.info(f"cache    {cache.folder}: {len(cache)} micro-batches are there")
    features = run.task.feature_weight > 0
    return Teacher(
        teacher,
        runtime,
        with_features=features,
        cache=cache,
        cache_dtype=run.teacher.cache_dtype,
    )


def _attach_callbacks(
    context: CallbackContext,
    loop_config: LoopConfig,
    validation: Validation | None,
    teaching: Teacher,
) -> StepEndHook:
    """Look at held-out videos when it is time, and see to the cache."""
    validate = None if validation is None else validation.attach(context)

    def on_step_end(steps_done: int) -> None:
        teaching.after_step()
        if validate is not None:
            validate(steps_done)
        if steps_done == loop_config.steps and teaching.cache is not None:
            _logger.info(
                f"cache    {teaching.num_hits} micro-batches were there, {teaching.num_misses} not"
            )

    return on_step_end


def dry_run(run: DistillRun) -> str:
    """Describe a run, and see whether it would start: every parent of a student is loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        CheckpointError, DataError: As ``distill``.
    """
    teacher, videos, run = _load_teacher_and_data(run)
    names, lines = resolve_class_names(videos, teacher), [summarize(run, (teacher, videos))]
    for number in range(len(run.students)):
        _, report = build_student(run, number, names, torch.Generator().manual_seed(run.seed))
        lines.append(report)
    start_line = preview_start(
        run, videos.train.manifests, build_labelled_lists(run, videos), _build_meta_students(run)
    )
    return "\n".join([*lines, start_line])


def summarize(run: DistillRun, loaded: tuple[ClassifierRef, TrainValData] | None = None) -> str:
    """Say in a few lines what a run will do and what was inferred from teacher and data.

    Raises:
        ConfigError: If the device is not there.
        CheckpointError, DataError: As ``distill``.
    """
    if loaded is None:
        teacher, videos, run = _load_teacher_and_data(run)
    else:
        teacher, videos = loaded
    manifests, names = videos.train.manifests, resolve_class_names(videos, teacher)
    lines = [summarize_videos(run, manifests)]
    if run.labelled:
        lines += videos.summarize(teacher.config.task_type)
    else:
        names_text = f"those of the teacher: {', '.join(names[:12])}" if names else "without names"
        lines += [
            f"classes  {teacher.config.model.num_classes}, {names_text}; labels are not looked at"
        ]
        lines += [f"val      {videos.val_description}"]
    lines.append(f"teacher  {teacher}: {_summarize_model(teacher.config.model)}")
    if teacher.config.frame_sampling not in (None, get_frame_sampling(run)):
        lines.append("         it was trained on clips of another span than these have")
    lines += [
        f"student  {student.name}: {_summarize_model(student.model)}, "
        f"{'from scratch' if student.init.weights is None else f'from {student.init.weights}'}"
        for student in run.students
    ]
    return "\n".join([*lines, summarize_length(run, manifests)])


def _load_teacher_and_data(run: DistillRun) -> tuple[ClassifierRef, TrainValData, DistillRun]:
    """Find the teacher and the videos, and give the students the teacher's outputs."""
    assert run.teacher.weights is not None
    teacher = resolve_classifier(run.teacher.weights)
    for student in run.students:
        check_same_clips(student.model.encoder, teacher, name=student.name)
    return teacher, load_distill_data(run, teacher), resolve_students(run, teacher)


def _build_meta_students(run: DistillRun) -> nn.Module:
    """All of them on the meta device."""
    with torch.device("meta"):
        return nn.ModuleList(Classifier(student.model) for student in run.students)


def _finish_students(run: DistillRun, last: Path) -> Path:
    """See to it that each student has its folder, and say how good each is."""
    students = run.output_dir / STUDENTS_FOLDER
    for student in run.students:
        folder = students / student.name
        if not folder.exists():
            StudentGroup.copy_student(last / student.name, folder)
        metadata = load_model_config_of(SavedClassifierConfig, folder).metadata
        metrics = "  ".join(f"{k} {v:.4g}" for k, v in metadata.get("validation", {}).items())
        metrics_text = f", on held-out videos: {metrics}" if metrics else ""
        _logger.info(f"student  {folder}, of step {metadata['step']}{metrics_text}")
    return students


def _summarize_model(model: ClassifierConfig) -> str:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Classifier(model).parameters())
    encoder, pretrained_grid = model.encoder, model.encoder.pretrained_grid
    table = (
        f", position table of {'x'.join(map(str, pretrained_grid))} cubes resampled"
        if pretrained_grid
        else ""
    )
    return (
        f"{encoder.size}, {parameters / 1e6:.1f} M parameters, {model.num_classes} outputs, "
        f"clips of {encoder.frames}x{encoder.height}x{encoder.width}{table}"
    )
