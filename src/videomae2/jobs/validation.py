"""Looks at held-out videos while classifiers learn, and keeps the best state of each so far.

Of each video the middle clip and its middle crop, as in the released code. The clips are kept in
memory where they fit, so that they are read once in a run.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from videomae2.config import Validated
from videomae2.data.batches import HostBatch
from videomae2.data.labels import Labelled
from videomae2.data.once import read_once
from videomae2.data.quarantine import FILE_NAME, Place, Quarantine
from videomae2.data.views import make_clips
from videomae2.engine.loop import Plan
from videomae2.engine.runtime import Runtime
from videomae2.errors import CheckpointError, DataError
from videomae2.jobs.labelled_videos import HELD_OUT, middle_sources
from videomae2.jobs.measures import Measured, better
from videomae2.jobs.trainer import reading_processes
from videomae2.jobs.whole_files import settle, write_folder
from videomae2.jobs.work import Say, Watch, Watching
from videomae2.models.cards import ClassifierCard, read_card_of
from videomae2.models.chosen import BEST_FOLDER
from videomae2.tensors.clips import Clips

BEST = BEST_FOLDER
LOOKS = 10
"""Looks in a run, where it is not said how many."""
MOST_KEPT_BYTES = 2**29
"""Clips are kept in memory up to this size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A model that learns and whose best state is kept."""

    name: str = ""
    """What stands before its numbers; nothing where there is only one."""
    folder: Path
    """Where its best state is kept."""
    answer: Callable[[Clips, HostBatch], Tensor]
    """Gives its raw scores of clips."""
    measure: Callable[[Tensor, Sequence[Place]], Measured]
    """Judges the scores of all videos that could be read."""
    save: Callable[[Path, dict[str, object]], None]
    """Writes it, with notes, into a folder that exists."""


@dataclass(slots=True)
class Validation:
    """Everything that stays the same from one look to the next."""

    run: Validated
    plan: Plan
    runtime: Runtime
    videos: Labelled
    contenders: Sequence[Contender]
    say: Say
    kept: list[HostBatch] = field(default_factory=list)

    def begin(self, watching: Watching) -> Watch:
        """Make the one who looks, after every step that asks for it."""
        for contender in self.contenders:
            settle(contender.folder)
        every = self.run.validation.every or max(1, -(-self.plan.steps // LOOKS))

        def watch(done: int) -> None:
            if done % every == 0 or done == self.plan.steps:
                self._look(watching, done)

        return watch

    def _look(self, watching: Watching, done: int) -> None:
        task, mean = watching.task, watching.mean
        with mean.applied() if mean is not None else nullcontext():
            task.eval()
            try:
                scores, places = self._scores()
                found = [
                    contender.measure(own, places)
                    for contender, own in zip(self.contenders, scores, strict=True)
                ]
                for contender, measured in zip(self.contenders, found, strict=True):
                    self._keep_if_best(contender, measured, done, ema=mean is not None)
            finally:
                task.train()
        for contender, measured in zip(self.contenders, found, strict=True):
            before = f"validation/{contender.name}/" if contender.name else "validation/"
            values = {f"{before}{name}": value for name, value in measured.values.items()}
            watching.log.probe(done - 1, values)
            absent = sum(map(len, self.videos.manifests)) - len(places)
            shown = "  ".join(f"{name} {value:.4g}" for name, value in measured.values.items())
            who = f"{contender.name}: " if contender.name else ""
            holes = f"  ({absent} videos unreadable)" if absent else ""
            self.say(f"held out at step {done}: {who}{shown}{holes}")

    @torch.inference_mode()
    def _scores(self) -> tuple[list[Tensor], list[Place]]:
        """Raw scores of each contender for all held-out videos that could be read, and which."""
        scores: list[list[Tensor]] = [[] for _ in self.contenders]
        places: list[Place] = []
        for batch in self._batches():
            clips = self._clips(batch)
            read = [sample is not None for sample in batch.samples]
            places += [place for place, there in zip(batch.places, read, strict=True) if there]
            for contender, own in zip(self.contenders, scores, strict=True):
                with self.runtime.autocast():
                    own.append(contender.answer(clips, batch).float().cpu()[read])
        if not places:
            where = self.run.record.out / HELD_OUT / FILE_NAME
            raise DataError(f"none of the held-out videos can be read; {where} says why")
        return [torch.cat(own) for own in scores], places

    def _clips(self, batch: HostBatch) -> Clips:
        cubes = self.run.model.encoder.cubes
        size = (cubes.height, cubes.width)
        return make_clips(batch, size, cubes.frames, cubes.channels, self.runtime.device)

    def _batches(self) -> Iterator[HostBatch]:
        """All held-out videos in batches, from memory if they were read before."""
        if self.kept:
            yield from self.kept
            return
        data = replace(self.run.data, sources=middle_sources(self.run), views=1)
        size, fits = 0, []
        for batch in read_once(
            self.videos.manifests,
            data,
            self.run.loading,
            self.run.model.encoder.cubes,
            batch=self.run.optim.micro_batch or self.run.optim.batch,
            workers=reading_processes(self.run.loading.workers, self.runtime),
            quarantine=self._quarantine(),
        ):
            size += sum(sample.pixels.numel() for sample in batch.samples if sample is not None)
            fits.append(batch)
            if size > MOST_KEPT_BYTES:
                fits.clear()
            yield batch
        self.kept = fits if size <= MOST_KEPT_BYTES else []

    def _quarantine(self) -> Quarantine:
        """The held-out videos that cannot be read; a list of its own beside that of training."""
        folder = self.run.record.out / HELD_OUT
        folder.mkdir(parents=True, exist_ok=True)
        share = self.run.data.max_unreadable_share
        return Quarantine(folder, self.videos.manifests, max_share=share)

    def _keep_if_best(self, contender: Contender, found: Measured, done: int, *, ema: bool) -> None:
        """Save a model if no look before was better; whole or not at all.

        A failure is said, and survived: later looks may be better. After the last there is none.

        Raises:
            CheckpointError: The last could not be saved.
        """
        before = _measured(contender.folder)
        if before is not None and not better(found, before):
            return
        steps = {"step": done, "steps": self.plan.steps}
        notes: dict[str, object] = {**steps, "ema": ema, "validation": found.values}
        try:
            write_folder(contender.folder, lambda folder: contender.save(folder, notes))
        except CheckpointError as error:
            if done == self.plan.steps:
                raise CheckpointError(
                    f"{error}; free some room, and the same command goes on at the last checkpoint"
                ) from error
            self.say(f"{error}; training goes on, the next try is when a look is better again")


def _measured(folder: Path) -> Measured | None:
    """What was measured of the best model so far."""
    if not folder.exists():
        return None
    return Measured(read_card_of(ClassifierCard, folder).notes["validation"])
