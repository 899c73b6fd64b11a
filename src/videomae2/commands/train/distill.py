"""Distillation from start to end: a student learns from a teacher that sees the very same clips."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import BatchTransform
from videomae2.commands.train.distill_data import (
    check_same_clips,
    load_distill_data,
    resolve_class_names,
    summarize_classes,
)
from videomae2.commands.train.dry_run import describe_classifier, preview
from videomae2.commands.train.run import train
from videomae2.commands.train.run_folder import check_resumable
from videomae2.commands.train.setup import (
    ClassifierJob,
    TrainingSetup,
    build_classifier,
    build_model_config,
    get_frame_sampling,
    resolve_model,
)
from videomae2.commands.train.teacher import Teacher, open_cache
from videomae2.commands.train.validation import Validation, report_result
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import DistillRun
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.sources import with_found_bits
from videomae2.errors import CheckpointError
from videomae2.models.flops import count_classifier_macs
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.hub.licence import PARENTS_KEY, build_parentage
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.models.weights.pretrained import Pretrained
from videomae2.models.weights.resolve import resolve_classifier
from videomae2.tasks.distill import DistillTask, build_projection
from videomae2.tensors.clips import Clips
from videomae2.training.loop import Callback
from videomae2.training.runtime import Runtime

_logger = logging.getLogger(__name__)


def distill(
    run: DistillRun,
    *,
    resume: bool = False,
    metadata: Mapping[str, object] | None = None,
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> Path:
    """Teach a student, or go on; arguments and errors are those of ``pretrain``.

    Outputs that are not given are those of the teacher.

    Returns:
        The folder of the best model by validation; without validation, of the last checkpoint.

    Raises:
        ConfigError: Also if the cache of the teacher's scores was made for other clips.
        CheckpointError: Also if teacher, parent, classes or clips do not fit together.
    """
    check_run(run)
    if resume:
        check_resumable(run)
    last = train(load_job(run, metadata), ignored_fields=ignored_fields)
    return report_result(run.output_dir, last)


def dry_run(run: DistillRun) -> Summary:
    """Describe a run, and see whether it would start; raises as ``distill``."""
    job = load_job(run)
    return preview(job) + job.find_duplicates()


def load_job(run: DistillRun, metadata: Mapping[str, object] | None = None) -> "DistillJob":
    """Find the teacher and the videos, and give the student the teacher's outputs."""
    assert run.teacher.weights is not None
    teacher = resolve_classifier(run.teacher.weights)
    check_same_clips(run.model.encoder, teacher)
    videos = load_distill_data(run, teacher)
    run = replace(run, data=with_found_bits(run.data, videos.train.manifests))
    return DistillJob(
        run=resolve_config(run, teacher),
        manifests=videos.train.manifests,
        metadata=metadata or {},
        teacher=teacher,
        videos=videos,
    )


def resolve_config(
    run: DistillRun, teacher: ClassifierRef, parent: Pretrained | None = None
) -> DistillRun:
    """Give the student the teacher's outputs, and its own parent's position table.

    Raises:
        CheckpointError: If it asks for another number, or as ``resolve_model``.
    """
    num_classes = teacher.config.model.num_classes
    if run.model.num_classes not in (0, num_classes):
        raise CheckpointError(
            f"--model.num-classes is {run.model.num_classes}, the teacher {teacher.path} has "
            f"{num_classes} outputs; leave it out"
        )
    return resolve_model(run, num_classes, parent)


@dataclass(frozen=True, kw_only=True)
class DistillJob(ClassifierJob):
    """A distillation, its teacher and its videos."""

    run: DistillRun
    teacher: ClassifierRef

    @cached_property
    def teacher_digest(self) -> str:
        """Of the teacher's weights, which are read whole for it: once a start."""
        return self.teacher.compute_digest()

    def build_provenance(self) -> dict[str, Any]:
        return {**super().build_provenance(), "teacher": self.teacher_digest}

    def summarize_model(self) -> Summary:
        run, config = self.run, self.teacher.config
        teacher_text = f"{self.teacher}: {describe_classifier(config.model)}"
        if config.frame_sampling not in (None, get_frame_sampling(run)):
            teacher_text += "\nit was trained on clips of another span than these have"
        models = (("teacher", teacher_text), ("student", describe_classifier(run.model)))
        return summarize_classes(run, self.videos, self.teacher) + Summary(models)

    def count_macs(self) -> int:
        encoders = (self.run.model.encoder, self.teacher.config.model.encoder)
        return sum(map(count_classifier_macs, encoders))

    def try_init(self) -> Summary:
        class_names = resolve_class_names(self.videos, self.teacher)
        generator = torch.Generator().manual_seed(self.run.seed)
        return build_classifier(self.run, class_names, generator)[1].summarize()

    def build_setup(self, runtime: Runtime) -> TrainingSetup:
        """Build what is trained: the student, and the teacher that is asked when it is needed."""
        run, ref, generator = self.run, self.teacher, torch.Generator().manual_seed(self.run.seed)
        class_names, digest = resolve_class_names(self.videos, ref), self.teacher_digest
        model, report = build_classifier(run, class_names, generator)
        for _, text in self.find_duplicates().rows:
            _logger.warning(text)
        _logger.info(report.summarize())
        teacher = Teacher(
            ref,
            runtime,
            with_features=run.task.feature_weight > 0,
            cache=open_cache(run, self.manifests, digest=digest),
            cache_dtype=run.teacher.cache_dtype,
        )
        dim = ref.config.model.num_features
        task = DistillTask(
            model,
            teacher,
            run.task,
            projection=build_projection(model, dim, generator) if teacher.with_features else None,
            task_type=ref.config.task_type,
            normalization=run.data,
        )
        parents = {**report.parents, "teacher": (str(ref.path), ref.config.metadata)}
        lineage = build_parentage(parents)
        lineage[PARENTS_KEY]["teacher"]["digest"] = digest
        config = replace(
            build_model_config(run, class_names, ref.config.task_type),
            metadata={**lineage, **self.metadata},
        )
        add_targets = BatchTransform(run, self.videos.train)

        def transform(clips: Clips, batch: CPUBatch) -> Clips:
            teacher.prepare(batch)
            return add_targets(clips, batch)

        return TrainingSetup(
            task=task,
            config=config,
            transform=transform,
            callbacks=self._build_callbacks(config, teacher),
        )

    def _build_callbacks(
        self, config: SavedClassifierConfig, teacher: Teacher
    ) -> tuple[Callback, ...]:
        """The teacher's cache, and validation if videos are held out."""
        val_data = self.videos.val
        if val_data is None:
            return (teacher,)
        val_digest = " ".join(manifest.digest() for manifest in val_data.manifests)
        compute_metrics = partial(
            teacher.compute_student_metrics,
            videos=val_data,
            temperature=self.run.task.temperature,
        )
        see_batch = partial(teacher.score_val_batch, val_digest=val_digest)
        return (teacher, Validation(self.run, val_data, config, compute_metrics, see_batch))
