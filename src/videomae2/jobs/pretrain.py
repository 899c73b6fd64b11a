"""Pre-training from start to end: assemble the parts, go on where the run folder stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.optim import AdamW

from videomae2.config import PretrainRun, check
from videomae2.data.batches import HostBatch
from videomae2.data.loading import BatchPlan, Loader, read_sources
from videomae2.data.manifest import Manifest
from videomae2.data.mixture import Mixture
from videomae2.data.quarantine import Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.averages import RunningMean
from videomae2.engine.checkpoints import Checkpoints, check_writable
from videomae2.engine.loop import Part, Plan, fit
from videomae2.engine.optim import build_optimizer
from videomae2.engine.optimizer_state import load_optimizer, save_optimizer
from videomae2.engine.runlog import RunLog, to_terminal
from videomae2.engine.runtime import (
    Runtime,
    compile_blocks,
    free_cores,
    peak_memory_gib,
    prepare,
)
from videomae2.engine.schedules import CosineSchedule, scaled_lr
from videomae2.engine.signals import Wishes
from videomae2.engine.transfer import transferred
from videomae2.errors import CheckpointError
from videomae2.jobs.run_folder import RunLock, check_same_run, record
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import Card
from videomae2.models.initial import initialise
from videomae2.models.saved import load_weights, save_model
from videomae2.tasks.pretrain import PretrainTask

Say = Callable[[str], None]

_OPTIMIZER_FILE = "optimizer.safetensors"
_MEAN_FILE = "ema.safetensors"


def pretrain(run: PretrainRun, *, say: Say = to_terminal) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration.
        say: Takes each line for people.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used.
        Interrupted: After saving, when asked to stop.
    """
    check(run)
    manifests = read_sources(run.data)
    plan = make_plan(run, manifests)
    folder = run.record.out
    check_writable(folder, 0)
    with RunLock(folder):
        check_same_run(run, manifests)
        checkpoints = Checkpoints(
            folder / "checkpoints", keep=run.record.keep, keep_every=run.record.keep_every
        )
        check_writable(checkpoints.folder, _bytes_needed(run, len(checkpoints.steps())))
        record(run, manifests)
        trainer = _Trainer(run, plan, checkpoints, say)
        say(describe(run, manifests))
        trainer.train(manifests)
    newest = checkpoints.newest()
    if newest is None:
        raise CheckpointError(f"nothing could be saved in {checkpoints.folder}")
    return newest[1]


def make_plan(run: PretrainRun, manifests: Sequence[Manifest]) -> Plan:
    """Turn epochs into steps and rates for 256 into rates.

    Raises:
        ConfigError: If there are fewer videos than a step needs.
    """
    optim = run.optim
    weights = [source.weight for source in run.data.sources]
    per_epoch = Mixture.of(manifests, weights, seed=run.seed).steps_per_epoch(optim.batch)
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
        seed=run.seed,
    )


def build_task(run: PretrainRun) -> PretrainTask:
    """Model and loss on the CPU, with first weights drawn from the seed."""
    model = Autoencoder(run.model)
    initialise(model, torch.Generator().manual_seed(run.seed))
    return PretrainTask(model, run.masking, mean=run.data.mean, std=run.data.std)


def describe(run: PretrainRun, manifests: Sequence[Manifest] | None = None) -> str:
    """Say in a few lines what a run will do."""
    manifests = read_sources(run.data) if manifests is None else manifests
    plan = make_plan(run, manifests)
    with torch.device("meta"):
        task = PretrainTask(Autoencoder(run.model), run.masking)
    encoder, optim, counts = run.model.encoder, run.optim, task.counts
    parameters = sum(p.numel() for p in task.parameters())
    peak = max(plan.lr(step) for step in range(min(plan.steps, 100_000)))
    lines = [
        f"videos   {source.title}: {len(manifest)} videos ({manifest.origin}), "
        f"every {source.stride:g} {source.stride_unit}, weight {source.weight:g}"
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    ]
    lines += [
        f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, clips of "
        f"{encoder.frames}x{encoder.height}x{encoder.width}",
        f"masking  {run.masking.encoder} {run.masking.encoder_ratio:g}, decoder "
        f"{run.masking.decoder} {run.masking.decoder_ratio:g}: {counts.visible} cubes seen, "
        f"{counts.queries} asked for, {counts.scored} scored of {encoder.cubes.tokens}",
        f"steps    {plan.steps} of {optim.batch} videos x {run.data.views} views"
        f"{f' in {optim.accumulate} parts' if optim.accumulate > 1 else ''}, "
        f"{optim.epochs:g} epochs, peak lr {peak:.3g}",
        f"folder   {run.record.out}",
    ]
    return "\n".join(lines)


