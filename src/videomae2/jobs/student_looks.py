"""Looks at students on held-out videos: how right they are, and how near to their teacher."""

from collections.abc import Sequence

import torch
from torch import Tensor

from videomae2.config import DistillRun, StudentConfig
from videomae2.data.batches import CPUBatch
from videomae2.data.labels import LabelledData
from videomae2.data.quarantine import SampleId
from videomae2.engine.loop import LoopConfig
from videomae2.engine.runtime import Runtime
from videomae2.jobs.class_of_students import StudentGroup
from videomae2.jobs.labelled_videos import TargetLookup, TrainValData
from videomae2.jobs.measures import ValidationMetrics, compute_metrics
from videomae2.jobs.teaching import Teacher
from videomae2.jobs.validation import EvalTarget, Validation
from videomae2.jobs.work import LogFn
from videomae2.models.cards import TaskType
from videomae2.models.saved import STUDENTS_FOLDER
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillTask
from videomae2.tasks.divergences import hard_labels, kl_divergence
from videomae2.tensors.clips import Clips


def build_validation(
    run: DistillRun,
    loop_config: LoopConfig,
    runtime: Runtime,
    videos: TrainValData,
    teacher: Teacher,
    students: StudentGroup,
    task: DistillTask,
    log: LogFn,
) -> Validation | None:
    """Make the one who looks at held-out videos, if there are any."""
    val_data = videos.val
    if val_data is None:
        return None
    val_digest = " ".join(manifest.digest() for manifest in val_data.manifests)
    compute_student_metrics = StudentMetrics(teacher, teacher.classifier.config.task_type, run.task.temperature, val_data)

    def build_eval_target(student: StudentConfig) -> EvalTarget:
        def predict(clips: Clips, batch: CPUBatch) -> Tensor:
            teacher.score_val_batch(clips, batch, val_digest=val_digest)
            return task.predict_student(students.modules[student.name], clips)[0]

        return EvalTarget(
            name=student.name,
            folder=run.checkpoint.output_dir / STUDENTS_FOLDER / student.name,
            predict=predict,
            compute_metrics=compute_student_metrics,
            save=lambda model_folder, metadata: students.save_student(student, model_folder, metadata),
        )

    return Validation(run, loop_config, runtime, val_data, [build_eval_target(one) for one in run.students], log)


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
        teacher_scores = torch.stack([self.teacher.val_scores[place] for place in sample_ids])
        teacher_metrics = {
            "agreement": compute_agreement(scores, teacher_scores, self.task_type),
            "kl": kl_divergence(scores, teacher_scores, self.temperature, self.task_type).mean().item(),
        }
        if not self.videos.has_labels:
            return ValidationMetrics({"agreement": teacher_metrics["agreement"], "loss": teacher_metrics["kl"]})
        targets = self.target_lookup.lookup(sample_ids, 1)
        teacher_label_metrics = compute_metrics(self.task_type, teacher_scores, targets).values
        first_name = next(iter(teacher_label_metrics))
        label_metrics = compute_metrics(self.task_type, scores, targets).values
        return ValidationMetrics({**label_metrics, **teacher_metrics, f"teacher_{first_name}": teacher_label_metrics[first_name]})


def compute_agreement(scores: Tensor, teacher_scores: Tensor, task_type: TaskType) -> float:
    """The share of videos (of labels, where any number holds) that both take for the same."""
    equal = hard_labels(scores, task_type) == hard_labels(teacher_scores, task_type)
    return equal.double().mean().item()
