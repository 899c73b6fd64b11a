"""Frozen features of a labelled list: from the disk where they are there, else from its videos.

Axes: videos; clips; slots = cubes along time, of all clips one after the other; kinds = without and
with the closing norm; tokens; dim; grid = cubes along time, row, col.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray

from videomae2.base.progress import track
from videomae2.base.provenance import compute_digest
from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ClipPixels, ImageSize, read_videos
from videomae2.errors import Interrupted, VideoError
from videomae2.inference.feature_store import (
    ArraySpec,
    FeatureStore,
    count_video_bytes,
    is_complete,
)
from videomae2.models.attentive_probe import standardize_tokens
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid, pool_tokens
from videomae2.training.runtime import Runtime, resolve_num_workers

_logger = logging.getLogger(__name__)

_FORMAT = 3  # of what is on disk, and of how clips are cut: 1 cut the largest box, then resized
MEAN, SLOTS, TOKENS = "mean", "slots", "tokens"
"""Names of the arrays: [kinds, dim], [kinds, slots, dim] and [tokens, dim] of each video."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFeatures:
    """Which features of a video are kept, beside the mean over all tokens."""

    slots: bool = False
    """The means of the time slots."""
    grid: Grid | None = None
    """Grid of the tokens of each clip; None keeps none."""

    @property
    def name(self) -> str:
        """The end of the name of a folder that has them."""
        grid = "" if self.grid is None else "-" + "x".join(map(str, self.grid))
        return f"{SLOTS if self.slots else MEAN}{grid}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureExtractor:
    """How features are made; the same for both lists."""

    frozen: FrozenEncoder
    runtime: Runtime
    clips: int
    batch_size: int
    kept: KeptFeatures
    cache_dir: Path
    reading: ReadingConfig

    def resolve_cache(self, manifest: Manifest, views: ViewSpec) -> tuple[Path, KeptFeatures]:
        """Where the features of a list are kept, and which.

        A folder that has more serves those who want less.
        """
        key, wanted = self._compute_key(manifest, views), self.kept
        for slots in (True, False) if not wanted.slots else (True,):
            for folder in sorted(self.cache_dir.glob(f"{key}-{SLOTS if slots else MEAN}*")):
                grid = _parse_grid(folder.name.removeprefix(key).split("-")[2:])
                is_enough = wanted.grid in (None, grid)
                kept = KeptFeatures(slots=slots, grid=grid)
                if is_enough and kept != wanted and is_complete(folder, len(manifest)):
                    return folder, kept
        return self.cache_dir / f"{key}-{wanted.name}", wanted

    def estimate_bytes(self, videos: int, kept: KeptFeatures) -> int:
        """How much room the features of so many videos take."""
        return videos * count_video_bytes(self._list_arrays(kept))

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> FeatureStore:
        """Give the store that has the features of all videos of a list.

        Raises:
            ConfigError: Features cannot be kept.
            Interrupted: When asked to stop; what is extracted is kept.
        """
        folder, kept = self.resolve_cache(manifest, views)
        cubes = self.frozen.encoder.cubes

        def encode(clips: ClipPixels) -> Mapping[str, NDArray[Any]]:
            return encode_video(
                self.frozen, clips, self.runtime, batch_size=self.batch_size, kept=kept
            )

        with FeatureStore(folder, videos=len(manifest), specs=self._list_arrays(kept)) as store:
            fill_store(
                store,
                manifest,
                views,
                encode,
                size=(cubes.height, cubes.width),
                reading=self.reading,
                runtime=self.runtime,
                name=name,
            )
        return store

    def _list_arrays(self, kept: KeptFeatures) -> Mapping[str, ArraySpec]:
        cubes, dim = self.frozen.encoder.cubes, self.frozen.encoder.config.shape.embed_dim
        arrays: dict[str, ArraySpec] = {MEAN: ((2, dim), np.float32)}
        if kept.slots:
            arrays[SLOTS] = ((2, self.clips * cubes.grid[0], dim), np.float32)
        if kept.grid is not None:
            arrays[TOKENS] = ((self.clips * int(np.prod(kept.grid)), dim), np.float16)
        return arrays

    def _compute_key(self, manifest: Manifest, views: ViewSpec) -> str:
        """Name everything that features depend on: weights, videos, and what is seen of them.

        Limits of time and memory are no part of it: a video above one has no features.
        """
        cubes = self.frozen.encoder.cubes
        fields = {
            "format": _FORMAT,
            "weights": self.frozen.digest,
            "list": manifest.digest(),
            "files": compute_files_digest(manifest),
            "views": views.to_provenance(),
            "size": [cubes.height, cubes.width],
            "precision": self.runtime.precision,
        }
        return compute_digest(fields)


