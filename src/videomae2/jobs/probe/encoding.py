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

from videomae2.data.answers import Answer
from videomae2.data.pool import Pool
from videomae2.data.view_making import Shrinking, cover
from videomae2.data.view_reading import ViewsRequest
from videomae2.data.views import Size
from videomae2.engine.runtime import Runtime
from videomae2.errors import VideoError
from videomae2.models.attentive import standardised
from videomae2.models.frozen import Frozen
from videomae2.tensors import grid as grids
from videomae2.tensors.grid import Grid

Clips = UInt8[Tensor, "clips frames height width channels"]

SHRINKING: Shrinking = "antialiased"
"""How frames are resized: as in training here."""


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """What is kept of one video, on the CPU."""

    pooled: Float[Tensor, "kinds dim"]
    """Mean over all tokens of all clips, without and with the closing norm; float32."""
    tokens: Float[Tensor, "tokens dim"] | None
    """Standardised one by one, clip after clip; float16, which they cannot leave."""


def read_videos(
    requests: Iterable[ViewsRequest], pool: Pool, size: Size, device: torch.device
) -> Iterator[Clips | VideoError]:
    """Read the clips of each video in order; a video that cannot be read gives its error.

    Args:
        requests: Videos, each with one crop per clip.
        pool: Reads them.
        size: Height and width of a clip in pixels.
        device: Where the clips are made.
    """
    for answer in pool.map(requests):
        yield answer.error or _clips(answer, size, device)


def _clips(answer: Answer[ViewsRequest], size: Size, device: torch.device) -> Clips:
    assert answer.arrays is not None
    frames, place = answer.arrays["frames"], answer.arrays["place"]
    video = cover(frames, place, size, crops=1, shrinking=SHRINKING, device=device)
    return torch.stack([video.view(clip) for clip in range(video.views)])


def encode(
    frozen: Frozen, clips: Clips, runtime: Runtime, *, batch: int, kept: Grid | None
) -> VideoFeatures:
    """Encode all clips of a video.

    Args:
        frozen: On the runtime's device.
        clips: There too.
        runtime: Says in which precision.
        batch: Clips at once.
        kept: The grid to which tokens are averaged, of whose sides those of the encoder's are
            multiples; None keeps no tokens.
    """
    pooled, tokens = [], []
    for some in clips.split(batch):
        with torch.no_grad(), runtime.autocast():
            found = frozen.tokens(grids.split(some, frozen.encoder.cubes)).float()
        pooled.append(frozen.pooled(found))
        if kept is not None:
            tokens.append(standardised(averaged(found, frozen.encoder.cubes.grid, kept)).half())
    return VideoFeatures(
        torch.cat(pooled).mean(dim=0).cpu(),
        torch.cat(tokens).flatten(0, 1).cpu() if tokens else None,
    )


def averaged(
    tokens: Float[Tensor, "clips tokens dim"], grid: Grid, kept: Grid
) -> Float[Tensor, "clips kept dim"]:
    """Average neighbouring tokens to a coarser grid."""
    if grid == kept:
        return tokens
    time, row, col = grid
    x = rearrange(tokens, "b (t h w) d -> b d t h w", t=time, h=row, w=col)
    window = [there // here for there, here in zip(grid, kept, strict=True)]
    return rearrange(F.avg_pool3d(x, window), "b d t h w -> b (t h w) d")


def coarser(grid: Grid, most_tokens: int) -> Grid:
    """Coarsen a grid by its smallest divisors, space before time, until it has few enough tokens.

    Raises:
        ValueError: Even one token is too much.
    """
    if most_tokens < 1:
        raise ValueError(f"at most {most_tokens} tokens, wanted 1 or more")
    time, row, col = grid
    while time * row * col > most_tokens:
        if row * col > max(1, time):
            row, col = row // _divisor(row), col // _divisor(col)
        else:
            time //= _divisor(time)
    return time, row, col


def _divisor(number: int) -> int:
    """The smallest one above 1; 1 for 1."""
    return next((d for d in range(2, number + 1) if number % d == 0), 1)
