"""Pre-training from start to end: check, train, or go on where it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from videomae2.config import PretrainRun, check
from videomae2.config.differences import SAME_RESULTS
from videomae2.data.loading import read_sources
from videomae2.data.manifest import Manifest
from videomae2.engine.loop import Plan
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import Runtime
from videomae2.jobs.live_probe import describe_probe, live_probe
from videomae2.jobs.rehearsal import foresee
from videomae2.jobs.training import (
    check_resumable,
    describe_length,
    describe_videos,
    train,
)
from videomae2.jobs.video_lists import plain_lists
from videomae2.jobs.work import Say, Work, load_one, save_one
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import Card
from videomae2.models.initial import initialise
from videomae2.tasks.pretrain import PretrainTask


def pretrain(
    run: PretrainRun,
    *,
    resume: bool = False,
    notes: Mapping[str, object] | None = None,
    compared: frozenset[str] = SAME_RESULTS,
    say: Say = to_terminal,
) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration.
        resume: Insist on going on: it is an error if there is no checkpoint.
        notes: Goes into the card of every model that is saved, such as its lineage.
        compared: Settings that are not held against those of the run in the folder.
        say: Takes each line for people.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check(run)
    if resume:
        check_resumable(run)
    manifests = read_sources(run.data)
    with torch.device("meta"):
        model = Autoencoder(run.model)
    return train(
        run,
        manifests,
        plain_lists(run, manifests),
        lambda run, plan, runtime: begin(run, plan, runtime, notes or {}),
        model=model,
        compared=compared,
        say=say,
        describe=lambda run: describe(run, manifests),
    )


def begin(run: PretrainRun, plan: Plan, runtime: Runtime, more: Mapping[str, object]) -> Work:
    """Build what is trained, with first weights drawn from the seed."""
    model = Autoencoder(run.model)
    initialise(model, torch.Generator().manual_seed(run.seed))

    def save(folder: Path, step: int) -> None:
        notes = {"step": step, "steps": plan.steps, "masking": asdict(run.masking), **more}
        card = Card(model=run.model, mean=run.data.mean, std=run.data.std, notes=notes)
        save_one(folder, model, card)

    return Work(
        run=run,
        task=PretrainTask(model, run.masking, mean=run.data.mean, std=run.data.std),
        save=save,
        load=lambda folder: load_one(folder, model),
        watch=live_probe(run, plan, runtime),
    )


def rehearse(run: PretrainRun) -> str:
    """Describe a run, and see whether it would start.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        DataError: If lists are wrong.
        CheckpointError: If the folder cannot be used.
    """
    manifests = read_sources(run.data)
    with torch.device("meta"):
        model = Autoencoder(run.model)
    foreseen = foresee(run, manifests, plain_lists(run, manifests), model)
    return f"{describe(run, manifests)}\n{foreseen}"


def describe(run: PretrainRun, manifests: Sequence[Manifest] | None = None) -> str:
    """Say in a few lines what a run will do.

    Raises:
        ConfigError: If the device is not there.
    """
    manifests = read_sources(run.data) if manifests is None else manifests
    with torch.device("meta"):
        task = PretrainTask(
            Autoencoder(run.model), run.masking, mean=run.data.mean, std=run.data.std
        )
    encoder, counts = run.model.encoder, task.counts
    parameters = sum(p.numel() for p in task.parameters())
    lines = [
        describe_videos(run, manifests),
        f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, clips of "
        f"{encoder.frames}x{encoder.height}x{encoder.width}",
        f"masking  {run.masking.encoder} {run.masking.encoder_ratio:g}, decoder "
        f"{run.masking.decoder} {run.masking.decoder_ratio:g}: {counts.visible} cubes seen, "
        f"{counts.queries} asked for, {counts.scored} scored of {encoder.cubes.tokens}",
        *describe_probe(run),
        describe_length(run, manifests),
    ]
    return "\n".join(lines)
