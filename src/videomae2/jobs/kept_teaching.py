"""What the scores of a teacher depend on: the header of their cache."""

from collections.abc import Sequence
from typing import Any

from videomae2.config import DistillRun
from videomae2.config.differences import SAME_RESULTS
from videomae2.config.files import plain
from videomae2.config.leaves import leaves, pattern
from videomae2.data.manifest import Manifest
from videomae2.engine.kept_scores import KeptScores

_OF_CLIPS = ("data.", "augment.", "loading.shrink_side", "seed")


def open_kept(run: DistillRun, manifests: Sequence[Manifest], *, digest: str) -> KeptScores | None:
    """Open the cache of a run, if it has one.

    Args:
        run: With the precision that ``auto`` became.
        manifests: The videos to train on.
        digest: Names the teacher.

    Raises:
        ConfigError: If it was made for other clips or by another teacher; says each difference.
        CheckpointError: If it cannot be read or written.
    """
    if run.teacher.cache is None:
        return None
    return KeptScores.open(run.teacher.cache, made_by(run, manifests, digest=digest))


def made_by(run: DistillRun, manifests: Sequence[Manifest], *, digest: str) -> dict[str, Any]:
    """Everything that a teacher's answers depend on, by the names of the settings."""
    encoder = run.model.encoder
    drawn = {
        path: plain(value)
        for path, value in leaves(run)
        if path.startswith(_OF_CLIPS) and pattern(path) not in SAME_RESULTS
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
        "optim.batch": run.optim.batch,
        "optim.micro_batch": run.optim.batch // run.optim.accumulate,
        "runtime.precision": run.runtime.precision,
        **drawn,
    }
