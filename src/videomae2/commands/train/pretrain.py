"""Pre-training from start to end: check, train, or go on where it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from videomae2.commands.train.dry_run import preview_start, summarize_length, summarize_videos
from videomae2.commands.train.online_probe import build_online_probe, summarize_probe
from videomae2.commands.train.run import check_resumable, train
from videomae2.commands.train.run_folder import build_unlabelled_lists
from videomae2.commands.train.setup import (
    TrainingSetup,
    load_model_with_adapters,
    save_model_with_adapters,
)
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import PretrainRun
from videomae2.data.loading.sources import load_manifests
from videomae2.data.manifests.manifest import Manifest
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.init import init_autoencoder_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.tasks.pretrain import PretrainTask
from videomae2.training.loop import LoopConfig
from videomae2.training.runtime import Runtime


def pretrain(
    run: PretrainRun,
    *,
    resume: bool = False,
    metadata: Mapping[str, object] | None = None,
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration.
        resume: Insist on going on: it is an error if there is no checkpoint.
        metadata: Goes into the card of every model that is saved, such as its lineage.
        ignored_fields: Settings that are not held against those of the run in the folder.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check_run(run)
    if resume:
        check_resumable(run)
    manifests = load_manifests(run.data)
    with torch.device("meta"):
        model = Autoencoder(run.model)
    return train(
        run,
        manifests,
        build_unlabelled_lists(run, manifests),
        lambda run, loop_config, runtime: build_setup(run, loop_config, runtime, metadata or {}),
        model=model,
        ignored_fields=ignored_fields,
        summarize=lambda run: summarize(run, manifests),
    )


def build_setup(
    run: PretrainRun,
    loop_config: LoopConfig,
    runtime: Runtime,
    extra_metadata: Mapping[str, object],
) -> TrainingSetup:
    """Build what is trained, with first weights drawn from the seed."""
    model = Autoencoder(run.model)
    init_autoencoder_weights(model, torch.Generator().manual_seed(run.seed))

    def save(folder: Path, step: int) -> None:
        metadata = {
            "step": step,
            "steps": loop_config.steps,
            "masking": asdict(run.masking),
            **extra_metadata,
        }
        card = SavedAutoencoderConfig(
            model=run.model, mean=run.data.mean, std=run.data.std, metadata=metadata
        )
        save_model_with_adapters(folder, model, card)

    return TrainingSetup(
        run=run,
        task=PretrainTask(model, run.masking, mean=run.data.mean, std=run.data.std),
        save=save,
        load=lambda folder: load_model_with_adapters(folder, model),
        attach=build_online_probe(run, loop_config, runtime),
    )


def dry_run(run: PretrainRun) -> str:
    """Describe a run, and see whether it would start.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        DataError: If lists are wrong.
        CheckpointError: If the folder cannot be used.
    """
    manifests = load_manifests(run.data)
    with torch.device("meta"):
        model = Autoencoder(run.model)
    start_line = preview_start(run, manifests, build_unlabelled_lists(run, manifests), model)
    return f"{summarize(run, manifests)}\n{start_line}"


def summarize(run: PretrainRun, manifests: Sequence[Manifest] | None = None) -> str:
    """Say in a few lines what a run will do.

    Raises:
        ConfigError: If the device is not there.
    """
    manifests = load_manifests(run.data) if manifests is None else manifests
    with torch.device("meta"):
        task = PretrainTask(
            Autoencoder(run.model), run.masking, mean=run.data.mean, std=run.data.std
        )
    encoder, counts = run.model.encoder, task.counts
    parameters = sum(p.numel() for p in task.parameters())
    lines = [
        summarize_videos(run, manifests),
        f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, clips of "
        f"{encoder.frames}x{encoder.height}x{encoder.width}",
        f"masking  {run.masking.encoder} {run.masking.encoder_mask_ratio:g}, decoder "
        f"{run.masking.decoder} {run.masking.decoder_mask_ratio:g}: {counts.visible} cubes seen, "
        f"{counts.queries} asked for, {counts.num_loss_tokens} scored of {encoder.cubes.tokens}",
        *summarize_probe(run),
        summarize_length(run, manifests),
    ]
    return "\n".join(lines)
