"""Training of any kind from start to end: lock the folder, train, or go on where it stopped.

``train`` is the order of events; ``Trainer`` is one process of it, ``TrainState`` what is saved.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from torch.optim import AdamW

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import SignalHandler, raise_if_stopped
from videomae2.commands.train.dry_run import estimate_checkpoint_bytes
from videomae2.commands.train.run_folder import (
    VideoList,
    check_no_models,
    check_resume_compatible,
    delete_log,
    is_different_run,
    write_run_files,
)
from videomae2.commands.train.setup import (
    CallbackContext,
    R,
    TrainingSetup,
    build_checkpoint_manager,
    build_loop_config,
    iterate_micro_batches,
    resolve_batch_size,
    resolve_precision,
)
from videomae2.config.runs import Run
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.manifests.manifest import Manifest
from videomae2.errors import CheckpointError
from videomae2.models.weights.resolve import EMA_FILE
from videomae2.tensors.files import save_tensors
from videomae2.training.checkpoint import (
    CheckpointManager,
    load_optimizer,
    read_tensors,
    save_optimizer,
)
from videomae2.training.ema import EMA
from videomae2.training.logger import MetricsLogger
from videomae2.training.loop import LoopConfig, fit
from videomae2.training.runtime import (
    Runtime,
    compile_blocks,
    get_peak_memory_gib,
    prepare_runtime,
    resolve_num_workers,
)

_logger = logging.getLogger(__name__)

_OPTIMIZER_FILE = "optimizer.safetensors"


def train(
    run: R,
    manifests: Sequence[Manifest],
    lists: Sequence[VideoList],
    build_setup: Callable[[R, LoopConfig, Runtime], TrainingSetup],
    *,
    model: nn.Module,
    ignored_fields: frozenset[str],
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
        summarize: Says in a few lines what a run will do, and what became of its batch.

    Raises:
        ConfigError: If the folder holds another run that could go on, or a model of one.
        DataError: If more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    folder, checkpoints = run.output_dir, build_checkpoint_manager(run)
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
            check_no_models(folder)
            delete_log(folder)
            _logger.info("start    in place of another run, which had no checkpoint")
        check_writable(
            checkpoints.folder, estimate_checkpoint_bytes(run, model, loop_config, checkpoints)
        )
        write_run_files(run, lists)
        _logger.info(summarize(requested))
        Trainer(build_setup(run, loop_config, runtime), loop_config, checkpoints, runtime).train(
            manifests
        )
    latest = checkpoints.find_latest()
    if latest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return latest[1]


def check_resumable(run: Run) -> None:
    """Refuse to start from the beginning.

    Raises:
        CheckpointError: If the run folder has no checkpoint.
    """
    folder = run.output_dir
    if build_checkpoint_manager(run).find_latest() is None:
        state = "has no checkpoint" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"there is nothing to resume: {folder} {state}; correct --out, or leave --resume out"
        )


@dataclass(slots=True)
class Trainer:
    """What one training process holds."""

    setup: TrainingSetup
    loop_config: LoopConfig
    checkpoints: CheckpointManager
    runtime: Runtime

    def train(self, manifests: Sequence[Manifest]) -> None:
        setup, loop_config, runtime = self.setup, self.loop_config, self.runtime
        run, task = setup.run, setup.task.to(runtime.device).train()
        model = task.get_submodule("model")
        if runtime.compile:
            compile_blocks(model)
        ema = EMA(model, run.optim.ema_decay) if run.optim.ema_decay else None
        quarantine = self._open_quarantine(manifests)
        state = TrainState(
            setup, model, setup.make_optimizer(task, run.optim), ema, quarantine, self.checkpoints
        )
        first_step = state.load()
        metrics_logger = MetricsLogger(
            run.output_dir,
            steps=loop_config.steps,
            first_step=first_step,
            get_memory_gib=lambda: get_peak_memory_gib(runtime.device),
        )
        try:
            with (
                SignalHandler() as signals,
                self._build_loader(manifests, first_step, quarantine) as loader,
            ):
                context = CallbackContext(task, ema, metrics_logger, first_step, signals)
                on_step_end = setup.attach(context) if setup.attach else None

                def save(step: int) -> None:
                    is_last = step == loop_config.steps or signals.stop_signal is not None
                    state.save(step, is_last=is_last)

                fit(
                    task,
                    state.optimizer,
                    iterate_micro_batches(
                        loader, run.model.encoder.cubes, runtime, setup.transform
                    ),
                    loop_config,
                    first_step=first_step,
                    runtime=runtime,
                    log_window=metrics_logger.log_window,
                    save=save,
                    signals=signals,
                    ema=ema,
                    on_step_end=on_step_end,
                )
        finally:
            metrics_logger.close()
            if quarantine.reasons:
                _logger.info(quarantine.format_summary())

    def _open_quarantine(self, manifests: Sequence[Manifest]) -> Quarantine:
        """The videos that could not be read so far."""
        run = self.setup.run
        quarantine = Quarantine(run.output_dir, manifests, max_share=run.data.max_unreadable_share)
        if quarantine.retried:
            _logger.info(
                f"retried  {len(quarantine.retried)} unreadable videos have changed since they "
                f"were listed, and are read again"
            )
        quarantine.check_share()
        return quarantine

    def _build_loader(
        self, manifests: Sequence[Manifest], first_step: int, quarantine: Quarantine
    ) -> Loader:
        run, optim = self.setup.run, self.setup.run.optim
        schedule = BatchSchedule(
            global_batch_size=optim.global_batch_size,
            micro_batch_size=optim.global_batch_size // optim.gradient_accumulation_steps,
            first_step=first_step,
            num_steps=self.loop_config.steps,
        )
        return Loader(
            manifests,
            run.data,
            run.loading,
            run.model.encoder.cubes,
            schedule,
            seed=run.seed,
            quarantine=quarantine,
            num_workers=resolve_num_workers(run.loading.num_workers, self.runtime),
            pin=self.runtime.device.type == "cuda",
        )


@dataclass(frozen=True, slots=True)
class TrainState:
    """All that changes from step to step."""

    setup: TrainingSetup
    model: nn.Module
    optimizer: AdamW
    ema: EMA | None
    quarantine: Quarantine
    checkpoints: CheckpointManager

    def save(self, step: int, *, is_last: bool) -> None:
        """Save; a failure says where a resume will start.

        Args:
            step: Steps that are done.
            is_last: No later save can make up for it, so older ones may be deleted.

        Raises:
            CheckpointError: It could not be saved.
        """
        try:
            if is_last:
                self.checkpoints.save_freeing_space(step, lambda folder: self._write(folder, step))
            else:
                self.checkpoints.save(step, lambda folder: self._write(folder, step))
        except CheckpointError as error:
            latest = self.checkpoints.find_latest()
            start = f"at step {latest[0]}" if latest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def load(self) -> int:
        """Go on from the newest checkpoint; give the first step to do.

        Raises:
            CheckpointError: It cannot be read; says which folder to delete.
        """
        latest = self.checkpoints.find_latest()
        if latest is None:
            return 0
        step, folder = latest
        try:
            self._read(folder)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {self._recovery_hint(folder)}") from error
        _logger.info(f"resume   at step {step} from {folder}")
        return step

    def _write(self, folder: Path, step: int) -> None:
        # Without it a resume would read what was left out before this step, and then differ.
        self.quarantine.fsync()
        self.setup.save(folder, step)
        save_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            save_tensors(folder / EMA_FILE, self.ema.values)

    def _read(self, folder: Path) -> None:
        self.setup.load(folder)
        load_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            self.ema.load_values(read_tensors(folder / EMA_FILE))

    def _recovery_hint(self, broken: Path) -> str:
        """What to do about a checkpoint that cannot be read."""
        older = self.checkpoints.find_previous()
        if older is None:
            return f"it is the only checkpoint: delete {broken} to start from the beginning"
        return f"delete {broken} to go on at step {older[0]} from {older[1]}"
