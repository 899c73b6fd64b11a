"""Features of a labelled list: from the disk where they are there already, else from its videos.

Axes: videos; kinds; tokens; dim.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from videomae2.base.progress import track
from videomae2.base.provenance import compute_digest
from videomae2.base.signals import SignalHandler
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ImageSize
from videomae2.errors import Interrupted, VideoError
from videomae2.inference.encoding import encode_video, read_videos
from videomae2.inference.store import FeatureStore, is_complete
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid
from videomae2.training.runtime import Runtime, resolve_num_workers

_logger = logging.getLogger(__name__)

_FORMAT = 2  # of what is on disk, and of how clips are cut: 1 cut the largest box, then resized


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """Where features are kept, and which tokens of a clip with them."""

    folder: Path
    stored_grid: Grid | None


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
class FeatureExtractor:
    """How features are made; the same for both lists."""

    frozen: FrozenEncoder
    runtime: Runtime
    clips: int
    batch_size: int
    stored_grid: Grid | None
    """Grid of the tokens that are kept of each clip; None keeps none."""
    cache_dir: Path
    reading: ReadingConfig

    def resolve_cache(self, manifest: Manifest, view_spec: ViewSpec) -> "FeatureCache":
        """Where the features of a list are kept; those with tokens serve those who want none."""
        key = self._compute_key(manifest, view_spec)
        if self.stored_grid is not None:
            return FeatureCache(
                self.cache_dir / f"{key}-{'x'.join(map(str, self.stored_grid))}", self.stored_grid
            )
        for folder in sorted(self.cache_dir.glob(f"{key}-*x*x*")):
            if is_complete(folder, len(manifest)):
                time, row, col = map(int, folder.name.removeprefix(f"{key}-").split("x"))
                return FeatureCache(folder, (time, row, col))
        return FeatureCache(self.cache_dir / f"{key}-pooled", None)

    def estimate_bytes(self, videos: int, stored_grid: Grid | None) -> int:
        """How much room the features of so many videos take."""
        dim = self.frozen.encoder.config.shape.embed_dim
        return videos * dim * (2 * 4 + 2 * (self._count_tokens(stored_grid) or 0))

    @property
    def size(self) -> ImageSize:
        """Height and width of a clip in pixels."""
        cubes = self.frozen.encoder.cubes
        return cubes.height, cubes.width

    def extract(self, manifest: Manifest, view_spec: ViewSpec, name: str) -> Features:
        """Give the features of all videos of a list.

        Args:
            manifest: The list.
            view_spec: Its clips.
            name: What the list is called in the lines about the progress.

        Raises:
            ConfigError: Features cannot be kept.
            Interrupted: When asked to stop; what is extracted is kept.
        """
        feature_cache, dim = (
            self.resolve_cache(manifest, view_spec),
            self.frozen.encoder.config.shape.embed_dim,
        )
        videos, tokens = len(manifest), self._count_tokens(feature_cache.stored_grid)
        with FeatureStore(feature_cache.folder, videos=videos, dim=dim, tokens=tokens) as store:
            if pending := store.pending():
                self._fill(store, pending, manifest, view_spec, feature_cache.stored_grid, name)
            origin = f"{len(pending)} extracted to" if pending else "from"
            _logger.info(f"features {name}: {videos} videos, {origin} {feature_cache.folder}")
            is_read = np.ones(videos, dtype=bool)
            is_read[list(store.unreadable)] = False
            return Features(
                pooled=store.pooled,
                tokens=store.tokens,
                is_read=is_read,
                unreadable=dict(sorted(store.unreadable.items())),
                folder=feature_cache.folder,
            )

    def _fill(
        self,
        store: FeatureStore,
        rows: Sequence[int],
        manifest: Manifest,
        view_spec: ViewSpec,
        stored_grid: Grid | None,
        name: str,
    ) -> None:
        """Extract what a store has not, until it is there or somebody asks to stop."""
        total = len(manifest)
        requests = (ViewsRequest(manifest[row], view_spec) for row in rows)
        num_workers = resolve_num_workers(self.reading.num_workers, self.runtime)
        with (
            SignalHandler() as stop_signal,
            self.reading.pool(READ_VIEWS, num_workers=num_workers) as pool,
            track(f"features {name}", total=total, done=total - len(rows)) as progress,
        ):
            video_clips = read_videos(requests, pool, self.size, self.runtime.device)
            for row, clips in zip(rows, video_clips, strict=True):
                if isinstance(clips, VideoError):
                    store.mark_unreadable(row, clips.reason)
                else:
                    features = encode_video(
                        self.frozen,
                        clips,
                        self.runtime,
                        batch_size=self.batch_size,
                        stored_grid=stored_grid,
                    )
                    tokens = None if features.tokens is None else features.tokens.numpy()
                    store.write(row, features.pooled.numpy(), tokens)
                progress.advance()
                if stop_signal.stop_signal is not None:
                    num_done = total - len(store.pending())
                    raise Interrupted(
                        f"stopped by {stop_signal.stop_signal.name}; the features of {num_done} of "
                        f"{total} videos are kept, and the same command goes on"
                    )

    def _count_tokens(self, stored_grid: Grid | None) -> int | None:
        """How many are kept of each video."""
        return None if stored_grid is None else self.clips * int(np.prod(stored_grid))

    def _compute_key(self, manifest: Manifest, view_spec: ViewSpec) -> str:
        """Name everything that features depend on: weights, videos, and what is seen of them.

        Limits of time and memory are no part of it: a video above one has no features.
        """
        fields = {
            "format": _FORMAT,
            "weights": self.frozen.digest,
            "list": manifest.digest(),
            "files": compute_files_digest(manifest),
            "views": view_spec.to_provenance(),
            "size": self.size,
            "precision": self.runtime.precision,
        }
        return compute_digest(fields)


def compute_files_digest(manifest: Manifest) -> str:
    """Size and time of every file, so that a video that was replaced is read anew."""
    content, stamp_of = hashlib.sha256(), cache(file_stat)  # windows share their file
    for entry in manifest:
        stat_text = " ".join(map(str, stamp_of(entry.path)))
        content.update(f"{stat_text or '-'}\n".encode())
    return content.hexdigest()
