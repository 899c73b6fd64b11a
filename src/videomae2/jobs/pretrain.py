"""Pre-training from start to end: check, lock the folder, train, or go on where it stopped."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from videomae2.config import PretrainRun, check
from videomae2.data.loading import read_sources
from videomae2.data.manifest import Manifest
from videomae2.data.mixture import Mixture
from videomae2.engine.checkpoints import Checkpoints, check_writable
from videomae2.engine.loop import Plan
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import prepare, resolve
from videomae2.engine.schedules import CosineSchedule, scaled_lr
from videomae2.errors import CheckpointError
from videomae2.jobs.run_folder import RunLock, check_same_run, record
from videomae2.jobs.trainer import Say, Trainer
from videomae2.models.autoencoder import Autoencoder
from videomae2.tasks.pretrain import PretrainTask


def pretrain(run: PretrainRun, *, resume: bool = False, say: Say = to_terminal) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration.
        resume: Insist on going on: it is an error if there is no checkpoint.
        say: Takes each line for people.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check(run)
    folder = run.record.out
    checkpoints = Checkpoints(
        folder / "checkpoints", keep=run.record.keep, keep_every=run.record.keep_every
    )
    if resume:
        check_resumable(run)
    manifests = read_sources(run.data)
    plan = make_plan(run, manifests)
    runtime = prepare(run.runtime)
    # What a run computes depends on the precision, so what auto became is part of the run.
    run = replace(run, runtime=replace(run.runtime, precision=runtime.precision))
    check_writable(folder, 0)
    with RunLock(folder):
        check_same_run(run, manifests)
        check_writable(checkpoints.folder, _bytes_needed(run, len(checkpoints.steps())))
        record(run, manifests)
        trainer = Trainer(run, plan, checkpoints, runtime, say)
        say(describe(run, manifests))
        trainer.train(manifests)
    newest = checkpoints.newest()
    if newest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return newest[1]


def check_resumable(run: PretrainRun) -> None:
    """Refuse to start from the beginning.

    Raises:
        CheckpointError: If the run folder has no checkpoint.
    """
    folder = run.record.out
    if Checkpoints(folder / "checkpoints").newest() is None:
        state = "has no checkpoint" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"there is nothing to resume: {folder} {state}; correct --out, or leave --resume out"
        )


def make_plan(run: PretrainRun, manifests: Sequence[Manifest]) -> Plan:
    """Turn epochs into steps and rates for 256 into rates.

    Raises:
        ConfigError: If there are fewer videos than a step needs.
    """
    optim = run.optim
    weights = [source.weight for source in run.data.sources]
    per_epoch = Mixture.of(manifests, weights, seed=run.seed).steps_per_epoch(optim.batch)
    counted = optim.batch * (run.data.views if optim.lr_counts == "views" else 1)
    steps = max(1, round(optim.epochs * per_epoch))
    schedule = CosineSchedule(
        peak=scaled_lr(optim.lr, counted),
        last=scaled_lr(optim.last_lr, counted),
        steps=steps,
        warmup_steps=min(steps, round(optim.warmup_epochs * per_epoch)),
    )
    return Plan(
        steps=steps,
        accumulate=optim.accumulate,
        lr=schedule,
        clip_norm=optim.clip_norm,
        log_every=run.record.log_every,
        save_every=run.record.save_every,
        max_bad_steps=run.record.max_bad_steps,
        seed=run.seed,
    )


def describe(run: PretrainRun, manifests: Sequence[Manifest] | None = None) -> str:
    """Say in a few lines what a run will do.

    Raises:
        ConfigError: If the device is not there.
    """
    manifests = read_sources(run.data) if manifests is None else manifests
    plan = make_plan(run, manifests)
    with torch.device("meta"):
        task = PretrainTask(
            Autoencoder(run.model), run.masking, mean=run.data.mean, std=run.data.std
        )
    encoder, optim, counts = run.model.encoder, run.optim, task.counts
    parameters = sum(p.numel() for p in task.parameters())
    peak = max(plan.lr(step) for step in range(min(plan.steps, 100_000)))
    lines = [
        f"videos   {source.title}: {len(manifest)} videos ({manifest.origin}), "
        f"every {source.stride:g} {source.stride_unit}, weight {source.weight:g}"
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    ]
    lines += [
        f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, clips of "
        f"{encoder.frames}x{encoder.height}x{encoder.width}",
        f"masking  {run.masking.encoder} {run.masking.encoder_ratio:g}, decoder "
        f"{run.masking.decoder} {run.masking.decoder_ratio:g}: {counts.visible} cubes seen, "
        f"{counts.queries} asked for, {counts.scored} scored of {encoder.cubes.tokens}",
        f"steps    {plan.steps} of {optim.batch} videos x {run.data.views} views"
        f"{f' in {optim.accumulate} parts' if optim.accumulate > 1 else ''}, "
        f"{optim.epochs:g} epochs, peak lr {peak:.3g}",
        f"folder   {run.record.out}",
        f"device   {resolve(run.runtime)}",
    ]
    return "\n".join(lines)


def _bytes_needed(run: PretrainRun, there: int) -> int:
    """Room for the checkpoints that are still to come, one of them half-written."""
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Autoencoder(run.model).parameters())
    copies = 3 + (run.optim.ema_decay is not None)  # weights and two moments, and the mean
    return 4 * parameters * copies * max(1, run.record.keep + 1 - there)
