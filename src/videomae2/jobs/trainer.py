"""One training process of any kind: what its loop is made of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from videomae2.data.batches import HostBatch
from videomae2.data.loading import BatchPlan, Loader
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.averages import RunningMean
from videomae2.engine.checkpoints import Checkpoints
from videomae2.engine.loop import Plan, fit
from videomae2.engine.runlog import RunLog
from videomae2.engine.runtime import Runtime, compile_blocks, free_cores, peak_memory_gib
from videomae2.engine.signals import Wishes
from videomae2.engine.supply import Part
from videomae2.engine.transfer import transferred
from videomae2.jobs.run_state import RunState
from videomae2.jobs.work import Say, Watching, Work, keep
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes


@dataclass(slots=True)
class Trainer:
    """What one training process holds."""

    work: Work
    plan: Plan
    checkpoints: Checkpoints
    runtime: Runtime
    say: Say

    def train(self, manifests: Sequence[Manifest]) -> None:
        work, plan, runtime = self.work, self.plan, self.runtime
        run, task = work.run, work.task.to(runtime.device).train()
        model = task.get_submodule("model")
        if runtime.compile:
            compile_blocks(model)
        mean = RunningMean(model, run.optim.ema_decay) if run.optim.ema_decay else None
        quarantine = self._quarantine(manifests)
        state = RunState(
            work, model, work.optimizer(task, run.optim), mean, quarantine, self.checkpoints
        )
        first_step = state.load(self.say)
        log = RunLog(
            run.record.out,
            steps=plan.steps,
            first_step=first_step,
            memory=lambda: peak_memory_gib(runtime.device),
            say=self.say,
        )
        try:
            with Wishes() as wishes, self._loader(manifests, first_step, quarantine) as loader:
                watching = Watching(task, mean, log, first_step, wishes)
                watch = work.watch(watching) if work.watch else None

                def save(step: int) -> None:
                    is_last = step == plan.steps or wishes.stop is not None
                    state.save(step, self.say, is_last=is_last)

                fit(
                    task,
                    state.optimizer,
                    parts(loader, run.model.encoder.cubes, runtime, work.finish),
                    plan,
                    first_step=first_step,
                    runtime=runtime,
                    report=log.report,
                    save=save,
                    say=self.say,
                    wishes=wishes,
                    mean=mean,
                    watch=watch,
                )
        finally:
            log.close()
            if quarantine.reasons:
                self.say(quarantine.summary())

    def _quarantine(self, manifests: Sequence[Manifest]) -> Quarantine:
        """The videos that could not be read so far."""
        run = self.work.run
        found = Quarantine(run.record.out, manifests, max_share=run.data.max_unreadable_share)
        if found.forgotten:
            self.say(
                f"repaired {len(found.forgotten)} unreadable videos have changed since they were "
                f"listed, and are read again"
            )
        found.check()
        return found

    def _loader(
        self, manifests: Sequence[Manifest], first_step: int, quarantine: Quarantine
    ) -> Loader:
        run, optim = self.work.run, self.work.run.optim
        plan = BatchPlan(
            batch=optim.batch,
            micro_batch=optim.batch // optim.accumulate,
            first_step=first_step,
            steps=self.plan.steps,
        )
        return Loader(
            manifests,
            run.data,
            run.loading,
            run.model.encoder.cubes,
            plan,
            seed=run.seed,
            quarantine=quarantine,
            workers=reading_processes(run.loading.workers, self.runtime),
            pin=self.runtime.device.type == "cuda",
        )


def parts(
    loader: Loader,
    cubes: Cubes,
    runtime: Runtime,
    finish: Callable[[Clips, HostBatch], Clips] = keep,
) -> Iterator[Part]:
    """The micro-batches of a loader as clips on the device, one of them ahead."""

    def make(batch: HostBatch) -> Part:
        size = (cubes.height, cubes.width)
        clips = make_clips(batch, size, cubes.frames, cubes.channels, runtime.device)
        return Part(finish(clips, batch), batch.names, batch.unreadable)

    return transferred(iter(loader), make, runtime.device)


def reading_processes(wanted: int | None, runtime: Runtime) -> int:
    """Reading processes: most cores beside a GPU, a share of them where the CPU also trains."""
    if wanted is not None:
        return wanted
    cores = free_cores()
    return max(1, cores - 1) if runtime.device.type == "cuda" else max(1, cores // 2)