def _parse_grid(parts: list[str]) -> Grid | None:
    if not parts:
        return None
    time, row, col = map(int, parts[0].split("x"))
    return time, row, col


def fill_store(
    store: FeatureStore,
    manifest: Manifest,
    views: ViewSpec,
    encode: Callable[[ClipPixels], Mapping[str, NDArray[Any]]],
    *,
    size: ImageSize,
    reading: ReadingConfig,
    runtime: Runtime,
    name: str,
) -> None:
    """Extract what a store has not, until it is there or somebody asks to stop.

    Raises:
        Interrupted: When asked to stop; what is extracted is kept.
    """
    rows, total, origin = store.pending(), len(manifest), "from"
    if rows:
        requests = (ViewsRequest(manifest[row], views) for row in rows)
        num_workers = resolve_num_workers(reading.num_workers, runtime)
        with (
            SignalHandler() as stop_signal,
            reading.pool(READ_VIEWS, num_workers=num_workers) as pool,
            track(f"features {name}", total=total, done=total - len(rows)) as progress,
        ):
            video_clips = read_videos(requests, pool, size, runtime.device)
            for row, clips in zip(rows, video_clips, strict=True):
                if isinstance(clips, VideoError):
                    store.mark_unreadable(row, clips.reason)
                else:
                    store.write(row, encode(clips))
                progress.advance()
                if stop_signal.stop_signal is not None:
                    num_done = total - len(store.pending())
                    raise Interrupted(
                        f"stopped by {stop_signal.stop_signal.name}; the features of {num_done} of "
                        f"{format_count(total, 'video')} kept; the same command goes on"
                    )
        # what cannot be read was pending, and is again
        origin = f"{len(rows) - len(store.unreadable)} extracted to"
    _logger.info(f"features {name}: {format_count(total, 'video')}, {origin} {store.folder}")


def compute_files_digest(manifest: Manifest) -> str:
    """Size and time of every file, so that a video that was replaced is read anew."""
    content, stat_of = hashlib.sha256(), cache(file_stat)  # windows share their file
    for entry in manifest:
        stat_text = " ".join(map(str, stat_of(entry.path)))
        content.update(f"{stat_text or '-'}\n".encode())
    return content.hexdigest()


@torch.no_grad()
def encode_video(
    frozen: FrozenEncoder,
    clips: ClipPixels,
    runtime: Runtime,
    *,
    batch_size: int,
    kept: KeptFeatures,
) -> dict[str, NDArray[Any]]:
    """Encode all clips of a video.

    The encoder and the clips are on the runtime's device, and ``batch_size`` clips are encoded at
    once. The sides of ``kept.grid``, to which tokens are averaged, divide those of the encoder's.

    Returns:
        ``mean`` over all tokens of all clips, float32 [kinds, dim]; ``slots``, the means of the
        time slots of clip after clip, float32 [kinds, slots, dim]; and ``tokens``, standardised one
        by one, clip after clip, float16 [tokens, dim], which they cannot leave.
    """
    means, slots, tokens, cubes = [], [], [], frozen.encoder.cubes
    for clip_batch in clips.split(batch_size):
        with runtime.autocast():
            clip_tokens = frozen.encode(clip_batch).float()
        means.append(frozen.pool(clip_tokens))
        if kept.slots:
            slots.append(frozen.pool_slots(clip_tokens))
        if kept.grid is not None:
            coarse = pool_tokens(clip_tokens, cubes.grid, kept.grid)
            tokens.append(standardize_tokens(coarse).half())
    features = {MEAN: torch.cat(means).mean(dim=0)}
    if slots:
        pattern = "clips kinds slots dim -> kinds (clips slots) dim"
        features[SLOTS] = rearrange(torch.cat(slots), pattern)
    if tokens:
        features[TOKENS] = torch.cat(tokens).flatten(0, 1)
    return {name: values.cpu().numpy() for name, values in features.items()}
