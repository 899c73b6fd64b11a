"""Samples gathered into the batches of a step, in (pinned) memory of the host.

Axes: frames, height, width, channels; a clip is one view of one video.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from videomae2.data.answers import Answer
from videomae2.data.crops import Box
from videomae2.data.worker import SampleRequest, view_key
from videomae2.tensors.draws import signed


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read of one video: each needed frame once, and how views are made of them."""

    pixels: UInt8[Tensor, "frames height width channels"]
    place: Int64[Tensor, " clip_frames"]
    boxes: Sequence[Box]
    flips: Sequence[bool]


@dataclass(frozen=True, slots=True)
class HostBatch:
    """The samples that are on the device at once: a step, or a part of one."""

    samples: Sequence[Sample | None]
    """None where a video could not be read."""
    keys: Sequence[int]
    """One key per clip, as signed 64-bit integers; a video's views stand together."""
    names: Sequence[str]
    """The files, one per sample."""
    places: Sequence[tuple[int, int]]
    """Source and number in its list, one per sample."""

    @property
    def unreadable(self) -> int:
        """How many samples could not be read."""
        return sum(sample is None for sample in self.samples)


@dataclass(slots=True)
class Gathering:
    """Fills a batch, sample by sample."""

    pin: bool
    samples: list[Sample | None] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    def add(self, request: SampleRequest, answer: Answer[SampleRequest] | None) -> None:
        """Take a copy of an answer; None or an error leaves a hole."""
        views = range(request.shape.views)
        self.keys += [signed(view_key(request.key, view)) for view in views]
        self.names.append(request.path)
        self.places.append(request.place)
        read = answer is not None and answer.arrays is not None
        self.samples.append(_copy(answer, pin=self.pin) if read and answer else None)

    def finish(self) -> HostBatch:
        """The batch as it is."""
        return HostBatch(self.samples, self.keys, self.names, self.places)


def _copy(answer: Answer[SampleRequest], *, pin: bool) -> Sample:
    """Out of shared memory, which the next answer will overwrite."""
    assert answer.arrays is not None
    frames = answer.arrays["frames"]
    pixels = torch.empty(frames.shape, dtype=torch.uint8, pin_memory=pin)
    pixels.numpy()[:] = frames
    meta = answer.meta
    return Sample(pixels, torch.tensor(meta["place"]), meta["boxes"], meta["flips"])
