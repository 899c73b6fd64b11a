"""Every video of some lists once, in order: its middle clip and middle crop, in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from videomae2.data.batches import Gathering, HostBatch
from videomae2.data.crops import CropConfig
from videomae2.data.loading import TRIES, clip_shape
from videomae2.data.manifest import Manifest
from videomae2.data.matching import matched
from videomae2.data.pool import Pool
from videomae2.data.quarantine import Quarantine
from videomae2.data.sources import DataConfig, LoadingConfig
from videomae2.data.worker import SampleRequest
from videomae2.tensors.grid import Cubes


def read_once(
    manifests: Sequence[Manifest],
    data: DataConfig,
    loading: LoadingConfig,
    cubes: Cubes,
    *,
    batch: int,
    workers: int,
    quarantine: Quarantine,
) -> Iterator[HostBatch]:
    """Read the middle of every video; the last batch may be smaller.

    A video that cannot be read leaves a hole in its batch and is listed; the next time it is left
    out.

    Args:
        manifests: The lists.
        data: A source for each list, with one view.
        loading: Limits of reading.
        cubes: Frames, size and channels of a clip.
        batch: Videos of a batch.
        workers: Reading processes; 0 reads here.
        quarantine: Takes what cannot be read; its requests are the videos, counted from 0.

    Raises:
        UnreadableShareError: If there is too much of that.
    """
    quarantine.check()  # what an earlier start has found counts
    pool = Pool(
        workers=workers,
        deadline_seconds=loading.deadline_seconds,
        memory_bytes=int(loading.memory_gib * 2**30),
        slots_per_worker=max(2, -(-4 // max(1, workers))),
        tries=TRIES,
    )
    requests = _requests(manifests, data, loading, cubes)
    with pool:
        gathering = Gathering(pin=False)
        for request, answer in matched(pool, requests, quarantine, first=0):
            gathering.add(request, answer)
            if len(gathering.samples) == batch:
                yield gathering.finish()
                gathering = Gathering(pin=False)
        if gathering.samples:
            yield gathering.finish()


def _requests(
    manifests: Sequence[Manifest], data: DataConfig, loading: LoadingConfig, cubes: Cubes
) -> Iterator[SampleRequest]:
    for number, (source, manifest) in enumerate(zip(data.sources, manifests, strict=True)):
        middle = replace(
            clip_shape(source, manifest, data, loading, cubes),
            crop=CropConfig(kind="centre"),
            sampling="segments" if source.sampling == "segments" else "dense",
            middle=True,
        )
        for video, entry in enumerate(manifest):
            yield SampleRequest(entry, 0, middle, (number, video))
