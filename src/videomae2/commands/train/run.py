"""Training of any kind from start to end; ``train`` is the order of events."""

import logging
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import SignalHandler, raise_if_stopped
from videomae2.base.text import format_count
from videomae2.commands.train.advice.cache import check_cache
from videomae2.commands.train.dry_run import (
    DISK_SPACE_REMEDY,
    estimate_checkpoint_bytes,
    summarize_job,
)
from videomae2.commands.train.resume import TrainState
from videomae2.commands.train.run_folder import (
    build_checkpoint_manager,
    check_start,
    delete_log,
    write_run_files,
)
from videomae2.commands.train.setup import (
    TrainingJob,
    build_loop_config,
    iterate_micro_batches,
    resolve_run,
)
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.errors import CheckpointError
from videomae2.training.checkpoint import CheckpointManager
from videomae2.training.ema import EMA
from videomae2.training.logger import MetricsLogger
from videomae2.training.loop import CallbackContext, LoopConfig, fit
from videomae2.training.optim import build_optimizer
from videomae2.training.runtime import (
    Runtime,
    compile_blocks,
    get_peak_memory_gib,
    prepare_runtime,
    resolve_num_workers,
    use_threads,
)

_logger = logging.getLogger(__name__)


def train(job: TrainingJob, *, ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS) -> Path:
    """Train what was checked, or go on, and give the last checkpoint; errors as of ``pretrain``."""
    runtime = prepare_runtime(job.run.runtime)
    run = resolve_run(job.run, runtime, job.manifests)
    requested, job = job, replace(job, run=run)
    provenance, loop_config = job.build_provenance(), build_loop_config(run, job.manifests)
    folder, checkpoints = run.output_dir, build_checkpoint_manager(run)
    raise_if_stopped()
    check_writable(folder, 0)
    with FolderLock(folder):  # nothing is logged, moved or built before it is ours
        check_cache(run, job.manifests, runtime)
        if check_start(run, provenance, ignored_fields):
            delete_log(folder)
            _logger.info("start    in place of another run, which had no checkpoint")
        model = job.build_meta_model()
        num_bytes = estimate_checkpoint_bytes(run, model, loop_config, checkpoints)
        check_writable(checkpoints.folder, num_bytes, remedy=DISK_SPACE_REMEDY)
        write_run_files(run, provenance)
        _logger.info(summarize_job(requested))
        with use_threads(job.count_threads()):
            _run_loop(job, loop_config, runtime, checkpoints)
    latest = checkpoints.find_latest()
    if latest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return latest[1]


def _run_loop(
    job: TrainingJob, loop_config: LoopConfig, runtime: Runtime, checkpoints: CheckpointManager
) -> None:
    """Resume or begin, run the loop with its callbacks, and save."""
    run, setup = job.run, job.build_setup(runtime)
    task = setup.task.to(runtime.device).train()
    model = task.get_submodule("model")
    if runtime.compile:
        compile_blocks(model)
    ema = EMA(model, run.optim.ema_decay) if run.optim.ema_decay else None
    quarantine = _open_quarantine(job)
    optimizer = build_optimizer(task, run.optim)
    state = TrainState(setup, loop_config.steps, optimizer, ema, quarantine, checkpoints)
    first_step = state.load()
    metrics_logger = MetricsLogger(
        run.output_dir,
        steps=loop_config.steps,
        first_step=first_step,
        get_memory_gib=lambda: get_peak_memory_gib(runtime.device),
    )
    with ExitStack() as stack:
        stack.callback(_log_quarantine, quarantine)
        stack.callback(metrics_logger.close)
        signals = stack.enter_context(SignalHandler())
        loader = _build_loader(job, runtime, first_step, loop_config.steps, quarantine)
        stack.enter_context(loader)
        context = CallbackContext(
            task=task,
            ema=ema,
            log_values=metrics_logger.log_values,
            first_step=first_step,
            steps=loop_config.steps,
            runtime=runtime,
            signals=signals,
        )
        for callback in setup.callbacks:
            callback.attach(context)
        fit(
            task,
            optimizer,
            iterate_micro_batches(loader, run.model.encoder.cubes, runtime, setup.transform),
            loop_config,
            first_step=first_step,
            runtime=runtime,
            signals=signals,
            save=lambda step: state.save(
                step, is_last=step == loop_config.steps or signals.stop_signal is not None
            ),
            callbacks=(metrics_logger, *setup.callbacks),
            ema=ema,
        )


def _open_quarantine(job: TrainingJob) -> Quarantine:
    """The videos that could not be read so far."""
    folder, share = job.run.output_dir, job.run.data.max_unreadable_share
    quarantine = Quarantine(folder, job.manifests, max_share=share)
    if quarantine.retried:
        _logger.info(
            f"retried  {format_count(len(quarantine.retried), 'unreadable video')} "
            f"that changed since the last start"
        )
    quarantine.check_share()
    return quarantine


def _log_quarantine(quarantine: Quarantine) -> None:
    if quarantine.reasons:
        _logger.info(quarantine.format_summary())


def _build_loader(
    job: TrainingJob, runtime: Runtime, first_step: int, steps: int, quarantine: Quarantine
) -> Loader:
    run, optim = job.run, job.run.optim
    schedule = BatchSchedule(
        global_batch_size=optim.global_batch_size,
        micro_batch_size=optim.global_batch_size // optim.gradient_accumulation_steps,
        first_step=first_step,
        num_steps=steps,
    )
    return Loader(
        job.manifests,
        run.data,
        run.reading,
        run.model.encoder.cubes,
        schedule,
        seed=run.seed,
        quarantine=quarantine,
        num_workers=resolve_num_workers(run.reading.num_workers, runtime),
        pin=runtime.device.type == "cuda",
    )
