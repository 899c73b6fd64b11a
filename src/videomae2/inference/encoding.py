"""Videos of a list → frozen features, each video decoded once, a few in memory at a time.

Axes: clips, frames, height, width, channels; kinds; tokens; dim; grid = cubes along time, row, col.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import find_without_timestamps
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ImageSize, resize_to_cover
from videomae2.data.workers.pool import Pool
from videomae2.data.workers.worker import Result
from videomae2.errors import ConfigError, VideoError
from videomae2.models.attentive_probe import standardize_tokens
from videomae2.models.weights.config_json import (
    FrameSampling,
)
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors import grid as grids
from videomae2.tensors.grid import Cubes, Grid
from videomae2.training.runtime import Runtime

ClipPixels = UInt8[Tensor, "clips frames height width channels"]


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """What is kept of one video, on the CPU."""

    pooled: Float[Tensor, "kinds dim"]
    """Mean over all tokens of all clips, without and with the closing norm; float32."""
    tokens: Float[Tensor, "tokens dim"] | None
    """Standardised one by one, clip after clip; float16, which they cannot leave."""


def read_videos(
    requests: Iterable[ViewsRequest], pool: Pool, size: ImageSize, device: torch.device
) -> Iterator[ClipPixels | VideoError]:
    """Read the clips of each video in order; a video that cannot be read gives its error.

    Args:
        requests: Videos, each with one crop per clip.
        pool: Reads them.
        size: Height and width of a clip in pixels.
        device: Where the clips are made.
    """
    for result in pool.map(requests):
        yield result.error or _make_clips(result, size, device)


def _make_clips(result: Result[ViewsRequest], size: ImageSize, device: torch.device) -> ClipPixels:
    assert result.arrays is not None
    frames, frame_index = result.arrays["frames"], result.arrays["frame_index"]
    antialias = result.request.spec.antialias
    video = resize_to_cover(frames, frame_index, size, crops=1, antialias=antialias, device=device)
    return torch.stack([video.cut_view(clip) for clip in range(video.num_views)])


def encode_video(
    frozen: FrozenEncoder,
    clips: ClipPixels,
    runtime: Runtime,
    *,
    batch_size: int,
    stored_grid: Grid | None,
) -> VideoFeatures:
    """Encode all clips of a video.

    Args:
        frozen: On the runtime's device.
        clips: There too.
        runtime: Says in which precision.
        batch_size: Clips at once.
        stored_grid: The grid to which tokens are averaged; its sides divide those of the encoder's
            grid. None keeps no tokens.
    """
    pooled, tokens = [], []
    for clip_batch in clips.split(batch_size):
        with torch.no_grad(), runtime.autocast():
            clip_tokens = frozen.encode(grids.split(clip_batch, frozen.encoder.cubes)).float()
        pooled.append(frozen.pool(clip_tokens))
        if stored_grid is not None:
            tokens.append(
                standardize_tokens(
                    pool_tokens(clip_tokens, frozen.encoder.cubes.grid, stored_grid)
                ).half()
            )
    return VideoFeatures(
        torch.cat(pooled).mean(dim=0).cpu(),
        torch.cat(tokens).flatten(0, 1).cpu() if tokens else None,
    )


def pool_tokens(
    tokens: Float[Tensor, "clips tokens dim"], grid: Grid, stored_grid: Grid
) -> Float[Tensor, "clips kept dim"]:
    """Average neighbouring tokens to a coarser grid."""
    if grid == stored_grid:
        return tokens
    time, row, col = grid
    x = rearrange(tokens, "b (t h w) d -> b d t h w", t=time, h=row, w=col)
    window = [there // here for there, here in zip(grid, stored_grid, strict=True)]
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


def build_view_spec(
    cubes: Cubes,
    sampling: FrameSampling,
    manifest: Manifest,
    *,
    clips: int,
    frame_rate: float | None = None,
    reading: ReadingConfig | None = None,
) -> ViewSpec:
    """What a reading process needs to know about the clips of a list; each shows its middle crop.

    Raises:
        ConfigError: The frame interval counts in seconds of what has no clock.
    """
    reading = reading or ReadingConfig()
    needs_clock = sampling.kind == "strided" and sampling.interval_unit != "frames"
    if needs_clock and frame_rate is None and find_without_timestamps(manifest) is not None:
        raise ConfigError(
            f"{manifest.source} has folders of images or arrays, which have no clock, and the "
            f"frame interval counts {sampling.interval_unit}; give --frame-rate, or "
            "--frame-interval in frames"
        )
    return ViewSpec(
        frame_sampling=sampling.kind,
        clips=clips,
        crops=1,
        frames=cubes.frames,
        channels=cubes.channels,
        frame_interval=sampling.frame_interval,
        interval_unit=sampling.interval_unit,
        limits=reading.limits(),
        frame_name=manifest.frame_name,
        frame_rate=frame_rate,
    )
