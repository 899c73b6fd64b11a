"""The (micro-)batches of a run, read ahead by killable processes, from any step on."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from videomae2.data.batches import Gathering, HostBatch
from videomae2.data.clocks import check_clocks
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Manifest
from videomae2.data.matching import matched
from videomae2.data.mixture import Mixture, Pick
from videomae2.data.pool import Pool
from videomae2.data.quarantine import Quarantine
from videomae2.data.readers import ReadLimits
from videomae2.data.sources import DataConfig, LoadingConfig, SourceConfig
from videomae2.data.worker import ClipShape, SampleRequest
from videomae2.tensors import draws
from videomae2.tensors.grid import Cubes

TRIES = 2
"""How often a video is read that takes too long: the machine may have been busy."""
_SAMPLE_STREAM = 3
_END = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPlan:
    """How many videos make a step and a part of it, and how many steps there are."""

    batch: int
    micro_batch: int
    first_step: int
    steps: int


class Loader:
    """Reads the batches of a run in the background; close it, or use it in a ``with``."""

    def __init__(
        self,
        manifests: Sequence[Manifest],
        data: DataConfig,
        loading: LoadingConfig,
        cubes: Cubes,
        plan: BatchPlan,
        *,
        seed: int,
        quarantine: Quarantine,
        workers: int,
        pin: bool,
    ) -> None:
        self.mixture = Mixture.of(manifests, [s.weight for s in data.sources], seed=seed)
        self._manifests, self._plan, self._seed, self._pin = manifests, plan, seed, pin
        self._shapes = [
            clip_shape(source, manifest, data, loading, cubes)
            for source, manifest in zip(data.sources, manifests, strict=True)
        ]
        self.quarantine = quarantine
        self.pool = Pool(
            workers=workers,
            deadline_seconds=loading.deadline_seconds,
            memory_bytes=int(loading.memory_gib * 2**30),
            slots_per_worker=max(2, -(-4 // max(1, workers))),
            tries=TRIES,
        )
        self._batches: queue.Queue[Any] = queue.Queue(maxsize=max(1, loading.ahead))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="videomae2-loader", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[HostBatch]:
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

    def _run(self) -> None:
        try:
            for batch in self._read():
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

    def _read(self) -> Iterator[HostBatch]:
        gathering = Gathering(self._pin)
        first = self._plan.first_step * self._plan.batch
        for request, answer in matched(self.pool, self._requests(), self.quarantine, first=first):
            gathering.add(request, answer)
            if len(gathering.samples) == self._plan.micro_batch:
                yield gathering.finish()
                gathering = Gathering(self._pin)

    def _requests(self) -> Iterator[SampleRequest]:
        for step in range(self._plan.first_step, self._plan.steps):
            for pick in self.mixture.step(step, self._plan.batch):
                yield self._request(pick)

    def _request(self, pick: Pick) -> SampleRequest:
        key = draws.key(self._seed, _SAMPLE_STREAM, pick.source, pick.turn, pick.video)
        return SampleRequest(
            self._manifests[pick.source][pick.video],
            key,
            self._shapes[pick.source],
            (pick.source, pick.video),
        )


def read_sources(data: DataConfig) -> list[Manifest]:
    """List the videos of every source.

    Raises:
        ManifestError: A list cannot be read.
        ConfigError: A stride counts in seconds of what has no clock.
    """
    manifests = [
        read_manifest(
            source.path, root=source.root, layout=source.layout, frame_name=source.frame_name
        )
        for source in data.sources
    ]
    check_clocks(data.sources, manifests)
    return manifests


def clip_shape(
    source: SourceConfig,
    manifest: Manifest,
    data: DataConfig,
    loading: LoadingConfig,
    cubes: Cubes,
) -> ClipShape:
    """What a reading process needs to know about the clips of a source."""
    limits = ReadLimits(
        seconds=loading.deadline_seconds,
        max_bytes=int(loading.memory_gib * 2**30),
        shrink_side=loading.shrink_side,
    )
    return ClipShape(
        frames=cubes.frames,
        height=cubes.height,
        width=cubes.width,
        channels=cubes.channels,
        views=data.views,
        stride=source.stride,
        stride_unit=source.stride_unit,
        crop=data.crop,
        limits=limits,
        frame_name=manifest.frame_name,
        sampling=source.sampling,
        frame_rate=source.frame_rate,
    )
