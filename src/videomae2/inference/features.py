"""Frozen features of a labelled list: from the disk where they are there, else from its videos.

Axes: videos; clips; kinds = without and with the closing norm; tokens; dim; grid = cubes along
time, row, col.
"""

import hashlib
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from videomae2.base.progress import track
from videomae2.base.provenance import compute_digest
from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ClipPixels, read_videos
from videomae2.errors import Interrupted, VideoError
from videomae2.inference.feature_store import FeatureStore, is_complete
from videomae2.models.attentive_probe import standardize_tokens
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid
from videomae2.training.runtime import Runtime, resolve_num_workers

_logger = logging.getLogger(__name__)

_FORMAT = 2  # of what is on disk, and of how clips are cut: 1 cut the largest box, then resized


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

    def resolve_cache(self, manifest: Manifest, views: ViewSpec) -> tuple[Path, Grid | None]:
        """Where the features of a list are kept, and which tokens of a clip with them.

        Those with tokens serve those who want none.
        """
        key = self._compute_key(manifest, views)
        if self.stored_grid is not None:
            sides = "x".join(map(str, self.stored_grid))
            return self.cache_dir / f"{key}-{sides}", self.stored_grid
        for folder in sorted(self.cache_dir.glob(f"{key}-*x*x*")):
            if is_complete(folder, len(manifest)):
                time, row, col = map(int, folder.name.removeprefix(f"{key}-").split("x"))
                return folder, (time, row, col)
        return self.cache_dir / f"{key}-pooled", None

    def estimate_bytes(self, videos: int, stored_grid: Grid | None) -> int:
        """How much room the features of so many videos take."""
        dim = self.frozen.encoder.config.shape.embed_dim
        return videos * dim * (2 * 4 + 2 * (self._count_tokens(stored_grid) or 0))

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> FeatureStore:
        """Give the store that has the features of all videos of a list.

        Raises:
            ConfigError: Features cannot be kept.
            Interrupted: When asked to stop; what is extracted is kept.
        """
        folder, stored_grid = self.resolve_cache(manifest, views)
        videos, tokens = len(manifest), self._count_tokens(stored_grid)
        dim = self.frozen.encoder.config.shape.embed_dim
        with FeatureStore(folder, videos=videos, dim=dim, tokens=tokens) as store:
            origin = "from"
            if pending := store.pending():
                self._fill(store, manifest, views, stored_grid, name)
                # what cannot be read was pending, and is again
                origin = f"{len(pending) - len(store.unreadable)} extracted to"
            _logger.info(f"features {name}: {format_count(videos, 'video')}, {origin} {folder}")
        return store

    def _fill(
        self,
        store: FeatureStore,
        manifest: Manifest,
        views: ViewSpec,
        stored_grid: Grid | None,
        name: str,
    ) -> None:
        """Extract what a store has not, until it is there or somebody asks to stop."""
        rows, total, cubes = store.pending(), len(manifest), self.frozen.encoder.cubes
        requests = (ViewsRequest(manifest[row], views) for row in rows)
        num_workers = resolve_num_workers(self.reading.num_workers, self.runtime)
        with (
            SignalHandler() as stop_signal,
            self.reading.pool(READ_VIEWS, num_workers=num_workers) as pool,
            track(f"features {name}", total=total, done=total - len(rows)) as progress,
        ):
            size = (cubes.height, cubes.width)
            video_clips = read_videos(requests, pool, size, self.runtime.device)
            for row, clips in zip(rows, video_clips, strict=True):
                if isinstance(clips, VideoError):
                    store.mark_unreadable(row, clips.reason)
                else:
                    pooled, tokens = encode_video(
                        self.frozen,
                        clips,
                        self.runtime,
                        batch_size=self.batch_size,
                        stored_grid=stored_grid,
                    )
                    store.write(row, pooled.numpy(), None if tokens is None else tokens.numpy())
                progress.advance()
                if stop_signal.stop_signal is not None:
                    num_done = total - len(store.pending())
                    raise Interrupted(
                        f"stopped by {stop_signal.stop_signal.name}; the features of {num_done} of "
                        f"{format_count(total, 'video')} kept; the same command goes on"
                    )

    def _count_tokens(self, stored_grid: Grid | None) -> int | None:
        return None if stored_grid is None else self.clips * int(np.prod(stored_grid))

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
    stored_grid: Grid | None,
) -> tuple[Float[Tensor, "kinds dim"], Float[Tensor, "tokens dim"] | None]:
    """Encode all clips of a video.

    The encoder and the clips are on the runtime's device, and ``batch_size`` clips are encoded at
    once. The sides of ``stored_grid``, to which tokens are averaged, divide those of the encoder's
    grid; None keeps no tokens.

    Returns:
        On the CPU: the mean over all tokens of all clips, float32; and the tokens, standardised one
        by one, clip after clip, float16, which they cannot leave.
    """
    pooled, tokens, cubes = [], [], frozen.encoder.cubes
    for clip_batch in clips.split(batch_size):
        with runtime.autocast():
            clip_tokens = frozen.encode(clip_batch).float()
        pooled.append(frozen.pool(clip_tokens))
        if stored_grid is not None:
            coarse = pool_tokens(clip_tokens, cubes.grid, stored_grid)
            tokens.append(standardize_tokens(coarse).half())
    video_tokens = torch.cat(tokens).flatten(0, 1).cpu() if tokens else None
    return torch.cat(pooled).mean(dim=0).cpu(), video_tokens


def pool_tokens(
    tokens: Float[Tensor, "clips tokens dim"], grid: Grid, stored_grid: Grid
) -> Float[Tensor, "clips kept dim"]:
    """Average neighbouring tokens to a coarser grid."""
    if grid == stored_grid:
        return tokens
    time, row, col = grid
    x = rearrange(tokens, "b (t h w) d -> b d t h w", t=time, h=row, w=col)
    window = [side // kept for side, kept in zip(grid, stored_grid, strict=True)]
    return rearrange(F.avg_pool3d(x, window), "b d t h w -> b (t h w) d")


def pool_grid(grid: Grid, max_tokens: int) -> Grid:
    """Coarsen a grid by its smallest divisors, space before time, until it has few enough tokens.

    Raises:
        ValueError: Even one token is too much.
    """
    if max_tokens < 1:
        raise ValueError(f"at most {max_tokens} tokens, wanted 1 or more")
    time, row, col = grid
    while time * row * col > max_tokens:
        if row * col > max(1, time):
            row, col = row // _smallest_divisor(row), col // _smallest_divisor(col)
        else:
            time //= _smallest_divisor(time)
    return time, row, col


def _smallest_divisor(number: int) -> int:
    """The smallest one above 1; 1 for 1."""
    return next((d for d in range(2, number + 1) if number % d == 0), 1)
