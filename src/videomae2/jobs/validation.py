"""Looks at held-out videos while a classifier learns, and keeps the best model so far.

Of each video the middle clip and its middle crop, as in the released code. The clips are kept in
memory where they fit, so that they are read once in a run.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from videomae2.config import FinetuneRun
from videomae2.data.batches import HostBatch
from videomae2.data.labels import Labelled
from videomae2.data.once import read_once
from videomae2.data.views import make_clips
from videomae2.engine.loop import Plan
from videomae2.engine.runtime import Runtime
from videomae2.errors import DataError
from videomae2.jobs.labelled_videos import Outputs, middle_sources
from videomae2.jobs.measures import Measured, better, measure
from videomae2.jobs.trainer import reading_processes
from videomae2.jobs.work import Say, Watch, Watching, save_one
from videomae2.models.cards import ClassifierCard, read_card_of
from videomae2.models.chosen import BEFORE_BEST, BEST_FOLDER
from videomae2.tasks.classify import ClassifyTask
from videomae2.tensors.clips import Clips

BEST = BEST_FOLDER
LOOKS = 10
"""Looks in a run, where it is not said how many."""
MOST_KEPT_BYTES = 2**29
"""Clips are kept in memory up to this size."""


@dataclass(slots=True)
class Validation:
    """Everything that stays the same from one look to the next."""

    run: FinetuneRun
    plan: Plan
    runtime: Runtime
    videos: Labelled | None
    card: Callable[[dict[str, object]], ClassifierCard]
    say: Say
    kept: list[HostBatch] = field(default_factory=list)

    def begin(self, watching: Watching) -> Watch:
        """Make the one who looks, after every step that asks for it."""
        assert self.videos is not None
        best, old = self.run.record.out / BEST, self.run.record.out / BEFORE_BEST
        if old.exists() and not best.exists():
            old.rename(best)  # killed while the two changed places
        every = self.run.validation.every or max(1, -(-self.plan.steps // LOOKS))

        def watch(done: int) -> None:
            if done % every == 0 or done == self.plan.steps:
                self._look(watching, done)

        return watch

    def _look(self, watching: Watching, done: int) -> None:
        task, mean = watching.task, watching.mean
        assert isinstance(task, ClassifyTask)
        with mean.applied() if mean is not None else nullcontext():
            task.eval()
            try:
                found = measure(self.run.task.answers, *self._scores(task))
                self._keep_if_best(task, found, done, ema=mean is not None)
            finally:
                task.train()
        values = {f"validation/{name}": value for name, value in found.values.items()}
        watching.log.probe(done - 1, values)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in found.values.items())
        self.say(f"held out at step {done}: {shown}")

    @torch.inference_mode()
    def _scores(self, task: ClassifyTask) -> tuple[Tensor, Tensor]:
        """Raw scores and targets of all held-out videos that could be read."""
        assert self.videos is not None
        outputs = Outputs(self.run.task, self.videos)
        scores, targets = [], []
        for batch in self._batches():
            clips = self._clips(batch)
            read = [sample is not None for sample in batch.samples]
            with self.runtime.autocast():
                scores.append(task.predict(clips).float().cpu()[read])
            targets.append(outputs.of(batch.places, 1)[read])
        if not sum(len(part) for part in scores):
            raise DataError("none of the held-out videos can be read; see unreadable.jsonl")
        return torch.cat(scores), torch.cat(targets)

    def _clips(self, batch: HostBatch) -> Clips:
        cubes = self.run.model.encoder.cubes
        size = (cubes.height, cubes.width)
        return make_clips(batch, size, cubes.frames, cubes.channels, self.runtime.device)

    def _batches(self) -> Iterator[HostBatch]:
        """All held-out videos in batches, from memory if they were read before."""
        if self.kept:
            yield from self.kept
            return
        assert self.videos is not None
        data = replace(self.run.data, sources=middle_sources(self.run), views=1)
        size, fits = 0, []
        for batch in read_once(
            self.videos.manifests,
            data,
            self.run.loading,
            self.run.model.encoder.cubes,
            batch=self.run.optim.micro_batch or self.run.optim.batch,
            workers=reading_processes(self.run.loading.workers, self.runtime),
        ):
            size += sum(sample.pixels.numel() for sample in batch.samples if sample is not None)
            fits.append(batch)
            if size > MOST_KEPT_BYTES:
                fits.clear()
            yield batch
        self.kept = fits if size <= MOST_KEPT_BYTES else []

    def _keep_if_best(self, task: ClassifyTask, found: Measured, done: int, *, ema: bool) -> None:
        """Save the model if no look before was better; whole or not at all."""
        folder = self.run.record.out / BEST
        before = _measured(folder)
        if before is not None and not better(found, before):
            return
        partial, old = folder.with_name(f".{BEST}.partial"), folder.with_name(BEFORE_BEST)
        for rest in (partial, old):
            shutil.rmtree(rest, ignore_errors=True)
        partial.mkdir(parents=True)
        steps = {"step": done, "steps": self.plan.steps}
        notes = {**steps, "ema": ema, "validation": found.values}
        save_one(partial, task.model, self.card(notes))
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _measured(folder: Path) -> Measured | None:
    """What was measured of the best model so far."""
    if not folder.exists():
        return None
    return Measured(read_card_of(ClassifierCard, folder).notes["validation"])
