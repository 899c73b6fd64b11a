"""Requests and their answers brought together, in order, without what had failed before."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from videomae2.data.answers import Result
from videomae2.data.pool import Pool
from videomae2.data.quarantine import Quarantine
from videomae2.data.worker import SampleRequest

RequestResult = tuple[SampleRequest, Result[SampleRequest] | None]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request that is on its way, or was not worth sending."""

    request: SampleRequest
    number: int
    is_sent: bool


def ordered_results(
    pool: Pool, requests: Iterator[SampleRequest], quarantine: Quarantine, *, first: int
) -> Iterator[RequestResult]:
    """Yield every request with its answer; None where its entry had failed before.

    What was read of an entry after its first failure is thrown away here, where the order is that
    of the requests. What is known when a request would be sent only saves the reading: how far
    ahead that is, by how many processes, and what an earlier start of the run has met, change
    nothing of what is yielded.

    Args:
        pool: Reads.
        requests: In their order.
        quarantine: Takes what fails.
        first: Number of the first request, counted over all steps of the run.

    Raises:
        UnreadableShareError: If too much fails.
    """
    pending: deque[_Pending] = deque()

    def iterate_readable() -> Iterator[SampleRequest]:
        for number, request in enumerate(requests, first):
            item = _Pending(request, number, not quarantine.is_skipped(request.sample_id, number))
            pending.append(item)
            if item.is_sent:
                yield request

    for result in pool.map(iterate_readable()):
        while not pending[0].is_sent:
            yield pending.popleft().request, None
        yield _accept(pending.popleft(), result, quarantine)
    while pending:
        yield pending.popleft().request, None


def _accept(item: _Pending, result: Result[SampleRequest], quarantine: Quarantine) -> RequestResult:
    if quarantine.is_skipped(item.request.sample_id, item.number):
        return item.request, None
    if result.error is not None:
        quarantine.add(item.request.sample_id, result.error, item.number)
    return item.request, result
