"""Supervised training from start to end: post-pre-training, fine-tuning, or from scratch."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from videomae2.commands.train.datasets import (
    BatchTransform,
    TargetLookup,
    TrainValData,
    load_train_val_data,
)
from videomae2.commands.train.dry_run import preview_start, summarize_length, summarize_videos
from videomae2.commands.train.run import check_resumable, train
from videomae2.commands.train.run_folder import build_labelled_lists
from videomae2.commands.train.setup import (
    CallbackContext,
    StepEndHook,
    TrainingSetup,
    get_frame_sampling,
    init_model,
    load_model_with_adapters,
    save_model_with_adapters,
)
from videomae2.commands.train.validation import (
    EvalTarget,
    Validation,
    compute_metrics,
)
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import FinetuneRun
from videomae2.data.manifests.labels import LabelledData
from videomae2.models.classifier import Classifier
from videomae2.models.lora import apply_tuning
from videomae2.models.weights.config_json import (
    SavedClassifierConfig,
    load_model_config_of,
)
from videomae2.models.weights.pos_embed import resolve_pos_embed
from videomae2.models.weights.pretrained import Pretrained
from videomae2.models.weights.resolve import BEST_FOLDER
from videomae2.models.weights.target_scaler import TargetScaler
from videomae2.tasks.classify import ClassifyTask
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
    videos = load_train_val_data(run)
    run = resolve_config(run, videos)
    with torch.device("meta"):
        model = Classifier(run.model)
    last = train(
        run,
        videos.train.manifests,
        build_labelled_lists(run, videos),
        lambda run, loop_config, runtime: build_setup(
            run, loop_config, runtime, videos, metadata or {}
        ),
        model=model,
        ignored_fields=ignored_fields,
        summarize=lambda run: summarize(run, videos),
    )
    best = run.output_dir / BEST_FOLDER
    if not best.exists():
        return last
    metadata_of_best = load_model_config_of(SavedClassifierConfig, best).metadata
    metrics = "  ".join(
        f"{name} {value:.4g}" for name, value in metadata_of_best["validation"].items()
    )
    _logger.info(
        f"best     {best}, of step {metadata_of_best['step']}, on held-out videos: {metrics}"
    )
    return best


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


def build_setup(
    run: FinetuneRun,
    loop_config: LoopConfig,
    runtime: Runtime,
    videos: TrainValData,
    extra_metadata: Mapping[str, object],
) -> TrainingSetup:
    """Build what is trained: first weights, then what of them learns, then the task."""
    class_names, data, target_lookup = (
        videos.train.class_names,
        run.data,
        TargetLookup(run.task, videos.train),
    )
    generator, target_scaler = (
        torch.Generator().manual_seed(run.seed),
        target_lookup.fit_target_scaler(),
    )
    model, report = build_model(run, class_names, generator, target_scaler)
    _logger.info(report)
    apply_tuning(model, run.tuning, generator)
    task = ClassifyTask(
        model,
        run.task,
        class_weights=target_lookup.compute_class_weights(),
        target_scaler=target_scaler,
        mean=data.mean,
        std=data.std,
    )

    def build_config(metadata: dict[str, object]) -> SavedClassifierConfig:
        return SavedClassifierConfig(
            model=run.model,
            class_names=class_names,
            task_type=run.task.task_type,
            frame_sampling=get_frame_sampling(run),
            target_scaler=target_scaler,
            mean=data.mean,
            std=data.std,
            metadata={**metadata, **extra_metadata},
        )

    def save(folder: Path, metadata: dict[str, object]) -> None:
        save_model_with_adapters(folder, model, build_config(metadata))

    return TrainingSetup(
        run=run,
        task=task,
        save=lambda folder, step: save(folder, {"step": step, "steps": loop_config.steps}),
        load=lambda folder: load_model_with_adapters(folder, model),
        transform=BatchTransform(run, target_lookup),
        attach=_build_validation(run, loop_config, runtime, videos.val, task, target_scaler, save),
    )


def build_model(
    run: FinetuneRun,
    classes: Sequence[str],
    generator: torch.Generator,
    target_scaler: TargetScaler | None = None,
) -> tuple[Classifier, str]:
    """A model with its first weights, and where they come from in words."""
    model = Classifier(run.model)
    report = init_model(
        model, run.init, generator, class_names=classes, target_scaler=target_scaler
    )
    return model, f"{report}{_SCRATCH_HINT if run.init.weights is None else ''}"


def _build_validation(
    run: FinetuneRun,
    loop_config: LoopConfig,
    runtime: Runtime,
    val_data: LabelledData | None,
    task: ClassifyTask,
    target_scaler: TargetScaler | None,
    save: Callable[[Path, dict[str, object]], None],
) -> Callable[[CallbackContext], StepEndHook] | None:
    """Build the hook that validates, if videos are held out."""
    if val_data is None:
        return None
    target_lookup = TargetLookup(run.task, val_data)
    eval_target = EvalTarget(
        folder=run.output_dir / BEST_FOLDER,
        predict=lambda clips, batch: task.predict(clips),
        compute_metrics=lambda scores, sample_ids: compute_metrics(
            run.task.task_type, scores, target_lookup.lookup(sample_ids, 1), target_scaler
        ),
        save=save,
    )
    return Validation(run, loop_config, runtime, val_data, (eval_target,)).attach


def dry_run(run: FinetuneRun) -> str:
    """Describe a run, and see whether it would start: its lists are read and its parent loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        DataError: If lists are wrong.
        CheckpointError: If the parent does not fit, or the folder cannot be used.
    """
    videos = load_train_val_data(run)
    run = resolve_config(run, videos)
    model, report = build_model(
        run, videos.train.class_names, torch.Generator().manual_seed(run.seed)
    )
    lists = build_labelled_lists(run, videos)
    start_line = preview_start(run, videos.train.manifests, lists, model)
    return f"{summarize(run, videos)}\n{report}\n{start_line}"


def summarize(run: FinetuneRun, videos: TrainValData) -> str:
    """Say in a few lines what a run will do and what was inferred from the data.

    Raises:
        ConfigError: If the device is not there.
    """
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Classifier(run.model).parameters())
    encoder, manifests = run.model.encoder, videos.train.manifests
    return "\n".join(
        [
            summarize_videos(run, manifests),
            *videos.summarize(run.task.task_type),
            f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, "
            f"{run.model.num_classes} outputs, clips of "
            f"{encoder.frames}x{encoder.height}x{encoder.width}",
            summarize_length(run, manifests),
        ]
    )
