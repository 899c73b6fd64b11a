"""Bring batches to the device beside the computation."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from videomae2.engine.supply import Part

Host = TypeVar("Host")


def transferred(
    batches: Iterator[Host], make: Callable[[Host], Part], device: torch.device
) -> Iterator[Part]:
    """Make parts of host batches; on CUDA on a stream of their own.

    The host runs ahead of the device, so the copies and crops of one part overlap with the
    computation of the one before; the computing stream waits for them, the host never does.
    """
    if device.type != "cuda":
        yield from map(make, batches)
        return
    beside = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(beside):
            part = make(batch)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(beside)
        clips = part.clips
        for tensor in (clips.pixels, clips.keys, clips.weights, clips.targets):
            if tensor is not None:
                tensor.record_stream(computing)
        yield part
