"""Asks a teacher about clips, or takes what it said of the same clips from a cache.

Clips are known by the keys of their draws and by which videos of their micro-batch could be read:
with the settings in the cache's header these fix every pixel, mixed ones too. That the videos
themselves are still the same is seen by a fingerprint of what was read of each.
"""

import json
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import torch
from safetensors import SafetensorError
from torch import Tensor

from videomae2.data.batches import HostBatch, Sample
from videomae2.engine.kept_scores import KeptScores
from videomae2.engine.runtime import Runtime
from videomae2.errors import DataError
from videomae2.jobs.work import Say
from videomae2.models.classifier import Classifier
from videomae2.models.found import FoundClassifier
from videomae2.tasks.distill import Taught
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips
from videomae2.tensors.moving import moved

FLUSH_EVERY = 64
"""Answers that wait in memory at most, before they are written."""
_LOOKED_AT = 4096  # values of a video in its fingerprint
_HOLE = -1

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which clips a question is about."""

    name: bytes
    prints: tuple[int, ...]
    """A fingerprint of what was read of each video."""
    videos: Sequence[str]


@dataclass(slots=True)
class Teaching:
    """A teacher that is read when it is first needed, and its cache."""

    teacher: FoundClassifier
    runtime: Runtime
    say: Say
    features: bool = False
    """Whether its features are asked for too."""
    kept: KeptScores | None = None
    half: bool = False
    """Whether answers are rounded to half precision."""
    asked: int = 0
    """Micro-batches that it was asked about."""
    found: int = 0
    """Micro-batches that the cache knew."""
    held_out: dict[Place, Tensor] = field(default_factory=dict)
    """Its scores of held-out videos, by their place."""
    _expected: deque[Asked] = field(default_factory=deque)
    _model: Classifier | None = None

    def expect(self, batch: HostBatch) -> None:
        """Note whose clips will come next; batches come in the order of their clips."""
        parts = [batch.keys, [sample is None for sample in batch.samples]]
        self._expected.append(_about(batch, parts))

    def __call__(self, clips: Clips) -> Taught:
        """Say what the teacher makes of the clips that were expected, as they are."""
        return self._answer(self._expected.popleft(), clips)

    def look(self, clips: Clips, batch: HostBatch, *, origin: str) -> None:
        """Take note of held-out videos; each is asked about once in a run.

        Args:
            clips: Their middle clips.
            batch: Who they are.
            origin: Names their list, for the cache.
        """
        there = [sample is not None for sample in batch.samples]
        unknown = [p for p, t in zip(batch.places, there, strict=True) if t]
        if all(place in self.held_out for place in unknown):
            return
        parts = [origin, [list(place) for place in batch.places], there]
        scores = self._answer(_about(batch, parts), clips).scores.cpu()
        for place, read, own in zip(batch.places, there, scores, strict=True):
            if read:
                self.held_out[place] = own

    def flush(self) -> None:
        """Write what the cache does not hold yet; a full disk costs the cache, not the run."""
        if self.kept is None or not self.kept.waiting:
            return
        try:
            self.kept.flush()
        except (OSError, SafetensorError) as error:
            lost = self.kept.waiting
            self.kept.forget_waiting()
            self.say(
                f"cannot write {self.kept.folder}: {error}; {lost} answers of the teacher are not "
                f"kept, training goes on"
            )

    def after_step(self) -> None:
        """Write if much is waiting."""
        if self.kept is not None and self.kept.waiting >= FLUSH_EVERY:
            self.flush()

    def _answer(self, asked: Asked, clips: Clips) -> Taught:
        known = None if self.kept is None else self.kept.get(asked.name)
        if known is not None:
            self._check_same_videos(asked, known)
            self.found += 1
            there = {name: moved(known[name], clips.pixels.device) for name in known}
            features = there["features"].float() if self.features else None
            return Taught(there["scores"].float(), features)
        self.asked += 1
        taught = self._ask(clips)
        if self.kept is not None:
            kept = {"scores": self._in_store(taught.scores), "prints": torch.tensor(asked.prints)}
            if taught.features is not None:
                kept["features"] = self._in_store(taught.features)
            self.kept.add(asked.name, kept)
        return taught

    @torch.no_grad()
    def _ask(self, clips: Clips) -> Taught:
        model, card = self._loaded(), self.teacher.card
        device = clips.pixels.device
        mean, std = (moved(torch.tensor(values), device) for values in (card.mean, card.std))
        with self.runtime.autocast():
            cubes = grid.split(clips.pixels, model.cubes)
            features = model.features(pixels.normalise(cubes, mean, std))
            scores = model.scores(features)
        rounded = [self._in_store(values).float() for values in (scores, features)]
        return Taught(rounded[0], rounded[1] if self.features else None)

    def _in_store(self, values: Tensor) -> Tensor:
        """Round as in the cache: a run that asks learns from the same as one that finds."""
        return values.to(torch.float16 if self.half else torch.float32)

    def _loaded(self) -> Classifier:
        if self._model is None:
            with torch.inference_mode(False):  # a look at held-out videos may be the first to ask
                model = self.teacher.load(self.runtime.device)
                self._model = model.requires_grad_(False)
            self.say(f"teacher  read from {self.teacher.path}")
        return self._model

    def _check_same_videos(self, asked: Asked, known: Mapping[str, Tensor]) -> None:
        assert self.kept is not None
        pairs = zip(known["prints"].tolist(), asked.prints, asked.videos, strict=True)
        other = [video for before, now, video in pairs if before != now]
        if other:
            raise DataError(
                f"{other[0]} shows other pixels than when the teacher's scores were kept in "
                f"{self.kept.folder} ({len(other)} such videos in this batch): the file was "
                f"changed, or is decoded differently here; choose another --teacher.cache"
            )


def _about(batch: HostBatch, parts: object) -> Asked:
    name = sha256(json.dumps(parts).encode()).digest()[:16]
    return Asked(name, tuple(map(_fingerprint, batch.samples)), batch.names)


def _fingerprint(sample: Sample | None) -> int:
    """A number that other frames would hardly have, from some thousand of their values."""
    if sample is None:
        return _HOLE
    values = sample.pixels.flatten()
    some = values[:: max(1, len(values) // _LOOKED_AT)].contiguous()
    return zlib.crc32(f"{tuple(sample.pixels.shape)}".encode(), zlib.crc32(some.numpy().tobytes()))
