"""Samples gathered into the batches of a step, in (pinned) memory of the host.

Axes: frames, height, width, channels; a clip is one view of one video.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from videomae2.data.views.crops import Box
from videomae2.data.views.read import compute_view_key
from videomae2.data.views.requests import SampleRequest
from videomae2.data.workers.worker import Result
from videomae2.tensors.rng import to_int64


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read of one video: each needed frame once, and how views are made of them."""

    pixels: UInt8[Tensor, "frames height width channels"]
    frame_index: Int64[Tensor, " clip_frames"]
    boxes: Sequence[Box]
    flips: Sequence[bool]


@dataclass(slots=True)
class CPUBatch:
    """The samples that are on the device at once: a step, or a part of one."""

    samples: list[Sample | None] = field(default_factory=list)
    """None where a video could not be read."""
    keys: list[int] = field(default_factory=list)
    """One key per clip, as signed 64-bit integers; a video's views stand together."""
    paths: list[str] = field(default_factory=list)
    """The files, one per sample."""
    sample_ids: list[tuple[int, int]] = field(default_factory=list)
    """Source and number in its list, one per sample."""

    @property
    def num_unreadable(self) -> int:
        """How many samples could not be read."""
        return sum(sample is None for sample in self.samples)

    def add(
        self, request: SampleRequest, result: Result[SampleRequest] | None, *, pin: bool
    ) -> None:
        """Take a copy of an answer; None or an error leaves a hole."""
        views = range(request.spec.views)
        self.keys += [to_int64(compute_view_key(request.key, view)) for view in views]
        self.paths.append(request.path)
        self.sample_ids.append(request.sample_id)
        if result is None or result.arrays is None:
            self.samples.append(None)
            return
        frames, meta = result.arrays["frames"], result.meta
        # out of shared memory, which the next answer will overwrite
        pixels = torch.empty(frames.shape, dtype=torch.uint8, pin_memory=pin)
        pixels.numpy()[:] = frames
        frame_index = torch.tensor(meta["frame_index"])
        self.samples.append(Sample(pixels, frame_index, meta["boxes"], meta["flips"]))
