"""One training process of any kind: its loop, and how its state is saved and found again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import nn
from torch.optim import AdamW

from videomae2.data.batches import HostBatch
from videomae2.data.loading import BatchPlan, Loader
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.averages import RunningMean
from videomae2.engine.checkpoints import Checkpoints, read_tensors
from videomae2.engine.loop import Part, Plan, fit
from videomae2.engine.optimizer_state import load_optimizer, save_optimizer
from videomae2.engine.runlog import RunLog
from videomae2.engine.runtime import Runtime, compile_blocks, free_cores, peak_memory_gib
from videomae2.engine.signals import Wishes
from videomae2.engine.transfer import transferred
from videomae2.errors import CheckpointError
from videomae2.jobs.work import Say, Watching, Work, keep
from videomae2.models.chosen import MEAN_FILE
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes

_OPTIMIZER_FILE = "optimizer.safetensors"


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
        optimizer = work.optimizer(task, run.optim)
        mean = RunningMean(model, run.optim.ema_decay) if run.optim.ema_decay else None
        first_step = self._load(model, optimizer, mean)
        log = RunLog(
            run.record.out,
            steps=plan.steps,
            first_step=first_step,
            memory=lambda: peak_memory_gib(runtime.device),
            say=self.say,
        )
        try:
            with Wishes() as wishes, self._loader(manifests, first_step, runtime) as loader:
                watching = Watching(task, mean, log, first_step, wishes)
                watch = work.watch(watching) if work.watch else None
                fit(
                    task,
                    optimizer,
                    parts(loader, run.model.encoder.cubes, runtime, work.finish),
                    plan,
                    first_step=first_step,
                    runtime=runtime,
                    report=log.report,
                    save=lambda step: self._save(step, model, optimizer, mean),
                    say=self.say,
                    wishes=wishes,
                    mean=mean,
                    watch=watch,
                )
        finally:
            log.close()

    def _loader(self, manifests: Sequence[Manifest], first_step: int, runtime: Runtime) -> Loader:
        run, optim = self.work.run, self.work.run.optim
        quarantine = Quarantine(
            run.record.out,
            videos=sum(len(m) for m in manifests),
            max_share=run.data.max_unreadable_share,
        )
        quarantine.check()
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
            workers=reading_processes(run.loading.workers, runtime),
            pin=runtime.device.type == "cuda",
        )

    def _save(
        self, step: int, model: nn.Module, optimizer: AdamW, mean: RunningMean | None
    ) -> None:
        """Save; a failure says where a resume will start."""

        def write(folder: Path) -> None:
            self.work.save(folder, step)
            save_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
            if mean is not None:
                save_file({n: v.cpu() for n, v in mean.values.items()}, folder / MEAN_FILE)

        try:
            self.checkpoints.save(step, write)
        except CheckpointError as error:
            newest = self.checkpoints.newest()
            start = f"at step {newest[0]}" if newest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def _load(
        self,
        model: nn.Module,
        optimizer: AdamW,
        mean: RunningMean | None,
    ) -> int:
        """Go on from the newest checkpoint; give the first step to do."""
        newest = self.checkpoints.newest()
        if newest is None:
            return 0
        step, folder = newest
        try:
            self.work.load(folder)
            load_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
            if mean is not None:
                mean.load(read_tensors(folder / MEAN_FILE))
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {self._way_out(folder)}") from error
        self.say(f"resume   at step {step} from {folder}")
        return step

    def _way_out(self, broken: Path) -> str:
        """What to do about a checkpoint that cannot be read."""
        older = self.checkpoints.before_newest()
        if older is None:
            return f"it is the only checkpoint: delete {broken} to start from the beginning"
        return f"delete {broken} to go on at step {older[0]} from {older[1]}"


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
