"""How long a run is: what its batch becomes, and epochs in steps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from videomae2.base.summary import Summary
from videomae2.config.checks import check_run
from videomae2.config.runs import Run
from videomae2.data.loading.mixture import Mixture
from videomae2.data.manifests.manifest import Manifest
from videomae2.training.loop import LoopConfig
from videomae2.training.runtime import Runtime, resolve_runtime
from videomae2.training.schedules import CosineSchedule, scale_lr

R = TypeVar("R", bound=Run)


def resolve_run(run: R, runtime: Runtime, manifests: Sequence[Manifest]) -> R:
    """The run with what precision and batch became: what it computes depends on them."""
    config = replace(run.runtime, precision=runtime.precision)
    return resolve_batch_size(replace(run, runtime=config), manifests)


def resolve_batch_size(run: R, manifests: Sequence[Manifest]) -> R:
    """A run whose batch there are enough videos for, where it may shrink: whole micro-batches."""
    optim, epoch_size = run.optim, build_mixture(run, manifests).epoch_size
    if not optim.allow_smaller_batch or epoch_size >= optim.global_batch_size:
        return run
    micro_batch_size = optim.micro_batch_size or optim.global_batch_size
    size = max(1, epoch_size // micro_batch_size) * min(micro_batch_size, epoch_size)
    micro_size = None if optim.micro_batch_size is None else min(micro_batch_size, size)
    optim = replace(optim, global_batch_size=size, micro_batch_size=micro_size)
    smaller: R = replace(run, optim=optim)
    check_run(smaller)
    return smaller


def build_loop_config(run: Run, manifests: Sequence[Manifest]) -> LoopConfig:
    """Turn epochs into steps and rates for 256 into rates, of a run that was fitted."""
    optim = run.optim
    steps_per_epoch = build_mixture(run, manifests).steps_per_epoch(optim.global_batch_size)
    views = run.data.views if optim.lr_scale_by == "views" else 1
    lr_batch_size = optim.global_batch_size * views
    steps = max(1, round(optim.epochs * steps_per_epoch))
    schedule = CosineSchedule(
        peak=scale_lr(optim.lr, lr_batch_size),
        final=scale_lr(optim.min_lr, lr_batch_size),
        steps=steps,
        warmup_steps=min(steps, round(optim.warmup_epochs * steps_per_epoch)),
    )
    return LoopConfig(
        steps=steps,
        gradient_accumulation_steps=optim.gradient_accumulation_steps,
        lr_schedule=schedule,
        clip_norm=optim.clip_norm,
        log_interval=run.logging.interval,
        checkpoint_interval=run.checkpoint.interval,
        max_nonfinite_steps=run.max_nonfinite_steps,
    )


def build_mixture(run: Run, manifests: Sequence[Manifest]) -> Mixture:
    """The order in which a run reads the videos of its sources."""
    return Mixture.from_manifests(manifests, [s.weight for s in run.data.sources], seed=run.seed)


def summarize_length(requested: Run, manifests: Sequence[Manifest]) -> Summary:
    """Say how long a run is, and where it writes and computes."""
    run = resolve_batch_size(requested, manifests)
    loop_config, optim = build_loop_config(run, manifests), run.optim
    peak = max(loop_config.lr_schedule(step) for step in range(min(loop_config.steps, 100_000)))
    parts = optim.gradient_accumulation_steps
    text = f"{loop_config.steps} of {optim.global_batch_size} videos x {run.data.views} views"
    text += f" in {parts} parts" if parts > 1 else ""
    text += f", {optim.epochs:g} epochs, peak lr {peak:.3g}"
    if optim.global_batch_size < requested.optim.global_batch_size:
        text += (
            f"\nnot --optim.global-batch-size {requested.optim.global_batch_size}: an epoch "
            f"has {build_mixture(run, manifests).epoch_size} videos"
        )
    device = str(resolve_runtime(run.runtime))
    return Summary((("steps", text), ("folder", str(run.output_dir)), ("device", device)))
