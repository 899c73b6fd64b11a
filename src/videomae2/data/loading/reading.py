"""How videos are read: limits and processes; in training also what failed before, left out."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from videomae2.base.ranges import NOT_NEGATIVE, ONE_OR_MORE, POSITIVE
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.frame_cache import CachePlace
from videomae2.data.views.read import FILL_CACHE
from videomae2.data.views.requests import ClipSpec, SampleRequest
from videomae2.data.workers.pool import Pool
from videomae2.data.workers.worker import Result
from videomae2.tensors.grid import Cubes

MAX_ATTEMPTS = 2
"""How often a video is read that takes too long: the machine may have been busy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingConfig:
    """How videos are read.

    What is read of a video does not depend on it, short of ``max_short_side`` and
    ``square_pixels``; which videos are left out as unreadable depends on the limits of time and
    memory.
    """

    num_workers: Annotated[int | None, NOT_NEGATIVE] = None
    """Reading processes; by the number of cores if not given, 0 reads in this process."""
    prefetch_factor: Annotated[int, ONE_OR_MORE] = 2
    """Videos that each process has ahead, and in training the micro-batches that are ready."""
    timeout_seconds: Annotated[float, POSITIVE] = 30.0
    """A video that takes longer is tried once more, and then counts as unreadable; by the clock on
    the wall, so a busy machine may leave out more of them."""
    memory_limit_gib: Annotated[float, POSITIVE] = 4.0
    """A video that needs more memory counts as unreadable; a smaller limit may leave out more."""
    max_short_side: Annotated[int | None, ONE_OR_MORE] = None
    """Shrink larger frames to this short side while reading; changes pixels a little and saves
    much memory on large videos."""

    square_pixels: bool = False
    """Give frames the shape in which players show them, where their pixels are not square (DVD, DV,
    AVCHD); else as they are stored, as in the released code."""

    def limits(self) -> ReadLimits:
        """What reading one video may cost."""
        return ReadLimits(
            timeout_seconds=self.timeout_seconds,
            max_bytes=self._memory_limit_bytes,
            max_short_side=self.max_short_side,
            square_pixels=self.square_pixels,
        )

    def pool(
        self,
        task: str,
        *,
        num_workers: int,
        max_attempts: int = MAX_ATTEMPTS,
        cache_files: Sequence[int] = (),
    ) -> Pool:
        """Processes that do a task, ``module:name``, and are killed beyond the limits.

        Before each request they fill the cache that it names, whose files they get.
        """
        return Pool(
            task,
            num_workers=num_workers,
            timeout_seconds=self.timeout_seconds,
            memory_limit_bytes=self._memory_limit_bytes,
            # a single process, too, has four requests ahead: one slow video must not stop the rest
            buffers_per_worker=max(self.prefetch_factor, -(-4 // max(1, num_workers))),
            max_attempts=max_attempts,
            prepare=FILL_CACHE if cache_files else None,
            inherited=cache_files,
        )

    @property
    def _memory_limit_bytes(self) -> int:
        return int(self.memory_limit_gib * 2**30)


def build_clip_spec(
    source: SourceConfig,
    manifest: Manifest,
    data: DataConfig,
    reading: ReadingConfig,
    cubes: Cubes,
    *,
    cache: CachePlace | None = None,
) -> ClipSpec:
    """What a reading process needs to know about the clips of a source."""
    return ClipSpec(
        frames=cubes.frames,
        height=cubes.height,
        width=cubes.width,
        channels=cubes.channels,
        views=data.views,
        frame_interval=source.frame_interval,
        interval_unit=source.interval_unit,
        crop=data.crop,
        limits=reading.limits(),
        frame_name=manifest.frame_name,
        frame_sampling=source.frame_sampling,
        frame_rate=source.frame_rate,
        cache=cache,
    )


RequestResult = tuple[SampleRequest, Result[SampleRequest] | None]


def ordered_results(
    pool: Pool, requests: Iterator[SampleRequest], quarantine: Quarantine, *, first: int
) -> Iterator[RequestResult]:
    """Yield every request with its answer; None where its entry had failed before.

    What was read of an entry after its first failure is thrown away here, where the order is that
    of the requests. What is known when a request would be sent only saves the reading: how far
    ahead that is, by how many processes, and what an earlier start of the run has met, change
    nothing of what is yielded. Requests are counted from ``first``, over all steps of the run.

    Raises:
        TooManyUnreadableError: If too much fails.
    """
    pending: deque[tuple[int, SampleRequest, bool]] = deque()  # number, request, whether sent

    def iterate_readable() -> Iterator[SampleRequest]:
        for number, request in enumerate(requests, first):
            is_sent = not quarantine.is_skipped(request.sample_id, number)
            pending.append((number, request, is_sent))
            if is_sent:
                yield request

    def pop_unsent() -> Iterator[RequestResult]:
        while pending and not pending[0][2]:
            yield pending.popleft()[1], None

    for result in pool.map(iterate_readable()):
        yield from pop_unsent()
        number, request, _ = pending.popleft()
        if quarantine.is_skipped(request.sample_id, number):
            yield request, None
            continue
        if result.error is not None:
            quarantine.add(request.sample_id, result.error, number)
        yield request, result
    yield from pop_unsent()
