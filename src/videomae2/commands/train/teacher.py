"""A teacher that is asked about the very clips its students see, or its answers from a cache.

Clips are known by the keys of their draws and by which videos of their micro-batch could be read:
with the settings in the cache's header these fix every pixel, mixed ones too. That the videos
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
from typing import Any

import torch
from torch import Tensor

from videomae2.base.schema import flatten, wildcard_path
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.files import to_builtin
from videomae2.config.runs import DistillRun
from videomae2.data.loading.batch import CPUBatch, Sample
from videomae2.data.loading.quarantine import SampleId
from videomae2.data.manifests.manifest import Manifest
from videomae2.errors import CheckpointError, DataError
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.classifier_ref import ClassifierRef
from videomae2.tasks.distill import CacheDtype, TeacherOutput
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips, to_device
from videomae2.training.callback import Callback
from videomae2.training.runtime import Runtime
from videomae2.training.tensor_cache import TensorCache

_logger = logging.getLogger(__name__)

FLUSH_INTERVAL = 64
"""Answers that wait in memory at most, before they are written."""
_FINGERPRINT_VALUES = 4096  # values of a video in its fingerprint
_UNREADABLE = -1
_CLIP_FIELDS = ("data.", "augment.", "loading.max_short_side", "seed")


def check_same_clips(student: EncoderConfig, teacher: ClassifierRef, *, name: str) -> None:
    """Refuse a student that reads other clips than its teacher, which sees the very same ones.

    Raises:
        CheckpointError: Says both sizes.
    """
    student_clip, teacher_clip = (
        _get_clip_size(student),
        _get_clip_size(teacher.config.model.encoder),
    )
    if student_clip != teacher_clip:
        sizes = [
            "x".join(map(str, clip[:3])) + f" of {clip[3]} channels"
            for clip in (student_clip, teacher_clip)
        ]
        raise CheckpointError(
            f"the student '{name}' reads clips of {sizes[0]} (frames, height, width), its teacher "
            f"{teacher.path} reads {sizes[1]}; both must see the same clip: give the student the "
            f"teacher's size, or fine-tune a teacher at the student's"
        )


def _get_clip_size(config: EncoderConfig) -> tuple[int, int, int, int]:
    return config.frames, config.height, config.width, config.channels


@dataclass(frozen=True, slots=True)
class TeacherRequest:
    """Which clips a question is about."""

    key: bytes
    fingerprints: tuple[int, ...]
    """A fingerprint of what was read of each video."""
    videos: Sequence[str]


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
    """Micro-batches that it was asked about."""
    num_hits: int = 0
    """Micro-batches that the cache knew."""
    val_scores: dict[SampleId, Tensor] = field(default_factory=dict)
    """Its scores of held-out videos, by their place."""
    _requests: deque[TeacherRequest] = field(default_factory=deque)
    _model: Classifier | None = None

    def prepare(self, batch: CPUBatch) -> None:
        """Note whose clips will come next; batches come in the order of their clips."""
        parts = [batch.keys, [sample is None for sample in batch.samples]]
        self._requests.append(_build_request(batch, parts))

    def __call__(self, clips: Clips) -> TeacherOutput:
        """Say what the teacher makes of the clips that were expected, as they are."""
        return self._get_output(self._requests.popleft(), clips)

    def score_val_batch(self, clips: Clips, batch: CPUBatch, *, val_digest: str) -> None:
        """Take note of held-out videos; each is asked about once in a run.

        Args:
            clips: Their middle clips.
            batch: Who they are.
            val_digest: Names their list, for the cache.
        """
        readable = [sample is not None for sample in batch.samples]
        readable_ids = list(compress(batch.sample_ids, readable))
        if all(sample_id in self.val_scores for sample_id in readable_ids):
            return
        parts = [val_digest, [list(sample_id) for sample_id in batch.sample_ids], readable]
        scores = self._get_output(_build_request(batch, parts), clips).scores.cpu()
        for sample_id, is_readable, video_scores in zip(
            batch.sample_ids, readable, scores, strict=True
        ):
            if is_readable:
                self.val_scores[sample_id] = video_scores

    def flush(self) -> None:
        """Write what the cache does not hold yet; a full disk costs the cache, not the run."""
        if self.cache is None or not self.cache.num_pending:
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

    def _get_output(self, request: TeacherRequest, clips: Clips) -> TeacherOutput:
        cached = None if self.cache is None else self.cache.get(request.key)
        if cached is not None:
            self._check_same_videos(request, cached)
            self.num_hits += 1
            on_device = {name: to_device(cached[name], clips.pixels.device) for name in cached}
            features = on_device["features"].float() if self.with_features else None
            return TeacherOutput(on_device["scores"].float(), features)
        self.num_misses += 1
        output = self._run_model(clips)
        if self.cache is not None:
            entry = {
                "scores": self._round_to_cache_dtype(output.scores),
                "fingerprints": torch.tensor(request.fingerprints),
            }
            if output.features is not None:
                entry["features"] = self._round_to_cache_dtype(output.features)
            self.cache.add(request.key, entry)
        return output

    @torch.no_grad()
    def _run_model(self, clips: Clips) -> TeacherOutput:
        model, config = self._load_model(), self.classifier.config
        device = clips.pixels.device
        mean, std = (
            to_device(torch.tensor(values), device) for values in (config.mean, config.std)
        )
        with self.runtime.autocast():
            cubes = grid.split(clips.pixels, model.cubes)
            features = model.forward_features(pixels.normalize(cubes, mean, std))
            scores = model.forward_head(features)
        rounded = [self._round_to_cache_dtype(values).float() for values in (scores, features)]
        return TeacherOutput(rounded[0], rounded[1] if self.with_features else None)

    def _round_to_cache_dtype(self, values: Tensor) -> Tensor:
        """Round as in the cache: a run that asks learns from the same as one that finds."""
        return values.to(torch.float16 if self.cache_dtype == "float16" else torch.float32)

    def _load_model(self) -> Classifier:
        if self._model is None:
            with torch.inference_mode(False):  # validation may be the first to ask
                model = self.classifier.load(self.runtime.device)
                self._model = model.requires_grad_(False)
            _logger.info(f"teacher  loaded from {self.classifier.path}")
        return self._model

    def _check_same_videos(self, request: TeacherRequest, cached: Mapping[str, Tensor]) -> None:
        assert self.cache is not None
        pairs = zip(
            cached["fingerprints"].tolist(), request.fingerprints, request.videos, strict=True
        )
        changed_videos = [
            video for cached_print, current_print, video in pairs if cached_print != current_print
        ]
        if changed_videos:
            raise DataError(
                f"{changed_videos[0]} shows other pixels than when the teacher's scores were kept "
                f"in {self.cache.folder} ({len(changed_videos)} such videos in this batch): the "
                f"file was changed, or is decoded differently here; choose another "
                f"--teacher.cache-dir"
            )


def _build_request(batch: CPUBatch, parts: object) -> TeacherRequest:
    key = sha256(json.dumps(parts).encode()).digest()[:16]
    return TeacherRequest(key, tuple(map(_compute_fingerprint, batch.samples)), batch.paths)


def _compute_fingerprint(sample: Sample | None) -> int:
    """A number that other frames would hardly have, from some thousand of their values."""
    if sample is None:
        return _UNREADABLE
    values = sample.pixels.flatten()
    sampled = values[:: max(1, len(values) // _FINGERPRINT_VALUES)].contiguous()
    return zlib.crc32(
        f"{tuple(sample.pixels.shape)}".encode(), zlib.crc32(sampled.numpy().tobytes())
    )


def open_cache(
    run: DistillRun, manifests: Sequence[Manifest], *, digest: str
) -> TensorCache | None:
    """Open the cache of a run, if it has one.

    Args:
        run: With the precision that ``auto`` became.
        manifests: The videos to train on.
        digest: Names the teacher.

    Raises:
        ConfigError: If it was made for other clips or by another teacher; says each difference.
        CheckpointError: If it cannot be read or written.
    """
    if run.teacher.cache_dir is None:
        return None
    return TensorCache.open(run.teacher.cache_dir, build_cache_key(run, manifests, digest=digest))


def build_cache_key(
    run: DistillRun, manifests: Sequence[Manifest], *, digest: str
) -> dict[str, Any]:
    """Everything that a teacher's answers depend on, by the names of the settings."""
    encoder = run.model.encoder
    clip_fields = {
        path: to_builtin(value)
        for path, value in flatten(run)
        if path.startswith(_CLIP_FIELDS) and wildcard_path(path) not in RESUME_SAFE_FIELDS
    }
    lists = {f"videos of source {n}": manifest.digest() for n, manifest in enumerate(manifests)}
    return {
        "teacher": digest,
        "teacher.cache_dtype": run.teacher.cache_dtype,
        "features are kept": run.task.feature_weight > 0,
        **lists,
        "clips (frames, height, width, channels)": [
            encoder.frames,
            encoder.height,
            encoder.width,
            encoder.channels,
        ],
        "optim.global_batch_size": run.optim.global_batch_size,
        "optim.micro_batch_size": run.optim.global_batch_size
        // run.optim.gradient_accumulation_steps,
        "runtime.precision": run.runtime.precision,
        **clip_fields,
    }
