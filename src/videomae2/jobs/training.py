"""Training of any kind from start to end: lock the folder, train, or go on where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from torch import nn

from videomae2.config import Run, check_run
from videomae2.data.manifest import Manifest
from videomae2.data.mixture import Mixture
from videomae2.data.sources import SourceConfig
from videomae2.engine.checkpoints import CheckpointManager
from videomae2.engine.loop import LoopConfig
from videomae2.engine.room import check_writable
from videomae2.engine.runtime import Runtime, prepare_runtime, resolve_runtime
from videomae2.engine.schedules import CosineSchedule, scale_lr
from videomae2.engine.signals import raise_if_stopped
from videomae2.errors import CheckpointError
from videomae2.jobs.room_needed import estimate_checkpoint_bytes
from videomae2.jobs.run_folder import FolderLock, check_resume_compatible, write_run_files
from videomae2.jobs.starting_over import is_different_run, archive_run
from videomae2.jobs.trainer import Trainer
from videomae2.jobs.video_lists import VideoList, list_unresponsive_files
from videomae2.jobs.work import LogFn, TrainingSetup

R = TypeVar("R", bound=Run)


def train(
    run: R,
    manifests: Sequence[Manifest],
    lists: Sequence[VideoList],
    build_setup: Callable[[R, LoopConfig, Runtime], TrainingSetup],
    *,
    model: nn.Module,
    ignored_fields: frozenset[str],
    log: LogFn,
    summarize: Callable[[R], str],
) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration, checked.
        manifests: The videos of its sources.
        lists: What these lists say, and those that are held out; none may change on going on.
        build_setup: Builds what is trained, once it is known that the folder can be used.
        model: On the meta device, for the room that checkpoints need.
        ignored_fields: Settings that are not held against those of the run in the folder.
        log: Takes each line for people.
        summarize: Says in a few lines what a run will do, and what became of its batch.

    Raises:
        ConfigError: If the folder holds another run that could go on.
        DataError: If more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    folder, checkpoints = run.checkpoint.output_dir, build_checkpoint_manager(run)
    runtime = prepare_runtime(run.runtime)
    requested = resolve_precision(run, runtime)
    run = resolve_batch_size(requested, manifests)
    loop_config = build_loop_config(run, manifests)
    raise_if_stopped()
    check_writable(folder, 0)
    with FolderLock(folder):
        if checkpoints.find_latest() is not None:
            check_resume_compatible(run, lists, ignored_fields)
        elif is_different_run(run, lists, ignored_fields):
            log(f"aside    what another run without a checkpoint left is in {archive_run(folder)}")
        check_writable(checkpoints.folder, estimate_checkpoint_bytes(run, model, loop_config, checkpoints))
        write_run_files(run, lists)
        log("\n".join([summarize(requested), *list_unresponsive_files(lists)]))
        Trainer(build_setup(run, loop_config, runtime), loop_config, checkpoints, runtime, log).train(manifests)
    latest = checkpoints.find_latest()
    if latest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return latest[1]


def build_checkpoint_manager(run: Run) -> CheckpointManager:
    """Those of a run folder."""
    folder, record = run.checkpoint.output_dir / "checkpoints", run.checkpoint
    return CheckpointManager(folder, keep_latest_k=record.keep_latest_k, keep_interval=record.keep_interval)


def resolve_precision(run: R, runtime: Runtime) -> R:
    """The run with what ``auto`` became: what it computes depends on that."""
    return replace(run, runtime=replace(run.runtime, precision=runtime.precision))  # type: ignore[type-var]


def check_resumable(run: Run) -> None:
    """Refuse to start from the beginning.

    Raises:
        CheckpointError: If the run folder has no checkpoint.
    """
    folder = run.checkpoint.output_dir
    if build_checkpoint_manager(run).find_latest() is None:
        state = "has no checkpoint" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"there is nothing to resume: {folder} {state}; correct --out, or leave --resume out"
        )


def resolve_batch_size(run: R, manifests: Sequence[Manifest]) -> R:
    """A run whose batch there are enough videos for, where it may shrink: whole micro-batches.

    Raises:
        ConfigError: If nothing is left to mix.
    """
    optim = run.optim
    epoch_size, micro_batch_size = _build_mixture(run, manifests).epoch_size, optim.micro_batch_size or optim.global_batch_size
    if not optim.allow_smaller_batch or epoch_size >= optim.global_batch_size:
        return run
    global_batch_size = max(1, epoch_size // micro_batch_size) * min(micro_batch_size, epoch_size)
    smaller_micro_batch_size = None if optim.micro_batch_size is None else min(optim.micro_batch_size, global_batch_size)
    smaller: R = replace(run, optim=replace(optim, global_batch_size=global_batch_size, micro_batch_size=smaller_micro_batch_size))  # type: ignore[type-var]
    check_run(smaller)
    return smaller


def build_loop_config(run: Run, manifests: Sequence[Manifest]) -> LoopConfig:
    """Turn epochs into steps and rates for 256 into rates, of a run that was fitted.

    Raises:
        ConfigError: If there are fewer videos than a step needs.
    """
    optim = run.optim
    steps_per_epoch = _build_mixture(run, manifests).steps_per_epoch(optim.global_batch_size)
    lr_batch_size = optim.global_batch_size * (run.data.views if optim.lr_scale_by == "views" else 1)
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
        log_interval=run.checkpoint.log_interval,
        checkpoint_interval=run.checkpoint.interval,
        max_nonfinite_steps=run.checkpoint.max_nonfinite_steps,
    )


def summarize_length(requested: Run, manifests: Sequence[Manifest]) -> str:
    """Say in a few lines how long a run is, and where it writes and computes.

    Raises:
        ConfigError: If the device is not there, or there are fewer videos than a step needs.
    """
    run = resolve_batch_size(requested, manifests)
    loop_config, optim = build_loop_config(run, manifests), run.optim
    peak = max(loop_config.lr_schedule(step) for step in range(min(loop_config.steps, 100_000)))
    accumulation = f" in {optim.gradient_accumulation_steps} parts" if optim.gradient_accumulation_steps > 1 else ""
    lines = [
        f"steps    {loop_config.steps} of {optim.global_batch_size} videos x {run.data.views} views{accumulation}, "
        f"{optim.epochs:g} epochs, peak lr {peak:.3g}"
    ]
    if optim.global_batch_size < requested.optim.global_batch_size:
        epoch_size = _build_mixture(run, manifests).epoch_size
        lines += [f"         not --optim.global-batch-size {requested.optim.global_batch_size}: an epoch has {epoch_size} videos"]
    return "\n".join([*lines, f"folder   {run.checkpoint.output_dir}", f"device   {resolve_runtime(run.runtime)}"])


def summarize_videos(run: Run, manifests: Sequence[Manifest]) -> str:
    """Say in a line for each source which videos there are."""
    return "\n".join(
        f"videos   {source.display_name}: {len(manifest)} videos ({manifest.description}), "
        f"{format_sampling(source)}, weight {source.weight:g}"
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    )


def format_sampling(source: SourceConfig) -> str:
    """Say which frames of a video make a clip."""
    if source.frame_sampling == "segments":
        return "one frame of each part"
    unit = {"frames": "every {:g} frames", "seconds": "every {:g} s", "per-second": "{:g} per s"}
    return unit[source.interval_unit].format(source.frame_interval)


def _build_mixture(run: Run, manifests: Sequence[Manifest]) -> Mixture:
    return Mixture.from_manifests(manifests, [s.weight for s in run.data.sources], seed=run.seed)
