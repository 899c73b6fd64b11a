"""One training process of any kind: what its loop is made of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from videomae2.data.batches import CPUBatch
from videomae2.data.loading import BatchSchedule, Loader
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.averages import EMA
from videomae2.engine.checkpoints import CheckpointManager
from videomae2.engine.loop import LoopConfig, fit
from videomae2.engine.runlog import MetricsLogger
from videomae2.engine.runtime import Runtime, compile_blocks, count_available_cores, get_peak_memory_gib
from videomae2.engine.signals import SignalHandler
from videomae2.engine.supply import MicroBatch
from videomae2.engine.transfer import prefetch_to_device
from videomae2.jobs.run_state import TrainState
from videomae2.jobs.work import LogFn, CallbackContext, TrainingSetup, identity
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes


@dataclass(slots=True)
class Trainer:
    """What one training process holds."""

    setup: TrainingSetup
    loop_config: LoopConfig
    checkpoints: CheckpointManager
    runtime: Runtime
    log: LogFn

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
        first_step = state.load(self.log)
        metrics_logger = MetricsLogger(
            run.checkpoint.output_dir,
            steps=loop_config.steps,
            first_step=first_step,
            get_memory_gib=lambda: get_peak_memory_gib(runtime.device),
            log=self.log,
        )
        try:
            with SignalHandler() as signals, self._build_loader(manifests, first_step, quarantine) as loader:
                context = CallbackContext(task, ema, metrics_logger, first_step, signals)
                on_step_end = setup.attach(context) if setup.attach else None

                def save(step: int) -> None:
                    is_last = step == loop_config.steps or signals.stop_signal is not None
                    state.save(step, self.log, is_last=is_last)

                fit(
                    task,
                    state.optimizer,
                    iterate_micro_batches(loader, run.model.encoder.cubes, runtime, setup.transform),
                    loop_config,
                    first_step=first_step,
                    runtime=runtime,
                    log_window=metrics_logger.log_window,
                    save=save,
                    log=self.log,
                    signals=signals,
                    ema=ema,
                    on_step_end=on_step_end,
                )
        finally:
            metrics_logger.close()
            if quarantine.reasons:
                self.log(quarantine.format_summary())

    def _open_quarantine(self, manifests: Sequence[Manifest]) -> Quarantine:
        """The videos that could not be read so far."""
        run = self.setup.run
        quarantine = Quarantine(run.checkpoint.output_dir, manifests, max_share=run.data.max_unreadable_share)
        if quarantine.retried:
            self.log(
                f"repaired {len(quarantine.retried)} unreadable videos have changed since they were "
                f"listed, and are read again"
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


def iterate_micro_batches(
    loader: Loader,
    cubes: Cubes,
    runtime: Runtime,
    transform: Callable[[Clips, CPUBatch], Clips] = identity,
) -> Iterator[MicroBatch]:
    """The micro-batches of a loader as clips on the device, one of them ahead."""

    def to_micro_batch(batch: CPUBatch) -> MicroBatch:
        size = (cubes.height, cubes.width)
        clips = make_clips(batch, size, cubes.frames, cubes.channels, runtime.device)
        return MicroBatch(transform(clips, batch), batch.paths, batch.num_unreadable)

    return prefetch_to_device(iter(loader), to_micro_batch, runtime.device)


def resolve_num_workers(num_workers: int | None, runtime: Runtime) -> int:
    """Reading processes: most cores beside a GPU, a share of them where the CPU also trains."""
    if num_workers is not None:
        return num_workers
    num_cores = count_available_cores()
    return max(1, num_cores - 1) if runtime.device.type == "cuda" else max(1, num_cores // 2)
