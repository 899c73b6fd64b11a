"""Moving pictures for tests, and Pillow's operations on each of their frames."""

import numpy as np
import torch
from PIL import Image


def clips(batch=2, frames=2, height=44, width=60, channels=3, seed=0):
    """Smooth coloured clips with some noise, flat areas and both extreme values."""
    rng = np.random.default_rng(seed)
    small = torch.tensor(rng.uniform(-60, 315, (batch * frames, channels, 6, 7)))
    big = torch.nn.functional.interpolate(small, (height, width), mode="bicubic")
    big = big + torch.tensor(rng.normal(0, 6, big.shape))
    big[..., :8, :9] = 201
    shape = (batch, frames, channels, height, width)
    return big.clamp(0, 255).byte().view(shape).permute(0, 1, 3, 4, 2).contiguous()


def each_frame(x, change):
    """``change(image, clip number)`` for every frame, as uint8 [batch, frames, …]."""
    return torch.tensor(
        np.stack(
            [
                np.stack([np.asarray(change(Image.fromarray(f), n)) for f in clip])
                for n, clip in enumerate(x.numpy())
            ]
        )
    )
