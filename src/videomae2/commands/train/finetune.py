"""Supervised training from start to end: post-pre-training, fine-tuning, or from scratch."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from videomae2.base.summary import Summary
from videomae2.commands.train.advice.chance import ChanceCheck
from videomae2.commands.train.datasets import (
    BatchTransform,
    compute_balance,
    load_train_val_data,
    lookup_targets,
)
from videomae2.commands.train.dry_run import describe_classifier, preview
from videomae2.commands.train.run import train
from videomae2.commands.train.run_folder import check_resumable
from videomae2.commands.train.setup import (
    ClassifierJob,
    StepTrial,
    TrainingSetup,
    build_classifier,
    build_model_config,
    resolve_model,
)
from videomae2.commands.train.validation import Validation, report_result
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import FinetuneRun
from videomae2.data.loading.quarantine import SampleId
from videomae2.data.loading.sources import with_found_bits
from videomae2.models.classifier import Classifier
from videomae2.models.flops import count_classifier_macs
from videomae2.models.lora import apply_tuning
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.head import fit_target_scaler
from videomae2.models.weights.hub.licence import build_parentage
from videomae2.tasks.classify import ClassifyTask
from videomae2.training.loop import Callback
from videomae2.training.runtime import Runtime

_logger = logging.getLogger(__name__)

_SCRATCH_HINT = "; --init.weights RUN would begin with what a pre-training run has learnt"


def finetune(
    run: FinetuneRun,
    *,
    resume: bool = False,
    metadata: Mapping[str, object] | None = None,
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> Path:
    """Train a classifier, or go on training it; arguments and errors are those of ``pretrain``.

    Outputs that are not given are those of the data.

    Returns:
        The folder of the best model by validation; without validation, of the last checkpoint.

    Raises:
        CheckpointError: Also if the parent does not fit.
    """
    check_run(run)
    if resume:
        check_resumable(run)
    last = train(load_job(run, metadata), ignored_fields=ignored_fields)
    return report_result(run.output_dir, last)


def dry_run(run: FinetuneRun) -> Summary:
    """Describe a run, and see whether it would start; raises as ``finetune``."""
    job = load_job(run)
    return preview(job) + job.find_duplicates()


def load_job(run: FinetuneRun, metadata: Mapping[str, object] | None = None) -> "FinetuneJob":
    """Read the lists of a run; outputs that are not given are those of the data."""
    videos = load_train_val_data(run)
    run = replace(run, data=with_found_bits(run.data, videos.train.manifests))
    return FinetuneJob(
        run=resolve_model(run, len(videos.train.class_names)),
        manifests=videos.train.manifests,
        metadata=metadata or {},
        videos=videos,
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneJob(ClassifierJob):
    """A supervised run and its videos."""

    run: FinetuneRun

    def summarize_model(self) -> Summary:
        model = Summary((("model", describe_classifier(self.run.model)),))
        return self.videos.summarize(self.run.task.task_type) + model

    def try_init(self) -> Summary:
        generator = torch.Generator().manual_seed(self.run.seed)
        _, report = build_classifier(self.run, self.videos.train.class_names, generator)
        return report.summarize("" if self.run.init.weights else _SCRATCH_HINT)

    def count_macs(self) -> int:
        return count_classifier_macs(self.run.model.encoder)

    def get_trial(self) -> StepTrial:
        run, train = self.run, self.videos.train

        def build_task() -> ClassifyTask:
            model = Classifier(run.model)
            apply_tuning(model, run.tuning, torch.Generator().manual_seed(run.seed))
            balance = compute_balance(run.task, train)
            return ClassifyTask(model, run.task, class_weights=balance, normalization=run.data)

        return StepTrial(build_task=build_task, target=torch.from_numpy(train.targets[0][:1]))

    def build_setup(self, runtime: Runtime) -> TrainingSetup:
        """Build what is trained: first weights, then what of them learns, then the task."""
        run, train = self.run, self.videos.train
        is_regression = run.task.task_type == "regression"
        targets = [torch.from_numpy(rows) for rows in train.targets]
        scaler = fit_target_scaler(targets) if is_regression else None
        generator = torch.Generator().manual_seed(run.seed)
        model, report = build_classifier(run, train.class_names, generator, scaler)
        for _, text in self.find_duplicates().rows:
            _logger.warning(text)
        _logger.info(report.summarize("" if run.init.weights else _SCRATCH_HINT))
        apply_tuning(model, run.tuning, generator)
        task = ClassifyTask(
            model,
            run.task,
            class_weights=compute_balance(run.task, train),
            target_scaler=scaler,
            normalization=run.data,
        )
        config = replace(
            build_model_config(run, train.class_names, run.task.task_type),
            target_scaler=scaler,
            metadata={**build_parentage(report.parents), **self.metadata},
        )
        return TrainingSetup(
            task=task,
            config=config,
            transform=BatchTransform(run, train),
            callbacks=self._build_callbacks(config),
        )

    def _build_callbacks(self, config: SavedClassifierConfig) -> tuple[Callback, ...]:
        """Whether it stands at chance, and validation, if videos are held out."""
        val_data, scaler = self.videos.val, config.target_scaler
        has_classes = config.task_type == "multiclass"
        chance_check = ChanceCheck(self.run, self.videos) if has_classes else None
        checks = () if chance_check is None else (chance_check,)
        if val_data is None:
            return checks
        # numbers count in their deviation over the training videos, so that none outweighs another
        scale = 1.0 if scaler is None else torch.tensor(scaler.std)
        compute_metrics = TASK_TYPES[config.task_type].compute_metrics

        def compute(scores: Tensor, sample_ids: Sequence[SampleId]) -> dict[str, float]:
            return compute_metrics(scores, lookup_targets(val_data, sample_ids), scale)

        validation = Validation(
            self.run,
            val_data,
            config,
            compute,
            on_metrics=None if chance_check is None else chance_check.see_validation,
        )
        return (*checks, validation)
