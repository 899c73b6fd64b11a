"""Views made on the device: cut, resized and mirrored uint8 clips.

In training: a batch of videos times views. At test time: all views of a video, from frames that
were read once.

Axes: frames (of a clip), height, width, channels; batch = videos times views; union = the different
frames of all clips; views = clips x crops, all crops of the first clip first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int64, UInt8
from torch import Tensor

from videomae2.data.loading.batch import CPUBatch, Sample
from videomae2.data.views.crops import Box, compute_cover_size, list_crop_boxes
from videomae2.data.views.requests import ViewsRequest, find_unique_views, list_views
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoError
from videomae2.tensors.clips import Clips, to_device

ImageSize = tuple[int, int]
ClipPixels = UInt8[Tensor, "clips frames height width channels"]


def make_clips(
    batch: CPUBatch, size: ImageSize, frames: int, channels: int, device: torch.device
) -> Clips:
    """Make the clips of a batch on the device; a hole becomes black clips of weight 0."""
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


_CHUNK_FRAMES = 32  # frames resized together: bounds the memory of floats on the device


@dataclass(frozen=True, slots=True, eq=False)
class ResizedVideo:
    """The frames of a video at the size that crops are cut from, on the device."""

    frames: UInt8[Tensor, "union height width channels"]
    frame_index: Int64[Tensor, "clips frames"]
    boxes: list[Box]
    """Of the crops."""

    @property
    def num_views(self) -> int:
        """How many views it has."""
        return len(self.frame_index) * len(self.boxes)

    def cut_view(self, number: int) -> UInt8[Tensor, "frames crop_height crop_width channels"]:
        """Cut one view out, into memory of its own."""
        clip, crop = list_views(len(self.frame_index), len(self.boxes))[number]
        top, left, height, width = self.boxes[crop]
        part = self.frames[:, top : top + height, left : left + width]
        return part[self.frame_index[clip]]

    def find_unique_views(self) -> tuple[list[int], Int64[np.ndarray, " views"]]:
        """Its views that differ, and which of them each view is; waits for the device."""
        return find_unique_views(self.frame_index.cpu().numpy(), self.boxes)


def resize_to_cover(
    frames: UInt8[np.ndarray, "union height width channels"],
    frame_index: Int64[np.ndarray, "clips frames"],
    size: ImageSize,
    *,
    crops: int,
    antialias: bool,
    device: torch.device,
) -> ResizedVideo:
    """Bring frames to the device and resize them until they just cover the model's input.

    The result shares no memory with ``frames``, each of which some view needs.

    Resized with antialiasing, as training does here, or bilinear between the four nearest pixels
    even where frames shrink, as the released code does. Crops are of each clip, along the longer
    side.
    """
    height, width = compute_cover_size(frames.shape[1], frames.shape[2], size)
    shape = (len(frames), height, width, frames.shape[3])
    resized = torch.empty(shape, dtype=torch.uint8, device=device)
    for first in range(0, len(frames), _CHUNK_FRAMES):
        part = torch.from_numpy(frames[first : first + _CHUNK_FRAMES]).to(device)
        resized[first : first + _CHUNK_FRAMES] = _resize_frames(part, (height, width), antialias)
    boxes = list_crop_boxes(height, width, size, crops=crops)
    return ResizedVideo(resized, torch.from_numpy(frame_index.copy()).to(device), boxes)


def iterate_view_batches(
    videos: list[ResizedVideo | None], views_per_video: int, *, batch_size: int
) -> Iterator[UInt8[Tensor, "batch frames height width channels"]]:
    """Yield the views of some videos, ``batch_size`` at a time, in order.

    A video that could not be read leaves black views, so that what stands beside them is computed
    the same way, to the bit, as if it had been read. One at least is there.
    """
    first_video = next(video for video in videos if video is not None)
    black = torch.zeros_like(first_video.cut_view(0))
    count = len(videos) * views_per_video
    for first in range(0, count, batch_size):
        positions = [
            divmod(i, views_per_video) for i in range(first, min(first + batch_size, count))
        ]
        pairs = ((videos[number], view) for number, view in positions)
        yield torch.stack([black if video is None else video.cut_view(i) for video, i in pairs])


def _resize_frames(
    frames: UInt8[Tensor, "some height width channels"], size: ImageSize, antialias: bool
) -> UInt8[Tensor, "some out_height out_width channels"]:
    if tuple(frames.shape[1:3]) == size:
        return frames
    x = frames.permute(0, 3, 1, 2)
    if antialias:
        y = resize(x.contiguous(memory_format=torch.channels_last), size)
    else:
        y = F.interpolate(x.float(), size=size, mode="bilinear").round_().to(torch.uint8)
    return y.permute(0, 2, 3, 1)


def read_videos(
    requests: Iterable[ViewsRequest], pool: Pool, size: ImageSize, device: torch.device
) -> Iterator[ClipPixels | VideoError]:
    """Read the clips of each video in order; a video that cannot be read gives its error."""
    for result in pool.map(requests):
        if result.arrays is None:
            assert result.error is not None
            yield result.error
            continue
        video = resize_to_cover(
            result.arrays["frames"],
            result.arrays["frame_index"],
            size,
            crops=1,
            antialias=result.request.spec.antialias,
            device=device,
        )
        yield torch.stack([video.cut_view(clip) for clip in range(video.num_views)])
