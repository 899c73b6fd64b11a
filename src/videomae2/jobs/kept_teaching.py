"""What the scores of a teacher depend on: the header of their cache."""

from collections.abc import Sequence
from typing import Any

from videomae2.config import DistillRun
from videomae2.config.differences import RESUME_SAFE_FIELDS
from videomae2.config.files import to_builtin
from videomae2.config.leaves import flatten, wildcard_path
from videomae2.data.manifest import Manifest
from videomae2.engine.kept_scores import TensorCache

_CLIP_FIELDS = ("data.", "augment.", "loading.max_short_side", "seed")


def open_cache(run: DistillRun, manifests: Sequence[Manifest], *, digest: str) -> TensorCache | None:
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


def build_cache_key(run: DistillRun, manifests: Sequence[Manifest], *, digest: str) -> dict[str, Any]:
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
        "teacher.cache_half": run.teacher.cache_half,
        "features are kept": run.task.feature_weight > 0,
        **lists,
        "clips (frames, height, width, channels)": [
            encoder.frames,
            encoder.height,
            encoder.width,
            encoder.channels,
        ],
        "optim.global_batch_size": run.optim.global_batch_size,
        "optim.micro_batch_size": run.optim.global_batch_size // run.optim.gradient_accumulation_steps,
        "runtime.precision": run.runtime.precision,
        **clip_fields,
    }
