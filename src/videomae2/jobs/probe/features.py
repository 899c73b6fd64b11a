"""Features of a labelled list: from the disk where they are there already, else from its videos.

Axes: videos; kinds; tokens; dim.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from videomae2.data.manifest import Manifest
from videomae2.data.pool import Pool
from videomae2.data.sources import LoadingConfig
from videomae2.data.view_reading import READ_VIEWS, GridShape, ViewsRequest
from videomae2.data.views import Size
from videomae2.engine.runtime import Runtime
from videomae2.errors import VideoError
from videomae2.jobs.probe.encoding import SHRINKING, encode, read_videos
from videomae2.jobs.probe.progress import Progress
from videomae2.jobs.probe.store import FeatureStore, is_complete
from videomae2.jobs.trainer import reading_processes
from videomae2.models.frozen import Frozen
from videomae2.tensors.grid import Grid

Say = Callable[[str], None]

_FORMAT = 2  # of what is on disk, and of how clips are cut: 1 cut the largest box, then resized


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What the disk holds of a list; large arrays stay there until they are read."""

    pooled: NDArray[np.float32]
    """[videos, 2, dim]: mean of all tokens, without and with the closing norm."""
    tokens: NDArray[np.float16] | None
    """[videos, tokens, dim]"""
    is_read: Bool[np.ndarray, " videos"]
    unreadable: dict[int, str]
    """Row of the list, and why."""
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """How features are made; the same for both lists."""

    frozen: Frozen
    runtime: Runtime
    clips: int
    batch: int
    kept: Grid | None
    """Grid of the tokens that are kept of each clip; None keeps none."""
    cache: Path
    workers: int | None
    say: Say

    @property
    def tokens_per_video(self) -> int | None:
        """How many are kept."""
        return None if self.kept is None else self.clips * int(np.prod(self.kept))

    @property
    def size(self) -> Size:
        """Height and width of a clip in pixels."""
        cubes = self.frozen.encoder.cubes
        return cubes.height, cubes.width

    def of(self, manifest: Manifest, shape: GridShape, name: str) -> Features:
        """Give the features of all videos of a list.

        Args:
            manifest: The list.
            shape: Its clips.
            name: What the list is called in the lines about the progress.

        Raises:
            ConfigError: Features cannot be kept.
        """
        key, kept = self._key(manifest, shape), self.kept
        if kept is None:  # features with tokens serve as well
            ready = (
                f for f in sorted(self.cache.glob(f"{key}-*")) if is_complete(f, len(manifest))
            )
            folder = next(ready, self.cache / f"{key}-pooled")
        else:
            folder = self.cache / f"{key}-{'x'.join(map(str, kept))}"
        dim = self.frozen.encoder.config.shape.dim
        with FeatureStore(
            folder, videos=len(manifest), dim=dim, tokens=self.tokens_per_video
        ) as store:
            if store.is_complete:
                self.say(f"features {name}: {len(manifest)} videos, from {folder}")
            else:
                self._fill(store, manifest, shape, name)
            is_read = np.ones(len(manifest), dtype=bool)
            is_read[list(store.unreadable)] = False
            return Features(
                pooled=store.pooled,
                tokens=store.tokens,
                is_read=is_read,
                unreadable=store.unreadable,
                folder=folder,
            )

    def _fill(self, store: FeatureStore, manifest: Manifest, shape: GridShape, name: str) -> None:
        loading = LoadingConfig(workers=self.workers)
        first = store.done
        requests = (ViewsRequest(manifest[row], shape) for row in range(first, len(manifest)))
        progress = Progress(f"features {name}:", "videos", len(manifest), self.say, first=first)
        with Pool(
            READ_VIEWS,
            workers=reading_processes(loading.workers, self.runtime),
            deadline_seconds=loading.deadline_seconds,
            memory_bytes=int(loading.memory_gib * 2**30),
        ) as pool:
            for found in read_videos(requests, pool, self.size, self.runtime.device):
                if isinstance(found, VideoError):
                    store.leave_out(found.reason)
                else:
                    made = encode(
                        self.frozen, found, self.runtime, batch=self.batch, kept=self.kept
                    )
                    tokens = None if made.tokens is None else made.tokens.numpy()
                    store.put(made.pooled.numpy(), tokens)
                progress(store.done)

    def _key(self, manifest: Manifest, shape: GridShape) -> str:
        """Name everything that features depend on: weights, videos, and what is seen of them."""
        seen = {
            "format": _FORMAT,
            "weights": self.frozen.digest,
            "list": manifest.digest(),
            "files": _files_digest(manifest),
            "shape": asdict(shape),
            "size": self.size,
            "shrinking": SHRINKING,
            "precision": self.runtime.precision,
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def _files_digest(manifest: Manifest) -> str:
    """Size and time of every file, so that a video that was replaced is read anew."""
    content = hashlib.sha256()
    for entry in manifest:
        try:
            found = os.stat(entry.path)
            content.update(f"{found.st_size} {found.st_mtime_ns}\n".encode())
        except OSError:
            content.update(b"-\n")
    return content.hexdigest()
