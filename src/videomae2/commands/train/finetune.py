"""Supervised training from start to end: post-pre-training, fine-tuning, or from scratch."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import (
    BatchTransform,
    TrainValData,
    compute_balance,
    load_train_val_data,
    lookup_targets,
)
from videomae2.commands.train.dry_run import (
    describe_classifier,
    preview,
    summarize_length,
    summarize_videos,
)
from videomae2.commands.train.run import train
from videomae2.commands.train.run_folder import check_resumable
from videomae2.commands.train.setup import (
    ClassifierJob,
    TrainingSetup,
    build_classifier,
    build_model_config,
)
from videomae2.commands.train.validation import Validation, report_result
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import FinetuneRun
from videomae2.models.lora import apply_tuning
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.pretrained import Pretrained
from videomae2.models.weights.pretrained_grid import resolve_pos_embed
from videomae2.models.weights.target_scaler import fit_target_scaler
from videomae2.tasks.classify import ClassifyTask
from videomae2.training.callback import Callback
from videomae2.training.loop import LoopConfig
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
    """Train a classifier, or go on training it, and give the folder of its best model.

    Args:
        run: The complete configuration. Outputs that are not given are those of the data.
        resume: Insist on going on: it is an error if there is no checkpoint.
        metadata: Goes into the card of every model that is saved, such as its lineage.
        ignored_fields: Settings that are not held against those of the run in the folder.

    Returns:
        The best model by validation; without validation, the last checkpoint.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the parent does not fit, the run folder cannot be used, or the last
            state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check_run(run)
    if resume:
        check_resumable(run)
    last = train(load_job(run, metadata), ignored_fields=ignored_fields)
    return report_result(run.output_dir, last)


def dry_run(run: FinetuneRun) -> Summary:
    """Describe a run, and see whether it would start; raises as ``finetune``."""
    return preview(load_job(run))


def load_job(run: FinetuneRun, metadata: Mapping[str, object] | None = None) -> "FinetuneJob":
    """Read the lists of a run; outputs that are not given are those of the data."""
    videos = load_train_val_data(run)
    return FinetuneJob(
        run=resolve_config(run, videos),
        manifests=videos.train.manifests,
        metadata=metadata or {},
        videos=videos,
    )


def resolve_config(
    run: FinetuneRun, videos: TrainValData, parent: Pretrained | None = None
) -> FinetuneRun:
    """Give the model as many outputs as the data asks for, and its parent's position table.

    Args:
        run: As asked for.
        videos: Its data.
        parent: What it will start from, where that is still to be made.

    Raises:
        CheckpointError: If the parent cannot be read or was trained on another grid than is said.
    """
    encoder = resolve_pos_embed(run.model.encoder, run.init.pos_embed, parent or run.init.weights)
    num_classes = len(videos.train.class_names)
    return replace(run, model=replace(run.model, encoder=encoder, num_classes=num_classes))


@dataclass(frozen=True, kw_only=True)
class FinetuneJob(ClassifierJob):
    """A supervised run and its videos."""

    run: FinetuneRun

    def summarize(self) -> Summary:
        return (
            summarize_videos(self.run, self.manifests)
            + self.videos.summarize(self.run.task.task_type)
            + Summary((("model", describe_classifier(self.run.model)),))
            + summarize_length(self.run, self.manifests)
        )

    def try_init(self) -> Summary:
        generator = torch.Generator().manual_seed(self.run.seed)
        _, report = build_classifier(self.run, self.videos.train.class_names, generator)
        return report.summarize("" if self.run.init.weights else _SCRATCH_HINT)

    def build_setup(self, loop_config: LoopConfig, runtime: Runtime) -> TrainingSetup:
        """Build what is trained: first weights, then what of them learns, then the task."""
        run, train = self.run, self.videos.train
        is_regression = run.task.task_type == "regression"
        targets = [torch.from_numpy(rows) for rows in train.targets]
        scaler = fit_target_scaler(targets) if is_regression else None
        generator = torch.Generator().manual_seed(run.seed)
        model, report = build_classifier(run, train.class_names, generator, scaler)
        _logger.info(report.summarize("" if run.init.weights else _SCRATCH_HINT))
        apply_tuning(model, run.tuning, generator)
        task = ClassifyTask(
            model,
            run.task,
            class_weights=compute_balance(run.task, train),
            target_scaler=scaler,
            mean=run.data.mean,
            std=run.data.std,
        )
        config = replace(
            build_model_config(run, train.class_names, run.task.task_type),
            target_scaler=scaler,
            metadata=dict(self.metadata),
        )
        return TrainingSetup(
            run=run,
            loop_config=loop_config,
            runtime=runtime,
            manifests=self.manifests,
            task=task,
            config=config,
            transform=BatchTransform(run, train),
            callbacks=self._build_callbacks(loop_config, runtime, config),
        )

    def _build_callbacks(
        self, loop_config: LoopConfig, runtime: Runtime, config: SavedClassifierConfig
    ) -> tuple[Callback, ...]:
        """Validation, if videos are held out."""
        val_data, scaler = self.videos.val, config.target_scaler
        if val_data is None:
            return ()
        # numbers count in their deviation over the training videos, so that none outweighs another
        scale = 1.0 if scaler is None else torch.tensor(scaler.std)
        compute_metrics = TASK_TYPES[config.task_type].compute_metrics
        validation = Validation(
            run=self.run,
            steps=loop_config.steps,
            runtime=runtime,
            val_data=val_data,
            config=config,
            compute_metrics=lambda scores, sample_ids: compute_metrics(
                scores, lookup_targets(val_data, sample_ids), scale
            ),
        )
        return (validation,)
