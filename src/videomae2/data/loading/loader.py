"""The batches of a run, read ahead by killable processes, from any step on; or every video once.

Once: the videos of some lists in order, of each the middle clip and the middle crop.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.caching import RunCache
from videomae2.data.loading.mixture import Mixture, SampleRef
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.reading import (
    ReadingConfig,
    RequestResult,
    build_clip_spec,
    ordered_results,
)
from videomae2.data.loading.sources import DataConfig
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.crops import CropConfig
from videomae2.data.views.read import READ_SAMPLE
from videomae2.data.views.requests import SampleRequest
from videomae2.tensors import rng
from videomae2.tensors.grid import Cubes

_SAMPLE_STREAM = 3
_END = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSchedule:
    """How many videos make a step and a part of it, and how many steps there are."""

    global_batch_size: int
    micro_batch_size: int
    first_step: int
    num_steps: int


class Loader:
    """Reads the batches of a run in the background; close it, or use it in a ``with``."""

    def __init__(
        self,
        manifests: Sequence[Manifest],
        data: DataConfig,
        reading: ReadingConfig,
        cubes: Cubes,
        schedule: BatchSchedule,
        *,
        seed: int,
        quarantine: Quarantine,
        num_workers: int,
        pin: bool,
    ) -> None:
        weights = [source.weight for source in data.sources]
        self.mixture = Mixture(list(map(len, manifests)), weights, seed=seed)
        self._manifests, self._schedule, self._seed, self._pin = manifests, schedule, seed, pin
        num_steps = schedule.num_steps - schedule.first_step
        passes = self.mixture.count_passes(num_steps * schedule.global_batch_size)
        self._cache = RunCache(self.mixture.sizes, passes, data.cache)
        self._specs = [
            build_clip_spec(source, manifest, data, reading, cubes, cache=place)
            for source, manifest, place in zip(
                data.sources, manifests, self._cache.places, strict=True
            )
        ]
        self.quarantine = quarantine
        self.pool = reading.pool(
            READ_SAMPLE, num_workers=num_workers, cache_files=self._cache.descriptors
        )
        self._batches: queue.Queue[Any] = queue.Queue(maxsize=max(1, reading.prefetch_factor))
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._run_thread, name="videomae2-loader", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[CPUBatch]:
        """Yield the batches from the first step on; an error of the reading side is raised here."""
        while (item := self._batches.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop reading and end the processes."""
        self._closed.set()
        self.pool.close()
        while self._thread.is_alive():
            try:
                self._batches.get(timeout=0.05)  # frees a thread that waits to put
            except queue.Empty:
                self._thread.join(timeout=0.05)
        self._cache.close()

    def _run_thread(self) -> None:
        try:
            first = self._schedule.first_step * self._schedule.global_batch_size
            requests = self._iterate_requests()
            results = ordered_results(self.pool, requests, self.quarantine, first=first)
            for batch in _gather(results, self._schedule.micro_batch_size, pin=self._pin):
                self._cache.log()
                if not self._put(batch):
                    return
            self._put(_END)
        except BaseException as error:  # raised again in the thread that trains
            if not self._closed.is_set():
                self._put(error)

    def _put(self, item: object) -> bool:
        while not self._closed.is_set():
            try:
                self._batches.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _iterate_requests(self) -> Iterator[SampleRequest]:
        for step in range(self._schedule.first_step, self._schedule.num_steps):
            for ref in self.mixture.list_step(step, self._schedule.global_batch_size):
                yield self._build_request(ref)

    def _build_request(self, ref: SampleRef) -> SampleRequest:
        key = rng.make_key(self._seed, _SAMPLE_STREAM, ref.source, ref.repeat, ref.video)
        return SampleRequest(
            self._manifests[ref.source][ref.video],
            key,
            self._specs[ref.source],
            (ref.source, ref.video),
        )


def _gather(results: Iterable[RequestResult], size: int, *, pin: bool) -> Iterator[CPUBatch]:
    """Batches of so many samples; the last one may be smaller."""
    batch = CPUBatch()
    for request, result in results:
        batch.add(request, result, pin=pin)
        if len(batch.samples) == size:
            yield batch
            batch = CPUBatch()
    if batch.samples:
        yield batch


def iterate_once(
    manifests: Sequence[Manifest],
    data: DataConfig,
    reading: ReadingConfig,
    cubes: Cubes,
    *,
    batch_size: int,
    num_workers: int,
    quarantine: Quarantine,
) -> Iterator[CPUBatch]:
    """Read the middle of every video of some lists, each with a source of ``data``, in one view.

    A video that cannot be read leaves a hole in its batch and is listed; the next time it is left
    out. The quarantine's requests are the videos, counted from 0. The last batch may be smaller.

    Raises:
        TooManyUnreadableError: If too much cannot be read.
    """
    quarantine.check_share()  # what an earlier start has found counts
    pool = reading.pool(READ_SAMPLE, num_workers=num_workers)
    requests = _iterate_requests(manifests, data, reading, cubes)
    with pool:
        results = ordered_results(pool, requests, quarantine, first=0)
        yield from _gather(results, batch_size, pin=False)


def _iterate_requests(
    manifests: Sequence[Manifest], data: DataConfig, reading: ReadingConfig, cubes: Cubes
) -> Iterator[SampleRequest]:
    for number, (source, manifest) in enumerate(zip(data.sources, manifests, strict=True)):
        spec = replace(
            build_clip_spec(source, manifest, data, reading, cubes),
            crop=CropConfig(kind="center"),
            frame_sampling=(
                "dense" if source.frame_sampling == "strided" else source.frame_sampling
            ),
            center=True,
        )
        for video, entry in enumerate(manifest):
            yield SampleRequest(entry, 0, spec, (number, video))
