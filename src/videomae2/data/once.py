"""Every video of some lists once, in order: its middle clip and middle crop, in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from videomae2.data.batches import BatchBuilder, CPUBatch
from videomae2.data.crops import CropConfig
from videomae2.data.loading import MAX_ATTEMPTS, build_clip_spec
from videomae2.data.manifest import Manifest
from videomae2.data.matching import ordered_results
from videomae2.data.pool import Pool
from videomae2.data.quarantine import Quarantine
from videomae2.data.sources import DataConfig, LoadingConfig
from videomae2.data.worker import SampleRequest
from videomae2.tensors.grid import Cubes


def iterate_once(
    manifests: Sequence[Manifest],
    data: DataConfig,
    loading: LoadingConfig,
    cubes: Cubes,
    *,
    batch_size: int,
    num_workers: int,
    quarantine: Quarantine,
) -> Iterator[CPUBatch]:
    """Read the middle of every video; the last batch may be smaller.

    A video that cannot be read leaves a hole in its batch and is listed; the next time it is left
    out.

    Args:
        manifests: The lists.
        data: A source for each list, with one view.
        loading: Limits of reading.
        cubes: Frames, size and channels of a clip.
        batch_size: Videos of a batch.
        num_workers: Reading processes; 0 reads here.
        quarantine: Takes what cannot be read; its requests are the videos, counted from 0.

    Raises:
        UnreadableShareError: If there is too much of that.
    """
    quarantine.check_share()  # what an earlier start has found counts
    pool = Pool(
        num_workers=num_workers,
        timeout_seconds=loading.timeout_seconds,
        memory_limit_bytes=int(loading.memory_limit_gib * 2**30),
        buffers_per_worker=max(2, -(-4 // max(1, num_workers))),
        max_attempts=MAX_ATTEMPTS,
    )
    requests = _iterate_requests(manifests, data, loading, cubes)
    with pool:
        builder = BatchBuilder(pin=False)
        for request, result in ordered_results(pool, requests, quarantine, first=0):
            builder.add(request, result)
            if len(builder.samples) == batch_size:
                yield builder.build()
                builder = BatchBuilder(pin=False)
        if builder.samples:
            yield builder.build()


def _iterate_requests(
    manifests: Sequence[Manifest], data: DataConfig, loading: LoadingConfig, cubes: Cubes
) -> Iterator[SampleRequest]:
    for number, (source, manifest) in enumerate(zip(data.sources, manifests, strict=True)):
        spec = replace(
            build_clip_spec(source, manifest, data, loading, cubes),
            crop=CropConfig(kind="centre"),
            frame_sampling="segments" if source.frame_sampling == "segments" else "dense",
            center=True,
        )
        for video, entry in enumerate(manifest):
            yield SampleRequest(entry, 0, spec, (number, video))
