"""Views made on the device: cut, resized and mirrored uint8 clips.

Axes: frames, height, width, channels; batch = videos times views.
"""

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from videomae2.data.batches import CPUBatch, Sample
from videomae2.data.crops import Box
from videomae2.tensors.clips import Clips
from videomae2.tensors.moving import to_device

ImageSize = tuple[int, int]


def make_clips(
    batch: CPUBatch, size: ImageSize, frames: int, channels: int, device: torch.device
) -> Clips:
    """Bring a batch to the device and make its clips there.

    Args:
        batch: What was read; a hole becomes black clips of weight 0.
        size: Height and width of a clip in pixels.
        frames: Frames of a clip.
        channels: Channels of a pixel.
        device: Where to.
    """
    views = len(batch.keys) // len(batch.samples)
    clips = torch.empty(
        (len(batch.keys), frames, *size, channels), dtype=torch.uint8, device=device
    )
    weights = torch.ones(len(batch.keys))
    for number, sample in enumerate(batch.samples):
        rows = slice(number * views, (number + 1) * views)
        if sample is None:
            clips[rows] = 0
            weights[rows] = 0
        else:
            _fill_views(clips[rows], sample, device)
    keys = torch.tensor(batch.keys, dtype=torch.int64)
    return Clips(clips, to_device(keys, device), to_device(weights, device))


def crop_and_resize(
    frames: UInt8[Tensor, "frames height width channels"], box: Box, size: ImageSize, *, flip: bool
) -> UInt8[Tensor, "frames out_height out_width channels"]:
    """Cut a box out of every frame and resize it: bilinear, antialiased, rounded."""
    top, left, height, width = box
    part = frames[:, top : top + height, left : left + width].permute(0, 3, 1, 2)
    part = part.contiguous(memory_format=torch.channels_last)
    if (height, width) != size:
        part = resize(part, size)
    if flip:
        part = part.flip(3)
    return part.permute(0, 2, 3, 1)


def resize(
    x: UInt8[Tensor, "frames channels height width"], size: ImageSize
) -> UInt8[Tensor, "frames channels out_height out_width"]:
    """Bilinear with antialiasing; on CUDA through floats, where there is no uint8 kernel."""
    if x.device.type == "cpu":
        return F.interpolate(x, size=size, mode="bilinear", antialias=True)
    y = F.interpolate(x.float(), size=size, mode="bilinear", antialias=True)
    return y.round_().clamp_(0, 255).to(torch.uint8)


def _fill_views(clips: Tensor, sample: Sample, device: torch.device) -> None:
    """Write all views of one video."""
    pixels = sample.pixels.to(device, non_blocking=True)
    frame_index = sample.frame_index
    if len(frame_index) != len(pixels):  # a short video repeats frames
        pixels = pixels[to_device(frame_index, device)]
    for clip, box, flip in zip(clips, sample.boxes, sample.flips, strict=True):
        clip.copy_(crop_and_resize(pixels, box, (clip.shape[1], clip.shape[2]), flip=flip))
