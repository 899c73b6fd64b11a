"""Bring batches to the device beside the computation."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from videomae2.engine.supply import MicroBatch

HostT = TypeVar("HostT")


def prefetch_to_device(
    batches: Iterator[HostT], to_micro_batch: Callable[[HostT], MicroBatch], device: torch.device
) -> Iterator[MicroBatch]:
    """Make parts of host batches; on CUDA on a stream of their own.

    The host runs ahead of the device, so the copies and crops of one part overlap with the
    computation of the one before; the computing stream waits for them, the host never does.
    """
    if device.type != "cuda":
        yield from map(to_micro_batch, batches)
        return
    copy_stream = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copy_stream):
            micro_batch = to_micro_batch(batch)
        compute_stream = torch.cuda.current_stream(device)
        compute_stream.wait_stream(copy_stream)
        clips = micro_batch.clips
        for tensor in (clips.pixels, clips.keys, clips.weights, clips.targets):
            if tensor is not None:
                tensor.record_stream(compute_stream)
        yield micro_batch
