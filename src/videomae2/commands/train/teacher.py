"""A teacher that is asked about the very clips its student sees, or its answers from a cache.

Clips are known by the keys of their draws and by which videos of their micro-batch could be read:
with the settings in the cache's provenance these fix every pixel, mixed ones too. That the videos
themselves are still the same is seen by a fingerprint of what was read of each.
"""

import json
import logging
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress

import torch
from torch import Tensor

from videomae2.base.schema import flatten, wildcard_path
from videomae2.base.text import format_count
from videomae2.commands.train.datasets import lookup_targets
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.files import to_builtin
from videomae2.config.runs import DistillRun
from videomae2.data.loading.batch import CPUBatch, Sample
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.quarantine import SampleId
from videomae2.data.manifests.manifest import Manifest
from videomae2.errors import DataError
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import Normalize
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.tasks.distill import CacheDtype, TeacherOutput, hard_labels, kl_divergence
from videomae2.tensors.clips import Clips, to_device
from videomae2.training.loop import Callback
from videomae2.training.runtime import Runtime
from videomae2.training.tensor_cache import TensorCache

_logger = logging.getLogger(__name__)

FLUSH_INTERVAL = 64
"""Answers that wait in memory at most, before they are written."""
_FINGERPRINT_VALUES = 4096  # values of a video in its fingerprint
_UNREADABLE = -1
_CLIP_FIELDS = ("data.", "augment.", "reading.max_short_side", "reading.square_pixels", "seed")

Request = tuple[bytes, Sequence[int], Sequence[str]]
"""Key of the clips that a question is about, fingerprints of their videos, and their paths."""


@dataclass(slots=True)
class Teacher(Callback):
    """A teacher that is read when it is first needed, and its cache."""

    classifier: ClassifierRef
    runtime: Runtime
    with_features: bool = False
    """Whether its features are asked for too."""
    cache: TensorCache | None = None
    cache_dtype: CacheDtype = "float32"
    """What its outputs are rounded to, whether they are cached or not."""
    num_misses: int = 0
    num_hits: int = 0
    """Micro-batches that the cache knew; the misses are those that the model was asked about."""
    val_scores: dict[SampleId, Tensor] = field(default_factory=dict)
    """Its scores of held-out videos, by their place."""
    _requests: deque[Request] = field(default_factory=deque)
    _model: tuple[Classifier, Normalize] | None = None

    def prepare(self, batch: CPUBatch) -> None:
        """Note whose clips will come next; batches come in the order of their clips."""
        parts = [batch.keys, [sample is None for sample in batch.samples]]
        self._requests.append(_build_request(batch, parts))

    def __call__(self, clips: Clips) -> TeacherOutput:
        """Say what the teacher makes of the clips that were expected, as they are."""
        return self._get_output(self._requests.popleft(), clips)

    def score_val_batch(self, clips: Clips, batch: CPUBatch, *, val_digest: str) -> None:
        """Take note of held-out videos, whose list a digest names; each is asked about once."""
        readable = [sample is not None for sample in batch.samples]
        sample_ids = list(compress(batch.sample_ids, readable))
        if all(sample_id in self.val_scores for sample_id in sample_ids):
            return
        parts = [val_digest, [list(sample_id) for sample_id in batch.sample_ids], readable]
        scores = self._get_output(_build_request(batch, parts), clips).scores.cpu()
        self.val_scores.update(zip(sample_ids, compress(scores, readable), strict=True))

    def compute_student_metrics(
        self,
        scores: Tensor,
        sample_ids: Sequence[SampleId],
        *,
        videos: LabelledData,
        temperature: float,
    ) -> dict[str, float]:
        """Measure a student's scores against labels, where there are any, and against its own.

        With labels the first number is theirs, as for any classifier; without, agreement counts,
        and ``loss`` is the divergence.
        """
        task_type = self.classifier.config.task_type
        teacher_scores = torch.stack([self.val_scores[sample_id] for sample_id in sample_ids])
        equal = hard_labels(scores, task_type) == hard_labels(teacher_scores, task_type)
        agreement = equal.double().mean().item()
        kl = kl_divergence(scores, teacher_scores, temperature, task_type).mean().item()
        if not videos.has_labels:
            return {"agreement": agreement, "loss": kl}
        targets, spec = lookup_targets(videos, sample_ids), TASK_TYPES[task_type]
        metrics = spec.compute_metrics(scores, targets, 1.0)
        teacher_metrics = spec.compute_metrics(teacher_scores, targets, 1.0)
        teacher_best = {f"teacher_{spec.best_metric}": teacher_metrics[spec.best_metric]}
        return {**metrics, "agreement": agreement, "kl": kl, **teacher_best}

    def flush(self) -> None:
        """Write what the cache does not hold yet; a full disk costs the cache, not the run."""
        if self.cache is None:
            return
        try:
            self.cache.flush()
        except OSError as error:
            num_lost = self.cache.num_pending
            self.cache.discard_pending()
            _logger.warning(
                f"cannot write {self.cache.folder}: {error}; {num_lost} answers of the teacher are "
                f"not kept, training goes on"
            )

    def on_step_end(self, step: int) -> None:
        """Write if much is waiting."""
        if self.cache is not None and self.cache.num_pending >= FLUSH_INTERVAL:
            self.flush()

    def on_save(self, step: int) -> None:
        self.flush()

    def on_end(self) -> None:
        if self.cache is not None:
            _logger.info(
                f"cache    {self.num_hits} micro-batches were there, {self.num_misses} not"
            )

    def _get_output(self, request: Request, clips: Clips) -> TeacherOutput:
        key, fingerprints, _ = request
        cached = None if self.cache is None else self.cache.get(key)
        if cached is not None:
            self._check_same_videos(request, cached)
            self.num_hits += 1
            on_device = {name: to_device(cached[name], clips.pixels.device) for name in cached}
            features = on_device["features"].float() if self.with_features else None
            return TeacherOutput(on_device["scores"].float(), features)
        self.num_misses += 1
        # rounded as in the cache: a run that asks learns from the same as one that finds
        dtype = torch.float16 if self.cache_dtype == "float16" else torch.float32
        scores, features = (values.to(dtype) for values in self._run_model(clips))
        if self.cache is not None:
            entry = {"scores": scores, "fingerprints": torch.tensor(fingerprints)}
            self.cache.add(key, entry | ({"features": features} if self.with_features else {}))
        return TeacherOutput(scores.float(), features.float() if self.with_features else None)

    @torch.no_grad()
    def _run_model(self, clips: Clips) -> tuple[Tensor, Tensor]:
        """Raw scores and features."""
        if self._model is None:
            config, device = self.classifier.config, self.runtime.device
            with torch.inference_mode(False):  # validation may be the first to ask
                model = self.classifier.load(device).requires_grad_(False)
                normalize = Normalize(config, model.cubes.channels).to(device)
            self._model = model, normalize
            _logger.info(f"teacher  loaded from {self.classifier.path}")
        model, normalize = self._model
        with self.runtime.autocast():
            features = model.forward_features(normalize.split(clips.pixels, model.cubes))
            return model.forward_head(features), features

    def _check_same_videos(self, request: Request, cached: Mapping[str, Tensor]) -> None:
        assert self.cache is not None
        _, fingerprints, videos = request
        pairs = zip(cached["fingerprints"].tolist(), fingerprints, videos, strict=True)
        changed_videos = [video for old, new, video in pairs if old != new]
        if changed_videos:
            raise DataError(
                f"{changed_videos[0]} shows other pixels than when the teacher's scores were kept "
                f"in {self.cache.folder} ({format_count(len(changed_videos), 'such video')} "
                f"in this batch): the file was changed, or is decoded differently here; choose "
                f"another --teacher.cache-dir"
            )


