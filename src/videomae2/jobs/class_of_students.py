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
from videomae2.jobs.finetune import span
from videomae2.jobs.first_weights import first_weights
from videomae2.jobs.whole_files import write_folder
from videomae2.jobs.work import Say, load_one, save_one
from videomae2.models.cards import CARD_FILE, ClassifierCard, read_card_of
from videomae2.models.classifier import Classifier
from videomae2.models.found import FoundClassifier
from videomae2.models.parents import Parent
from videomae2.models.places import placed
from videomae2.models.saved import MODEL_FILE, check_fit
from videomae2.tasks.distill import Student

_PROJECTION_FILE = "projection.safetensors"


@dataclass(frozen=True, slots=True)
class ClassOfStudents:
    """All students of a run."""

    run: DistillRun
    teacher: FoundClassifier
    names: tuple[str, ...] | None
    """What the outputs are called, if anybody knows."""
    digest: str
    """Names the teacher."""
    modules: dict[str, Student]
    more: Mapping[str, object] = field(default_factory=dict)
    """Notes for the cards of all of them."""

    @classmethod
    def start(
        cls,
        run: DistillRun,
        teacher: FoundClassifier,
        names: tuple[str, ...] | None,
        digest: str,
        say: Say,
        more: Mapping[str, object],
    ) -> "ClassOfStudents":
        """Build the students; each draws its first weights as if it were alone.

        Raises:
            CheckpointError: If a parent does not fit.
        """
        taught = teacher.card.model.encoder.shape.dim if run.task.feature_weight else None
        modules = {}
        for number, one in enumerate(run.students):
            generator = torch.Generator().manual_seed(run.seed)
            classifier, report = begun(run, number, names, generator)
            say(report)
            modules[one.name] = Student(classifier, taught=taught, generator=generator)
        return cls(run, teacher, names, digest, modules, more)

    def save(self, folder: Path, notes: dict[str, object]) -> None:
        """Write all of them, with what else a resume needs, into a folder that exists."""
        for one in self.run.students:
            place = folder / one.name
            place.mkdir()
            self.save_student(one, place, notes)
            projection = self.modules[one.name].projection
            if projection is not None:
                save_file(
                    {n: v.detach().cpu() for n, v in projection.state_dict().items()},
                    place / _PROJECTION_FILE,
                )

    def save_student(self, one: StudentConfig, folder: Path, notes: dict[str, object]) -> None:
        """Write one of them as a classifier that can be used by itself."""
        save_one(folder, self.modules[one.name].classifier, self._card(one, notes))

    def load(self, folder: Path) -> None:
        """Take over what ``save`` wrote.

        Raises:
            CheckpointError: If it cannot be read or does not fit, or the teacher was another.
        """
        for one in self.run.students:
            place, module = folder / one.name, self.modules[one.name]
            before = read_card_of(ClassifierCard, place).notes["teacher"]
            if before["digest"] != self.digest:
                raise CheckpointError(
                    f"{place} learnt from another teacher: {before['path']} ({before['digest']}) "
                    f"there, {self.teacher.path} ({self.digest}) here"
                )
            load_one(place, module.classifier)
            if module.projection is not None:
                path = place / _PROJECTION_FILE
                found = read_tensors(path)
                check_fit(module.projection.state_dict(), found, path)
                module.projection.load_state_dict(found)

    @staticmethod
    def copy(saved: Path, folder: Path) -> None:
        """Make a folder of its own of a student in a checkpoint."""

        def write(partial: Path) -> None:
            for name in (MODEL_FILE, CARD_FILE):
                shutil.copy2(saved / name, partial / name)

        write_folder(folder, write)

    def _card(self, one: StudentConfig, notes: dict[str, object]) -> ClassifierCard:
        run, parent = self.run, one.start.weights
        lineage: dict[str, object] = {
            "teacher": {"path": str(self.teacher.path), "digest": self.digest},
            "parent": None if parent is None else str(parent),
        }
        return ClassifierCard(
            model=one.model,
            classes=self.names,
            answers=self.teacher.card.answers,
            span=span(run),
            mean=run.data.mean,
            std=run.data.std,
            notes={**notes, **lineage, **self.more},
        )


def begun(
    run: DistillRun, number: int, names: Sequence[str] | None, generator: torch.Generator
) -> tuple[Classifier, str]:
    """A student with its first weights, and where they come from in words.

    Raises:
        CheckpointError: If its parent does not fit.
    """
    one = run.students[number]
    classifier = Classifier(one.model)
    report = first_weights(
        classifier, one.start, generator, classes=names, flag=f"--students.{number}.model"
    )
    return classifier, f"student  {one.name}\n{report}"


def complete(
    run: DistillRun, teacher: FoundClassifier, parents: Mapping[str, Parent] | None = None
) -> DistillRun:
    """Give every student the teacher's outputs, and its own parent's position table.

    Args:
        run: As asked for.
        teacher: Of all of them.
        parents: By a student's name, what it will start from where that is still to be made.

    Raises:
        CheckpointError: If one asks for another number, or its parent cannot be read or was
            trained on another grid than is said.
    """
    outputs = teacher.card.model.outputs
    for one in run.students:
        if one.model.outputs not in (0, outputs):
            raise CheckpointError(
                f"the student '{one.name}' asks for {one.model.outputs} outputs, its teacher "
                f"{teacher.path} has {outputs}; leave outputs out"
            )
    parents = parents or {}

    def filled(number: int, one: StudentConfig) -> StudentConfig:
        parent = parents.get(one.name) or one.start.weights
        prefix = f"--students.{number}."
        encoder = placed(one.model.encoder, one.start.positions, parent, prefix=prefix)
        return replace(one, model=replace(one.model, encoder=encoder, outputs=outputs))

    return replace(run, students=tuple(map(filled, count(), run.students)))
