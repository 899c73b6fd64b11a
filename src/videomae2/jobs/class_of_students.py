"""The students of a run: their first weights, and how they are saved and found again."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import torch
from safetensors.torch import save_file

from videomae2.config import DistillRun, StudentConfig
from videomae2.engine.checkpoints import read_tensors
from videomae2.errors import CheckpointError
from videomae2.jobs.finetune import get_frame_sampling
from videomae2.jobs.first_weights import init_model
from videomae2.jobs.whole_files import atomic_replace_dir
from videomae2.jobs.work import LogFn, load_model_with_adapters, save_model_with_adapters
from videomae2.models.cards import CONFIG_FILE, SavedClassifierConfig, load_model_config_of
from videomae2.models.classifier import Classifier
from videomae2.models.found import ClassifierRef
from videomae2.models.parents import Pretrained
from videomae2.models.places import resolve_pos_embed
from videomae2.models.saved import MODEL_FILE, check_state_dict
from videomae2.tasks.distill import Student

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
        log: LogFn,
        extra_metadata: Mapping[str, object],
    ) -> "StudentGroup":
        """Build the students; each draws its first weights as if it were alone.

        Raises:
            CheckpointError: If a parent does not fit.
        """
        teacher_dim = teacher.config.model.encoder.shape.embed_dim if run.task.feature_weight else None
        modules = {}
        for number, student in enumerate(run.students):
            generator = torch.Generator().manual_seed(run.seed)
            classifier, report = build_student(run, number, class_names, generator)
            log(report)
            modules[student.name] = Student(classifier, teacher_dim=teacher_dim, generator=generator)
        return cls(run, teacher, class_names, teacher_digest, modules, extra_metadata)

    def save(self, folder: Path, metadata: dict[str, object]) -> None:
        """Write all of them, with what else a resume needs, into a folder that exists."""
        for student in self.run.students:
            student_folder = folder / student.name
            student_folder.mkdir()
            self.save_student(student, student_folder, metadata)
            projection = self.modules[student.name].projection
            if projection is not None:
                save_file(
                    {n: v.detach().cpu() for n, v in projection.state_dict().items()},
                    student_folder / _PROJECTION_FILE,
                )

    def save_student(self, student: StudentConfig, folder: Path, metadata: dict[str, object]) -> None:
        """Write one of them as a classifier that can be used by itself."""
        save_model_with_adapters(folder, self.modules[student.name].classifier, self._build_config(student, metadata))

    def load(self, folder: Path) -> None:
        """Take over what ``save`` wrote.

        Raises:
            CheckpointError: If it cannot be read or does not fit, or the teacher was another.
        """
        for student in self.run.students:
            student_folder, module = folder / student.name, self.modules[student.name]
            saved_teacher = load_model_config_of(SavedClassifierConfig, student_folder).metadata["teacher"]
            if saved_teacher["digest"] != self.teacher_digest:
                raise CheckpointError(
                    f"{student_folder} learnt from another teacher: {saved_teacher['path']} ({saved_teacher['digest']}) "
                    f"there, {self.teacher.path} ({self.teacher_digest}) here"
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

    def _build_config(self, student: StudentConfig, metadata: dict[str, object]) -> SavedClassifierConfig:
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
) -> tuple[Classifier, str]:
    """A student with its first weights, and where they come from in words.

    Raises:
        CheckpointError: If its parent does not fit.
    """
    student = run.students[number]
    classifier = Classifier(student.model)
    report = init_model(
        classifier, student.init, generator, class_names=class_names, flag=f"--students.{number}.model"
    )
    return classifier, f"student  {student.name}\n{report}"


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
    for student in run.students:
        if student.model.num_classes not in (0, num_classes):
            raise CheckpointError(
                f"the student '{student.name}' asks for {student.model.num_classes} outputs, its teacher "
                f"{teacher.path} has {num_classes}; leave outputs out"
            )
    pretrained = pretrained or {}

    def resolve_student(number: int, student: StudentConfig) -> StudentConfig:
        init_weights = pretrained.get(student.name) or student.init.weights
        prefix = f"--students.{number}."
        encoder = resolve_pos_embed(student.model.encoder, student.init.pos_embed, init_weights, prefix=prefix)
        return replace(student, model=replace(student.model, encoder=encoder, num_classes=num_classes))

    return replace(run, students=tuple(map(resolve_student, count(), run.students)))
