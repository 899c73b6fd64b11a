"""What one training process holds, and how its state is saved and found again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.optim import AdamW

from videomae2.config import PretrainRun
from videomae2.data.batches import HostBatch
from videomae2.data.loading import BatchPlan, Loader
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.averages import RunningMean
from videomae2.engine.checkpoints import Checkpoints, read_tensors
from videomae2.engine.loop import Part, Plan, fit
from videomae2.engine.optim import build_optimizer
from videomae2.engine.optimizer_state import load_optimizer, save_optimizer
from videomae2.engine.runlog import RunLog
from videomae2.engine.runtime import Runtime, compile_blocks, free_cores, peak_memory_gib
from videomae2.engine.signals import Wishes
from videomae2.engine.transfer import transferred
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import Card
from videomae2.models.initial import initialise
from videomae2.models.saved import load_weights, save_model
from videomae2.tasks.pretrain import PretrainTask
from videomae2.tensors.grid import Cubes

Say = Callable[[str], None]

_OPTIMIZER_FILE = "optimizer.safetensors"
_MEAN_FILE = "ema.safetensors"


@dataclass(slots=True)
class Trainer:
    """What one training process holds."""

    run: PretrainRun
    plan: Plan
    checkpoints: Checkpoints
    runtime: Runtime
    say: Say

    def train(self, manifests: Sequence[Manifest]) -> None:
        run, plan, runtime = self.run, self.plan, self.runtime
        task = build_task(run).to(runtime.device).train()
        if runtime.compile:
            compile_blocks(task.model)
        optimizer = build_optimizer(task, run.optim)
        mean = RunningMean(task.model, run.optim.ema_decay) if run.optim.ema_decay else None
        first_step = self._load(task.model, optimizer, mean)
        log = RunLog(
            run.record.out,
            steps=plan.steps,
            first_step=first_step,
            memory=lambda: peak_memory_gib(runtime.device),
            say=self.say,
        )
        try:
            with Wishes() as wishes, self._loader(manifests, first_step, runtime) as loader:
                fit(
                    task,
                    optimizer,
                    parts(loader, run.model.encoder.cubes, runtime),
                    plan,
                    first_step=first_step,
                    runtime=runtime,
                    report=log.report,
                    save=lambda step: self._save(step, task.model, optimizer, mean),
                    say=self.say,
                    wishes=wishes,
                    mean=mean,
                )
        finally:
            log.close()

    def _loader(self, manifests: Sequence[Manifest], first_step: int, runtime: Runtime) -> Loader:
        run, optim = self.run, self.run.optim
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
        self, step: int, model: Autoencoder, optimizer: AdamW, mean: RunningMean | None
    ) -> None:
        """Save; a failure says where a resume will start."""

        def write(folder: Path) -> None:
            save_model(folder, model.state_dict(), self._card(step))
            save_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
            if mean is not None:
                save_file({n: v.cpu() for n, v in mean.values.items()}, folder / _MEAN_FILE)

        try:
            self.checkpoints.save(step, write)
        except CheckpointError as error:
            newest = self.checkpoints.newest()
            start = f"at step {newest[0]}" if newest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def _card(self, step: int) -> Card:
        run = self.run
        notes = {"step": step, "steps": self.plan.steps, "masking": asdict(run.masking)}
        return Card(model=run.model, mean=run.data.mean, std=run.data.std, notes=notes)

    def _load(
        self,
        model: Autoencoder,
        optimizer: AdamW,
        mean: RunningMean | None,
    ) -> int:
        """Go on from the newest checkpoint; give the first step to do."""
        newest = self.checkpoints.newest()
        if newest is None:
            return 0
        step, folder = newest
        try:
            load_weights(model, folder)
            load_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
            if mean is not None:
                mean.load(read_tensors(folder / _MEAN_FILE))
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


def build_task(run: PretrainRun) -> PretrainTask:
    """Model and loss on the CPU, with first weights drawn from the seed."""
    model = Autoencoder(run.model)
    initialise(model, torch.Generator().manual_seed(run.seed))
    return PretrainTask(model, run.masking, mean=run.data.mean, std=run.data.std)


def parts(loader: Loader, cubes: Cubes, runtime: Runtime) -> Iterator[Part]:
    """The micro-batches of a loader as clips on the device, one of them ahead."""

    def make(batch: HostBatch) -> Part:
        size = (cubes.height, cubes.width)
        clips = make_clips(batch, size, cubes.frames, cubes.channels, runtime.device)
        return Part(clips, batch.names, batch.unreadable)

    return transferred(iter(loader), make, runtime.device)


def reading_processes(wanted: int | None, runtime: Runtime) -> int:
    """Reading processes: most cores beside a GPU, a share of them where the CPU also trains."""
    if wanted is not None:
        return wanted
    cores = free_cores()
    return max(1, cores - 1) if runtime.device.type == "cuda" else max(1, cores // 2)
