"""Features of a labelled list: from the disk where they are there already, else from its videos.

Axes: videos; kinds; tokens; dim.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from videomae2.data.loading import TRIES
from videomae2.data.manifest import Manifest
from videomae2.data.pool import Pool
from videomae2.data.readers import ReadLimits
from videomae2.data.sources import LoadingConfig
from videomae2.data.stamps import stamp
from videomae2.data.view_reading import READ_VIEWS, GridShape, ViewsRequest
from videomae2.data.views import Size
from videomae2.engine.runtime import Runtime
from videomae2.engine.signals import Wishes
from videomae2.errors import Interrupted, VideoError
from videomae2.jobs.probe.encoding import SHRINKING, encode, read_videos
from videomae2.jobs.probe.progress import Progress
from videomae2.jobs.probe.store import FeatureStore, was_finished
from videomae2.jobs.trainer import reading_processes
from videomae2.models.frozen import Frozen
from videomae2.tensors.grid import Grid

Say = Callable[[str], None]

_FORMAT = 2  # of what is on disk, and of how clips are cut: 1 cut the largest box, then resized


@dataclass(frozen=True, slots=True)
class Place:
    """Where features are kept, and which tokens of a clip with them."""

    folder: Path
    kept: Grid | None


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
    loading: LoadingConfig
    say: Say

    def place_of(self, manifest: Manifest, shape: GridShape) -> "Place":
        """Where the features of a list are kept; those with tokens serve those who want none."""
        key = self._key(manifest, shape)
        if self.kept is not None:
            return Place(self.cache / f"{key}-{'x'.join(map(str, self.kept))}", self.kept)
        for folder in sorted(self.cache.glob(f"{key}-*x*x*")):
            if was_finished(folder, len(manifest)):
                time, row, col = map(int, folder.name.removeprefix(f"{key}-").split("x"))
                return Place(folder, (time, row, col))
        return Place(self.cache / f"{key}-pooled", None)

    def bytes_of(self, videos: int, kept: Grid | None) -> int:
        """How much room the features of so many videos take."""
        dim = self.frozen.encoder.config.shape.dim
        return videos * dim * (2 * 4 + 2 * (self._tokens(kept) or 0))

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
            Interrupted: When asked to stop; what is extracted is kept.
        """
        place, dim = self.place_of(manifest, shape), self.frozen.encoder.config.shape.dim
        videos, tokens = len(manifest), self._tokens(place.kept)
        with FeatureStore(place.folder, videos=videos, dim=dim, tokens=tokens) as store:
            if left := store.left():
                self._fill(store, left, manifest, shape, place.kept, name)
            else:
                self.say(f"features {name}: {videos} videos, from {place.folder}")
            is_read = np.ones(videos, dtype=bool)
            is_read[list(store.unreadable)] = False
            return Features(
                pooled=store.pooled,
                tokens=store.tokens,
                is_read=is_read,
                unreadable=dict(sorted(store.unreadable.items())),
                folder=place.folder,
            )

    def _fill(
        self,
        store: FeatureStore,
        rows: Sequence[int],
        manifest: Manifest,
        shape: GridShape,
        kept: Grid | None,
        name: str,
    ) -> None:
        """Extract what a store has not, until it is there or somebody asks to stop."""
        title, total = f"features {name}:", len(manifest)
        progress = Progress(title, "videos", total, self.say, first=total - len(rows))
        requests = (ViewsRequest(manifest[row], shape) for row in rows)
        with Wishes() as wishes, self._pool() as pool:
            answers = read_videos(requests, pool, self.size, self.runtime.device)
            for number, (row, found) in enumerate(zip(rows, answers, strict=True), 1):
                if isinstance(found, VideoError):
                    store.leave_out(row, found.reason)
                else:
                    made = encode(self.frozen, found, self.runtime, batch=self.batch, kept=kept)
                    tokens = None if made.tokens is None else made.tokens.numpy()
                    store.put(row, made.pooled.numpy(), tokens)
                progress(total - len(rows) + number)
                if wishes.stop is not None:
                    there = total - len(store.left())
                    raise Interrupted(
                        f"stopped by {wishes.stop.name}; the features of {there} of {total} videos "
                        f"are kept, and the same command goes on"
                    )

    def _pool(self) -> Pool:
        return Pool(
            READ_VIEWS,
            workers=reading_processes(self.loading.workers, self.runtime),
            deadline_seconds=self.loading.deadline_seconds,
            memory_bytes=int(self.loading.memory_gib * 2**30),
            tries=TRIES,
        )

    def _tokens(self, kept: Grid | None) -> int | None:
        """How many are kept of each video."""
        return None if kept is None else self.clips * int(np.prod(kept))

    def _key(self, manifest: Manifest, shape: GridShape) -> str:
        """Name everything that features depend on: weights, videos, and what is seen of them.

        What reading may cost is no part of it: a video above a limit has no features.
        """
        seen = {
            "format": _FORMAT,
            "weights": self.frozen.digest,
            "list": manifest.digest(),
            "files": files_digest(manifest),
            "shape": asdict(replace(shape, limits=ReadLimits())),
            "size": self.size,
            "shrinking": SHRINKING,
            "precision": self.runtime.precision,
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def files_digest(manifest: Manifest) -> str:
    """Size and time of every file, so that a video that was replaced is read anew."""
    content, stamp_of = hashlib.sha256(), cache(stamp)  # windows share their file
    for entry in manifest:
        marks = " ".join(map(str, stamp_of(entry.path)))
        content.update(f"{marks or '-'}\n".encode())
    return content.hexdigest()