@dataclass(slots=True)
class _Trainer:
    """What one training process holds."""

    run: PretrainRun
    plan: Plan
    checkpoints: Checkpoints
    say: Say

    def train(self, manifests: Sequence[Manifest]) -> None:
        run, plan = self.run, self.plan
        runtime = prepare(run.runtime)
        task = build_task(run).to(runtime.device).train()
        if runtime.compile:
            compile_blocks(task.model)
        optimizer = build_optimizer(task, run.optim)
        mean = RunningMean(task.model, run.optim.ema_decay) if run.optim.ema_decay else None
        first_step = self._load(task.model, optimizer, mean, runtime)
        log = RunLog(
            run.record.out,
            steps=plan.steps,
            first_step=first_step,
            memory=lambda: peak_memory_gib(runtime.device),
            say=self.say,
        )
        self.say(f"device   {runtime}")
        try:
            with Wishes() as wishes, self._loader(manifests, first_step, runtime) as loader:
                fit(
                    task,
                    optimizer,
                    self._parts(loader, runtime),
                    plan,
                    first_step=first_step,
                    runtime=runtime,
                    report=log.report,
                    save=lambda step: self._save(step, task.model, optimizer, mean),
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

    def _parts(self, loader: Loader, runtime: Runtime) -> Iterator[Part]:
        encoder = self.run.model.encoder
        size = (encoder.height, encoder.width)

        def make(batch: HostBatch) -> Part:
            clips = make_clips(batch, size, encoder.frames, encoder.channels, runtime.device)
            return Part(clips, batch.names, batch.unreadable)

        return transferred(iter(loader), make, runtime.device)

    def _save(
        self, step: int, model: Autoencoder, optimizer: AdamW, mean: RunningMean | None
    ) -> None:
        """Save; a failure in the middle of a run is said and survived, at its end it is raised."""

        def write(folder: Path) -> None:
            save_model(folder, model.state_dict(), self._card(step))
            save_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
            if mean is not None:
                save_file({n: v.cpu() for n, v in mean.values.items()}, folder / _MEAN_FILE)

        try:
            self.checkpoints.save(step, write)
        except CheckpointError as error:
            if step == self.plan.steps:
                raise
            self.say(f"{error}; training goes on, the next try is at the next save")

    def _card(self, step: int) -> Card:
        run = self.run
        notes = {"step": step, "steps": self.plan.steps, "masking": asdict(run.masking)}
        return Card(model=run.model, mean=run.data.mean, std=run.data.std, notes=notes)

    def _load(
        self,
        model: Autoencoder,
        optimizer: AdamW,
        mean: RunningMean | None,
        runtime: Runtime,
    ) -> int:
        """Go on from the newest checkpoint; give the first step to do."""
        newest = self.checkpoints.newest()
        if newest is None:
            return 0
        step, folder = newest
        load_weights(model, folder)
        load_optimizer(optimizer, model.named_parameters(), folder / _OPTIMIZER_FILE)
        if mean is not None:
            mean.load(load_file(folder / _MEAN_FILE, device=str(runtime.device)))
        self.say(f"resume   at step {step} from {folder}")
        return step


def reading_processes(wanted: int | None, runtime: Runtime) -> int:
    """Reading processes: most cores beside a GPU, a share of them where the CPU also trains."""
    if wanted is not None:
        return wanted
    cores = free_cores()
    return max(1, cores - 1) if runtime.device.type == "cuda" else max(1, cores // 2)


def _bytes_needed(run: PretrainRun, there: int) -> int:
    """Room for the checkpoints that are still to come, one of them half-written."""
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Autoencoder(run.model).parameters())
    copies = 3 + (run.optim.ema_decay is not None)  # weights and two moments, and the mean
    return 4 * parameters * copies * max(1, run.record.keep + 1 - there)
