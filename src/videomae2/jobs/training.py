"""Training of any kind from start to end: lock the folder, train, or go on where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from torch import nn

from videomae2.config import Run, check
from videomae2.data.manifest import Manifest
from videomae2.data.mixture import Mixture
from videomae2.data.sources import SourceConfig
from videomae2.engine.checkpoints import Checkpoints
from videomae2.engine.loop import Plan
from videomae2.engine.room import check_writable
from videomae2.engine.runtime import Runtime, prepare, resolve
from videomae2.engine.schedules import CosineSchedule, scaled_lr
from videomae2.engine.signals import end_if_asked
from videomae2.errors import CheckpointError
from videomae2.jobs.room_needed import bytes_needed
from videomae2.jobs.run_folder import RunLock, check_same_run, record
from videomae2.jobs.starting_over import is_another_run, set_aside
from videomae2.jobs.trainer import Trainer
from videomae2.jobs.video_lists import VideoList, late_files
from videomae2.jobs.work import Say, Work

R = TypeVar("R", bound=Run)


def train(
    run: R,
    manifests: Sequence[Manifest],
    lists: Sequence[VideoList],
    begin: Callable[[R, Plan, Runtime], Work],
    *,
    model: nn.Module,
    compared: frozenset[str],
    say: Say,
    describe: Callable[[R], str],
) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration, checked.
        manifests: The videos of its sources.
        lists: What these lists say, and those that are held out; none may change on going on.
        begin: Builds what is trained, once it is known that the folder can be used.
        model: On the meta device, for the room that checkpoints need.
        compared: Settings that are not held against those of the run in the folder.
        say: Takes each line for people.
        describe: Says in a few lines what a run will do, and what became of its batch.

    Raises:
        ConfigError: If the folder holds another run that could go on.
        DataError: If more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    folder, checkpoints = run.record.out, checkpoints_of(run)
    runtime = prepare(run.runtime)
    asked = with_precision(run, runtime)
    run = fitted(asked, manifests)
    plan = make_plan(run, manifests)
    end_if_asked()
    check_writable(folder, 0)
    with RunLock(folder):
        if checkpoints.newest() is not None:
            check_same_run(run, lists, compared)
        elif is_another_run(run, lists, compared):
            say(f"aside    what another run without a checkpoint left is in {set_aside(folder)}")
        check_writable(checkpoints.folder, bytes_needed(run, model, plan, checkpoints))
        record(run, lists)
        say("\n".join([describe(asked), *late_files(lists)]))
        Trainer(begin(run, plan, runtime), plan, checkpoints, runtime, say).train(manifests)
    newest = checkpoints.newest()
    if newest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return newest[1]


def checkpoints_of(run: Run) -> Checkpoints:
    """Those of a run folder."""
    folder, record = run.record.out / "checkpoints", run.record
    return Checkpoints(folder, keep=record.keep, keep_every=record.keep_every)


def with_precision(run: R, runtime: Runtime) -> R:
    """The run with what ``auto`` became: what it computes depends on that."""
    return replace(run, runtime=replace(run.runtime, precision=runtime.precision))  # type: ignore[type-var]


def check_resumable(run: Run) -> None:
    """Refuse to start from the beginning.

    Raises:
        CheckpointError: If the run folder has no checkpoint.
    """
    folder = run.record.out
    if checkpoints_of(run).newest() is None:
        state = "has no checkpoint" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"there is nothing to resume: {folder} {state}; correct --out, or leave --resume out"
        )


def fitted(run: R, manifests: Sequence[Manifest]) -> R:
    """A run whose batch there are enough videos for, where it may shrink: whole micro-batches.

    Raises:
        ConfigError: If nothing is left to mix.
    """
    optim = run.optim
    there, at_once = _mixture(run, manifests).epoch_size, optim.micro_batch or optim.batch
    if not optim.batch_may_shrink or there >= optim.batch:
        return run
    batch = max(1, there // at_once) * min(at_once, there)
    micro = None if optim.micro_batch is None else min(optim.micro_batch, batch)
    smaller: R = replace(run, optim=replace(optim, batch=batch, micro_batch=micro))  # type: ignore[type-var]
    check(smaller)
    return smaller


def make_plan(run: Run, manifests: Sequence[Manifest]) -> Plan:
    """Turn epochs into steps and rates for 256 into rates, of a run that was fitted.

    Raises:
        ConfigError: If there are fewer videos than a step needs.
    """
    optim = run.optim
    per_epoch = _mixture(run, manifests).steps_per_epoch(optim.batch)
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
    )


def describe_length(asked: Run, manifests: Sequence[Manifest]) -> str:
    """Say in a few lines how long a run is, and where it writes and computes.

    Raises:
        ConfigError: If the device is not there, or there are fewer videos than a step needs.
    """
    run = fitted(asked, manifests)
    plan, optim = make_plan(run, manifests), run.optim
    peak = max(plan.lr(step) for step in range(min(plan.steps, 100_000)))
    parts = f" in {optim.accumulate} parts" if optim.accumulate > 1 else ""
    lines = [
        f"steps    {plan.steps} of {optim.batch} videos x {run.data.views} views{parts}, "
        f"{optim.epochs:g} epochs, peak lr {peak:.3g}"
    ]
    if optim.batch < asked.optim.batch:
        there = _mixture(run, manifests).epoch_size
        lines += [f"         not --optim.batch {asked.optim.batch}: an epoch has {there} videos"]
    return "\n".join([*lines, f"folder   {run.record.out}", f"device   {resolve(run.runtime)}"])


def describe_videos(run: Run, manifests: Sequence[Manifest]) -> str:
    """Say in a line for each source which videos there are."""
    return "\n".join(
        f"videos   {source.title}: {len(manifest)} videos ({manifest.origin}), "
        f"{describe_sampling(source)}, weight {source.weight:g}"
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    )


def describe_sampling(source: SourceConfig) -> str:
    """Say which frames of a video make a clip."""
    if source.sampling == "segments":
        return "one frame of each part"
    unit = {"frames": "every {:g} frames", "seconds": "every {:g} s", "per-second": "{:g} per s"}
    return unit[source.stride_unit].format(source.stride)


def _mixture(run: Run, manifests: Sequence[Manifest]) -> Mixture:
    return Mixture.of(manifests, [s.weight for s in run.data.sources], seed=run.seed)
