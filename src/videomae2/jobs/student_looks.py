"""Looks at students on held-out videos: how right they are, and how near to their teacher."""

from collections.abc import Sequence

import torch
from torch import Tensor

from videomae2.config import DistillRun, StudentConfig
from videomae2.data.batches import HostBatch
from videomae2.data.labels import Labelled
from videomae2.data.quarantine import Place
from videomae2.engine.loop import Plan
from videomae2.engine.runtime import Runtime
from videomae2.jobs.class_of_students import ClassOfStudents
from videomae2.jobs.labelled_videos import Outputs, TrainingVideos
from videomae2.jobs.measures import Measured, measure
from videomae2.jobs.teaching import Teaching
from videomae2.jobs.validation import Contender, Validation
from videomae2.jobs.work import Say
from videomae2.models.cards import Answers
from videomae2.models.saved import STUDENTS
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillTask
from videomae2.tasks.divergences import decisions, divergence
from videomae2.tensors.clips import Clips


def looks(
    run: DistillRun,
    plan: Plan,
    runtime: Runtime,
    videos: TrainingVideos,
    teaching: Teaching,
    students: ClassOfStudents,
    task: DistillTask,
    say: Say,
) -> Validation | None:
    """Make the one who looks at held-out videos, if there are any."""
    held_out = videos.held_out
    if held_out is None:
        return None
    origin = " ".join(manifest.digest() for manifest in held_out.manifests)
    judge = Judge(teaching, teaching.teacher.card.answers, run.task.temperature, held_out)

    def contender(one: StudentConfig) -> Contender:
        def answer(clips: Clips, batch: HostBatch) -> Tensor:
            teaching.look(clips, batch, origin=origin)
            return task.answer(students.modules[one.name], clips)[0]

        return Contender(
            name=one.name,
            folder=run.record.out / STUDENTS / one.name,
            answer=answer,
            measure=judge,
            save=lambda folder, notes: students.save_student(one, folder, notes),
        )

    return Validation(run, plan, runtime, held_out, [contender(one) for one in run.students], say)


class Judge:
    """Measures a student against labels, where there are any, and against the teacher.

    With labels the first number is theirs, as for any classifier; without, agreement counts, and
    ``loss`` is the divergence.
    """

    def __init__(
        self, teaching: Teaching, answers: Answers, temperature: float, videos: Labelled
    ) -> None:
        self.teaching, self.answers, self.temperature = teaching, answers, temperature
        self.videos = videos
        self.outputs = Outputs(ClassifyConfig(answers=answers), videos)

    def __call__(self, scores: Tensor, places: Sequence[Place]) -> Measured:
        taught = torch.stack([self.teaching.held_out[place] for place in places])
        near = {
            "agreement": agreement(scores, taught, self.answers),
            "kl": divergence(scores, taught, self.temperature, self.answers).mean().item(),
        }
        if not self.videos.labelled:
            return Measured({"agreement": near["agreement"], "loss": near["kl"]})
        targets = self.outputs.of(places, 1)
        of_teacher = measure(self.answers, taught, targets).values
        first = next(iter(of_teacher))
        right = measure(self.answers, scores, targets).values
        return Measured({**right, **near, f"teacher_{first}": of_teacher[first]})


def agreement(scores: Tensor, taught: Tensor, answers: Answers) -> float:
    """The share of videos (of labels, where any number holds) that both take for the same."""
    same = decisions(scores, answers) == decisions(taught, answers)
    return same.double().mean().item()
