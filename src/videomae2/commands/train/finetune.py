"""Supervised training from start to end: post-pre-training, fine-tuning, or from scratch."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import (
    BatchTransform,
    TargetLookup,
    TrainValData,
    load_train_val_data,
)
from videomae2.commands.train.dry_run import preview, summarize_length, summarize_videos
from videomae2.commands.train.run import check_resumable, train
from videomae2.commands.train.run_folder import VideoList, build_labelled_lists
from videomae2.commands.train.setup import (
    SaveModel,
    TrainingJob,
    TrainingSetup,
    get_frame_sampling,
    init_model,
    load_model_with_adapters,
    save_model_with_adapters,
)
from videomae2.commands.train.validation import EvalTarget, Validation, compute_metrics
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import FinetuneRun
from videomae2.models.classifier import Classifier
from videomae2.models.lora import apply_tuning
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.models.weights.pretrained import Pretrained
from videomae2.models.weights.pretrained_grid import resolve_pos_embed
from videomae2.models.weights.resolve import BEST_FOLDER
from videomae2.models.weights.target_scaler import TargetScaler
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
    best = run.output_dir / BEST_FOLDER
    if not best.exists():
        return last
    saved = load_model_config_of(SavedClassifierConfig, best).metadata
    metrics = "  ".join(f"{name} {value:.4g}" for name, value in saved["validation"].items())
    _logger.info(f"best     {best}, of step {saved['step']}, on held-out videos: {metrics}")
    return best


def dry_run(run: FinetuneRun) -> Summary:
    """Describe a run, and see whether it would start: its lists are read and its parent loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        DataError: If lists are wrong.
        CheckpointError: If the parent does not fit, or the folder cannot be used.
    """
    return preview(load_job(run))


def load_job(run: FinetuneRun, metadata: Mapping[str, object] | None = None) -> "FinetuneJob":
    """Read the lists of a run; outputs that are not given are those of the data.

    Raises:
        DataError: If lists are wrong.
        CheckpointError: If the parent cannot be read or was trained on another grid than is said.
    """
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
    model, start = run.model, run.init
    encoder = resolve_pos_embed(model.encoder, start.pos_embed, parent or start.weights)
    outputs = len(videos.train.class_names)
    return replace(run, model=replace(model, encoder=encoder, num_classes=outputs))


def build_model(
    run: FinetuneRun,
    classes: Sequence[str],
    generator: torch.Generator,
    target_scaler: TargetScaler | None = None,
) -> tuple[Classifier, Summary]:
    """A model with its first weights, and where they come from in words."""
    model = Classifier(run.model)
    report = init_model(
        model, run.init, generator, class_names=classes, target_scaler=target_scaler
    )
    return model, report.summarize(_SCRATCH_HINT if run.init.weights is None else "")


@dataclass(frozen=True, kw_only=True)
class FinetuneJob(TrainingJob[FinetuneRun]):
    """A supervised run and its videos."""

    videos: TrainValData

    def build_lists(self) -> tuple[VideoList, ...]:
        return build_labelled_lists(self.run, self.videos)

    def build_meta_model(self) -> Classifier:
        with torch.device("meta"):
            return Classifier(self.run.model)

    def summarize(self) -> Summary:
        run, encoder = self.run, self.run.model.encoder
        parameters = sum(p.numel() for p in self.build_meta_model().parameters())
        model_text = (
            f"{encoder.size}, {parameters / 1e6:.1f} M parameters, {run.model.num_classes} "
            f"outputs, clips of {encoder.frames}x{encoder.height}x{encoder.width}"
        )
        return (
            summarize_videos(run, self.manifests)
            + self.videos.summarize(run.task.task_type)
            + Summary((("model", model_text),))
            + summarize_length(run, self.manifests)
        )

    def try_init(self) -> Summary:
        generator = torch.Generator().manual_seed(self.run.seed)
        return build_model(self.run, self.videos.train.class_names, generator)[1]

    def build_setup(self, loop_config: LoopConfig, runtime: Runtime) -> TrainingSetup:
        """Build what is trained: first weights, then what of them learns, then the task."""
        run, class_names = self.run, self.videos.train.class_names
        target_lookup = TargetLookup(run.task, self.videos.train)
        generator = torch.Generator().manual_seed(run.seed)
        target_scaler = target_lookup.fit_target_scaler()
        model, init_summary = build_model(run, class_names, generator, target_scaler)
        _logger.info(init_summary)
        apply_tuning(model, run.tuning, generator)
        task = ClassifyTask(
            model,
            run.task,
            class_weights=target_lookup.compute_class_weights(),
            target_scaler=target_scaler,
            mean=run.data.mean,
            std=run.data.std,
        )

        def save(folder: Path, metadata: Mapping[str, object]) -> None:
            card = SavedClassifierConfig(
                model=run.model,
                class_names=class_names,
                task_type=run.task.task_type,
                frame_sampling=get_frame_sampling(run),
                target_scaler=target_scaler,
                mean=run.data.mean,
                std=run.data.std,
                metadata={**metadata, **self.metadata},
            )
            save_model_with_adapters(folder, model, card)

        return TrainingSetup(
            run=run,
            loop_config=loop_config,
            runtime=runtime,
            manifests=self.manifests,
            task=task,
            save=save,
            load=lambda folder: load_model_with_adapters(folder, model),
            transform=BatchTransform(run, target_lookup),
            callbacks=self._build_callbacks(loop_config, runtime, task, save),
        )

    def _build_callbacks(
        self, loop_config: LoopConfig, runtime: Runtime, task: ClassifyTask, save: SaveModel
    ) -> tuple[Callback, ...]:
        """Validation, if videos are held out."""
        run, val_data = self.run, self.videos.val
        if val_data is None:
            return ()
        target_lookup = TargetLookup(run.task, val_data)
        target_scaler = TargetLookup(run.task, self.videos.train).fit_target_scaler()
        eval_target = EvalTarget(
            folder=run.output_dir / BEST_FOLDER,
            predict=lambda clips, batch: task.predict(clips),
            compute_metrics=lambda scores, sample_ids: compute_metrics(
                run.task.task_type, scores, target_lookup.lookup(sample_ids, 1), target_scaler
            ),
            save=save,
        )
        return (Validation(run, loop_config.steps, runtime, val_data, (eval_target,)),)
