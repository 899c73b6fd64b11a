"""Training of any kind from start to end; ``train`` is the order of events."""

import logging
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import SignalHandler, raise_if_stopped
from videomae2.base.text import format_count
from videomae2.commands.train.dry_run import DISK_SPACE_REMEDY, estimate_checkpoint_bytes
from videomae2.commands.train.resume import TrainState
from videomae2.commands.train.run_folder import (
    build_checkpoint_manager,
    check_start,
    delete_log,
    write_run_files,
)
from videomae2.commands.train.setup import (
    TrainingJob,
    TrainingSetup,
    build_loop_config,
    iterate_micro_batches,
    resolve_run,
)
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.errors import CheckpointError
from videomae2.training.callback import CallbackContext
from videomae2.training.checkpoint import CheckpointManager
from videomae2.training.ema import EMA
from videomae2.training.logger import MetricsLogger
from videomae2.training.loop import fit
from videomae2.training.optim import build_optimizer
from videomae2.training.runtime import (
    compile_blocks,
    get_peak_memory_gib,
    prepare_runtime,
    resolve_num_workers,
)

_logger = logging.getLogger(__name__)


def train(job: TrainingJob, *, ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        job: The run, checked, with its videos.
        ignored_fields: Settings that are not held against those of the run in the folder.

    Raises:
        ConfigError: If the folder holds another run that could go on, or a model of one.
        DataError: If more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    runtime = prepare_runtime(job.run.runtime)
    run = resolve_run(job.run, runtime, job.manifests)
    requested, job = job, replace(job, run=run)
    provenance, loop_config = job.build_provenance(), build_loop_config(run, job.manifests)
    folder, checkpoints = run.output_dir, build_checkpoint_manager(run)
    raise_if_stopped()
    check_writable(folder, 0)
    with FolderLock(folder):  # nothing is logged, moved or built before it is ours
        if check_start(run, provenance, ignored_fields):
            delete_log(folder)
            _logger.info("start    in place of another run, which had no checkpoint")
        model = job.build_meta_model()
        num_bytes = estimate_checkpoint_bytes(run, model, loop_config, checkpoints)
        check_writable(checkpoints.folder, num_bytes, remedy=DISK_SPACE_REMEDY)
        write_run_files(run, provenance)
        _logger.info(requested.summarize())
        _train_setup(job.build_setup(loop_config, runtime), checkpoints)
    latest = checkpoints.find_latest()
    if latest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return latest[1]


def _train_setup(setup: TrainingSetup, checkpoints: CheckpointManager) -> None:
    """Resume or begin, run the loop with its callbacks, and save."""
    run, loop_config, runtime = setup.run, setup.loop_config, setup.runtime
    task = setup.task.to(runtime.device).train()
    model = task.get_submodule("model")
    if runtime.compile:
        compile_blocks(model)
    ema = EMA(model, run.optim.ema_decay) if run.optim.ema_decay else None
    quarantine = _open_quarantine(setup)
    optimizer = build_optimizer(task, run.optim)
    state = TrainState(setup, optimizer, ema, quarantine, checkpoints)
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
        loader = stack.enter_context(_build_loader(setup, first_step, quarantine))
        context = CallbackContext(task, ema, metrics_logger.log_values, first_step, signals)
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


def _open_quarantine(setup: TrainingSetup) -> Quarantine:
    """The videos that could not be read so far."""
    run = setup.run
    quarantine = Quarantine(
        run.output_dir, setup.manifests, max_share=run.data.max_unreadable_share
    )
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


def _build_loader(setup: TrainingSetup, first_step: int, quarantine: Quarantine) -> Loader:
    run, optim = setup.run, setup.run.optim
    schedule = BatchSchedule(
        global_batch_size=optim.global_batch_size,
        micro_batch_size=optim.global_batch_size // optim.gradient_accumulation_steps,
        first_step=first_step,
        num_steps=setup.loop_config.steps,
    )
    return Loader(
        setup.manifests,
        run.data,
        run.loading,
        run.model.encoder.cubes,
        schedule,
        seed=run.seed,
        quarantine=quarantine,
        num_workers=resolve_num_workers(run.loading.num_workers, setup.runtime),
        pin=setup.runtime.device.type == "cuda",
    )