def _build_request(batch: CPUBatch, parts: object) -> Request:
    key = sha256(json.dumps(parts).encode()).digest()[:16]
    return key, [_compute_fingerprint(sample) for sample in batch.samples], batch.paths


def _compute_fingerprint(sample: Sample | None) -> int:
    """A number that other frames would hardly have, from some thousand of their values."""
    if sample is None:
        return _UNREADABLE
    values = sample.pixels.flatten()
    sampled = values[:: max(1, len(values) // _FINGERPRINT_VALUES)].contiguous()
    content = zlib.crc32(sampled.numpy().tobytes())
    return zlib.crc32(f"{tuple(sample.pixels.shape)}".encode(), content)


def open_cache(
    run: DistillRun, manifests: Sequence[Manifest], *, digest: str
) -> TensorCache | None:
    """Open the cache of a run, if it has one; ``digest`` names the teacher.

    Its provenance is everything that answers depend on. Raises as ``TensorCache.open``.
    """
    if run.teacher.cache_dir is None:
        return None
    encoder, optim = run.model.encoder, run.optim
    clip_fields = {
        path: to_builtin(value)
        for path, value in flatten(run)
        if path.startswith(_CLIP_FIELDS) and wildcard_path(path) not in RESUME_SAFE_FIELDS
    }
    provenance = {
        "teacher": digest,
        "teacher.cache_dtype": run.teacher.cache_dtype,
        "features are kept": run.task.feature_weight > 0,
        **{f"videos of source {n}": manifest.digest() for n, manifest in enumerate(manifests)},
        "clip": [encoder.frames, encoder.height, encoder.width, encoder.channels],
        "optim.global_batch_size": optim.global_batch_size,
        "optim.micro_batch_size": optim.global_batch_size // optim.gradient_accumulation_steps,
        "runtime.precision": run.runtime.precision,
        **clip_fields,
    }
    cache = TensorCache.open(run.teacher.cache_dir, provenance)
    _logger.info(f"cache    {cache.folder}: {len(cache)} micro-batches are there")
    return cache
