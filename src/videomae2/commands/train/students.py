"""The students of a run: their first weights, their validation, how they are saved and loaded."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from videomae2.base.files import atomic_replace_dir
from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import TargetLookup, TrainValData
from videomae2.commands.train.setup import (
    get_frame_sampling,
    init_model,
    load_model_with_adapters,
    save_model_with_adapters,
)
from videomae2.commands.train.teacher import Teacher
from videomae2.commands.train.validation import (
    EvalTarget,
    Validation,
    ValidationMetrics,
    compute_metrics,
)
from videomae2.config.runs import DistillRun, StudentConfig
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.quarantine import SampleId
from videomae2.errors import CheckpointError
from videomae2.models.classifier import Classifier
from videomae2.models.task_type import TaskType
from videomae2.models.weights.classifier_ref import ClassifierRef
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    SavedClassifierConfig,
    load_model_config_of,
)
from videomae2.models.weights.pretrained import Pretrained
from videomae2.models.weights.pretrained_grid import resolve_pos_embed
from videomae2.models.weights.resolve import STUDENTS_FOLDER
from videomae2.models.weights.saved import MODEL_FILE, check_state_dict
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillTask, Student, hard_labels, kl_divergence
from videomae2.tensors.clips import Clips
from videomae2.tensors.files import save_tensors
from videomae2.training.checkpoint import read_tensors
from videomae2.training.runtime import Runtime

_logger = logging.getLogger(__name__)

_PROJECTION_FILE = "projection.safetensors"


@dataclass(frozen=True, slots=True)
class StudentGroup:
    """All students of a run."""

    run: DistillRun
    teacher: ClassifierRef
    class_names: tuple[str, ...] | None
    """What the outputs are called, if anybody knows."""
    teacher_digest: str
    """Names the teacher."""
    modules: dict[str, Student]
    extra_metadata: Mapping[str, object] = field(default_factory=dict)
    """Notes for the cards of all of them."""

    @classmethod
    def build(
        cls,
        run: DistillRun,
        teacher: ClassifierRef,
        class_names: tuple[str, ...] | None,
        teacher_digest: str,
        extra_metadata: Mapping[str, object],
    ) -> "StudentGroup":
        """Build the students; each draws its first weights as if it were alone.

        Raises:
            CheckpointError: If a parent does not fit.
        """
        teacher_dim = (
            teacher.config.model.encoder.shape.embed_dim if run.task.feature_weight else None
        )
        modules = {}
        for number, student in enumerate(run.students):
            generator = torch.Generator().manual_seed(run.seed)
            classifier, summary = build_student(run, number, class_names, generator)
            _logger.info(summary)
            modules[student.name] = Student(
                classifier, teacher_dim=teacher_dim, generator=generator
            )
        return cls(run, teacher, class_names, teacher_digest, modules, extra_metadata)

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """Write all of them, with what else a resume needs, into a folder that exists."""
        for student in self.run.students:
            student_folder = folder / student.name
            student_folder.mkdir()
            self.save_student(student, student_folder, metadata)
            projection = self.modules[student.name].projection
            if projection is not None:
                save_tensors(student_folder / _PROJECTION_FILE, projection.state_dict())

    def save_student(
        self, student: StudentConfig, folder: Path, metadata: Mapping[str, object]
    ) -> None:
        """Write one of them as a classifier that can be used by itself."""
        save_model_with_adapters(
            folder, self.modules[student.name].classifier, self._build_config(student, metadata)
        )

    def load(self, folder: Path) -> None:
        """Take over what ``save`` wrote.

        Raises:
            CheckpointError: If it cannot be read or does not fit, or the teacher was another.
        """
        for student in self.run.students:
            student_folder, module = folder / student.name, self.modules[student.name]
            saved_teacher = load_model_config_of(SavedClassifierConfig, student_folder).metadata[
                "teacher"
            ]
            if saved_teacher["digest"] != self.teacher_digest:
                raise CheckpointError(
                    f"{student_folder} learnt from another teacher: {saved_teacher['path']} "
                    f"({saved_teacher['digest']}) there, {self.teacher.path} "
                    f"({self.teacher_digest}) here"
                )
            load_model_with_adapters(student_folder, module.classifier)
            if module.projection is not None:
                path = student_folder / _PROJECTION_FILE
                state_dict = read_tensors(path)
                check_state_dict(module.projection.state_dict(), state_dict, path)
                module.projection.load_state_dict(state_dict)

    @staticmethod
    def copy_student(saved: Path, folder: Path) -> None:
        """Make a folder of its own of a student in a checkpoint."""

        def write(partial: Path) -> None:
            for name in (MODEL_FILE, CONFIG_FILE):
                shutil.copy2(saved / name, partial / name)

        atomic_replace_dir(folder, write)

    def _build_config(
        self, student: StudentConfig, metadata: Mapping[str, object]
    ) -> SavedClassifierConfig:
        run, parent = self.run, student.init.weights
        lineage: dict[str, object] = {
            "teacher": {"path": str(self.teacher.path), "digest": self.teacher_digest},
            "parent": None if parent is None else str(parent),
        }
        return SavedClassifierConfig(
            model=student.model,
            class_names=self.class_names,
            task_type=self.teacher.config.task_type,
            frame_sampling=get_frame_sampling(run),
            mean=run.data.mean,
            std=run.data.std,
            metadata={**metadata, **lineage, **self.extra_metadata},
        )


def build_student(
    run: DistillRun, number: int, class_names: Sequence[str] | None, generator: torch.Generator
) -> tuple[Classifier, Summary]:
    """A student with its first weights, and where they come from in words.

    Raises:
        CheckpointError: If its parent does not fit.
    """
    student = run.students[number]
    classifier = Classifier(student.model)
    report = init_model(
        classifier,
        student.init,
        generator,
        class_names=class_names,
        flag=f"--students.{number}.model",
    )
    return classifier, Summary((("student", student.name),)) + report.summarize()


def resolve_students(
    run: DistillRun, teacher: ClassifierRef, pretrained: Mapping[str, Pretrained] | None = None
) -> DistillRun:
    """Give every student the teacher's outputs, and its own parent's position table.

    Args:
        run: As asked for.
        teacher: Of all of them.
        pretrained: By a student's name, what it will start from where that is still to be made.

    Raises:
        CheckpointError: If one asks for another number, or its parent cannot be read or was
            trained on another grid than is said.
    """
    num_classes = teacher.config.model.num_classes
    for number, student in enumerate(run.students):
        if student.model.num_classes not in (0, num_classes):
            raise CheckpointError(
                f"the student '{student.name}' asks for {student.model.num_classes} outputs, its "
                f"teacher {teacher.path} has {num_classes}; leave "
                f"--students.{number}.model.num-classes out"
            )
    pretrained = pretrained or {}

    def resolve_student(number: int, student: StudentConfig) -> StudentConfig:
        init_weights = pretrained.get(student.name) or student.init.weights
        prefix = f"--students.{number}."
        encoder = resolve_pos_embed(
            student.model.encoder, student.init.pos_embed, init_weights, prefix=prefix
        )
        return replace(
            student, model=replace(student.model, encoder=encoder, num_classes=num_classes)
        )

    return replace(run, students=tuple(map(resolve_student, count(), run.students)))


def build_validation(
    run: DistillRun,
    steps: int,
    runtime: Runtime,
    videos: TrainValData,
    teacher: Teacher,
    students: StudentGroup,
    task: DistillTask,
) -> Validation | None:
    """Build the validation, if videos are held out."""
    val_data = videos.val
    if val_data is None:
        return None
    val_digest = " ".join(manifest.digest() for manifest in val_data.manifests)
    compute_student_metrics = StudentMetrics(
        teacher, teacher.classifier.config.task_type, run.task.temperature, val_data
    )

    def build_eval_target(student: StudentConfig) -> EvalTarget:
        def predict(clips: Clips, batch: CPUBatch) -> Tensor:
            teacher.score_val_batch(clips, batch, val_digest=val_digest)
            return task.predict_student(students.modules[student.name], clips)[0]

        return EvalTarget(
            name=student.name,
            folder=run.output_dir / STUDENTS_FOLDER / student.name,
            predict=predict,
            compute_metrics=compute_student_metrics,
            save=lambda model_folder, metadata: students.save_student(
                student, model_folder, metadata
            ),
        )

    return Validation(
        run,
        steps,
        runtime,
        val_data,
        [build_eval_target(student) for student in run.students],
    )


class StudentMetrics:
    """Measures a student against labels, where there are any, and against the teacher.

    With labels the first number is theirs, as for any classifier; without, agreement counts, and
    ``loss`` is the divergence.
    """

    def __init__(
        self, teacher: Teacher, task_type: TaskType, temperature: float, videos: LabelledData
    ) -> None:
        self.teacher, self.task_type, self.temperature = teacher, task_type, temperature
        self.videos = videos
        self.target_lookup = TargetLookup(ClassifyConfig(task_type=task_type), videos)

    def __call__(self, scores: Tensor, sample_ids: Sequence[SampleId]) -> ValidationMetrics:
        teacher_scores = torch.stack(
            [self.teacher.val_scores[sample_id] for sample_id in sample_ids]
        )
        teacher_metrics = {
            "agreement": compute_agreement(scores, teacher_scores, self.task_type),
            "kl": kl_divergence(scores, teacher_scores, self.temperature, self.task_type)
            .mean()
            .item(),
        }
        if not self.videos.has_labels:
            return ValidationMetrics(
                {"agreement": teacher_metrics["agreement"], "loss": teacher_metrics["kl"]}
            )
        targets = self.target_lookup.lookup(sample_ids, 1)
        teacher_label_metrics = compute_metrics(self.task_type, teacher_scores, targets).values
        first_name = next(iter(teacher_label_metrics))
        label_metrics = compute_metrics(self.task_type, scores, targets).values
        return ValidationMetrics(
            {
                **label_metrics,
                **teacher_metrics,
                f"teacher_{first_name}": teacher_label_metrics[first_name],
            }
        )


def compute_agreement(scores: Tensor, teacher_scores: Tensor, task_type: TaskType) -> float:
    """The share of videos (of labels, where any number holds) that both take for the same."""
    equal = hard_labels(scores, task_type) == hard_labels(teacher_scores, task_type)
    return equal.double().mean().item()
