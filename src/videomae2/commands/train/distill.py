"""Distillation from start to end: students that learn from one teacher, side by side."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import BatchTransform, TargetLookup, TrainValData
from videomae2.commands.train.distill_data import load_distill_data, resolve_class_names
from videomae2.commands.train.dry_run import preview, summarize_length, summarize_videos
from videomae2.commands.train.run import check_resumable, train
from videomae2.commands.train.run_folder import VideoList, build_labelled_lists
from videomae2.commands.train.setup import TrainingJob, TrainingSetup, get_frame_sampling
from videomae2.commands.train.students import (
    StudentGroup,
    build_student,
    build_validation,
    resolve_students,
)
from videomae2.commands.train.teacher import Teacher, check_same_clips, open_cache
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
    job = load_job(run, metadata)
    return _finish_students(job.run, train(job, ignored_fields=ignored_fields))


def dry_run(run: DistillRun) -> Summary:
    """Describe a run, and see whether it would start: every parent of a student is loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        CheckpointError, DataError: As ``distill``.
    """
    return preview(load_job(run))


def load_job(run: DistillRun, metadata: Mapping[str, object] | None = None) -> "DistillJob":
    """Find the teacher and the videos, and give the students the teacher's outputs.

    Raises:
        CheckpointError, DataError: As ``distill``.
    """
    assert run.teacher.weights is not None
    teacher = resolve_classifier(run.teacher.weights)
    for student in run.students:
        check_same_clips(student.model.encoder, teacher, name=student.name)
    videos = load_distill_data(run, teacher)
    run = resolve_students(run, teacher)
    return DistillJob(
        run=run,
        manifests=videos.train.manifests,
        metadata=metadata or {},
        teacher=teacher,
        videos=videos,
    )


@dataclass(frozen=True, kw_only=True)
class DistillJob(TrainingJob[DistillRun]):
    """A distillation, its teacher and its videos."""

    teacher: ClassifierRef
    videos: TrainValData

    def build_lists(self) -> tuple[VideoList, ...]:
        return build_labelled_lists(self.run, self.videos)

    def build_meta_model(self) -> nn.Module:
        """All students."""
        with torch.device("meta"):
            return nn.ModuleList(Classifier(student.model) for student in self.run.students)

    def summarize(self) -> Summary:
        run, config = self.run, self.teacher.config
        teacher_text = f"{self.teacher}: {_describe_model(config.model)}"
        if config.frame_sampling not in (None, get_frame_sampling(run)):
            teacher_text += "\nit was trained on clips of another span than these have"
        rows = [("teacher", teacher_text)]
        for student in run.students:
            parent = student.init.weights
            init_text = "from scratch" if parent is None else f"from {parent}"
            text = f"{student.name}: {_describe_model(student.model)}, {init_text}"
            rows.append(("student", text))
        return (
            summarize_videos(run, self.manifests)
            + self._summarize_classes()
            + Summary(tuple(rows))
            + summarize_length(run, self.manifests)
        )

    def _summarize_classes(self) -> Summary:
        if self.run.labelled:
            return self.videos.summarize(self.teacher.config.task_type)
        names = resolve_class_names(self.videos, self.teacher)
        names_text = f"those of the teacher: {', '.join(names[:12])}" if names else "without names"
        num_classes = self.teacher.config.model.num_classes
        text = f"{num_classes}, {names_text}; labels are not looked at"
        return Summary((("classes", text), ("val", self.videos.val_description)))

    def try_init(self) -> Summary:
        summary, names = Summary(()), resolve_class_names(self.videos, self.teacher)
        for number in range(len(self.run.students)):
            generator = torch.Generator().manual_seed(self.run.seed)
            summary += build_student(self.run, number, names, generator)[1]
        return summary

    def build_setup(self, loop_config: LoopConfig, runtime: Runtime) -> TrainingSetup:
        """Build what is trained: the students, and the teacher that is asked when it is needed."""
        run, videos, task_type = self.run, self.videos, self.teacher.config.task_type
        digest = self.teacher.compute_digest()
        teacher = self._build_teacher(runtime, digest)
        output_names = resolve_class_names(videos, self.teacher)
        students = StudentGroup.build(run, self.teacher, output_names, digest, self.metadata)
        task = DistillTask(
            students.modules,
            teacher,
            run.task,
            task_type=task_type,
            mean=run.data.mean,
            std=run.data.std,
        )
        target_lookup = TargetLookup(ClassifyConfig(task_type=task_type), videos.train)
        add_targets = BatchTransform(run, target_lookup)

        def transform(clips: Clips, batch: CPUBatch) -> Clips:
            teacher.prepare(batch)
            return add_targets(clips, batch)

        validation = build_validation(
            run, loop_config.steps, runtime, videos, teacher, students, task
        )
        return TrainingSetup(
            run=run,
            loop_config=loop_config,
            runtime=runtime,
            manifests=self.manifests,
            task=task,
            save=students.save,
            load=students.load,
            transform=transform,
            callbacks=(teacher,) if validation is None else (teacher, validation),
            make_optimizer=lambda task, optim: build_joint_optimizer(
                [(students.modules[student.name], student.lr_mult) for student in run.students],
                optim,
            ),
        )

    def _build_teacher(self, runtime: Runtime, digest: str) -> Teacher:
        """Make the teacher ready to be asked, with its cache if there is one."""
        run = self.run
        cache = open_cache(run, self.manifests, digest=digest)
        if cache is not None:
            _logger.info(f"cache    {cache.folder}: {len(cache)} micro-batches are there")
        return Teacher(
            self.teacher,
            runtime,
            with_features=run.task.feature_weight > 0,
            cache=cache,
            cache_dtype=run.teacher.cache_dtype,
        )


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


def _describe_model(model: ClassifierConfig) -> str:
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
