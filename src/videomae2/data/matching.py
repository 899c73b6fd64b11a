"""Requests and their answers brought together, in order, without what had failed before."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from videomae2.data.answers import Answer
from videomae2.data.pool import Pool
from videomae2.data.quarantine import Quarantine
from videomae2.data.worker import SampleRequest

Matched = tuple[SampleRequest, Answer[SampleRequest] | None]


@dataclass(frozen=True, slots=True)
class _Due:
    """A request that is on its way, or was not worth sending."""

    request: SampleRequest
    number: int
    is_sent: bool


def matched(
    pool: Pool, requests: Iterator[SampleRequest], quarantine: Quarantine, *, first: int
) -> Iterator[Matched]:
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
    pending: deque[_Due] = deque()

    def worth_reading() -> Iterator[SampleRequest]:
        for number, request in enumerate(requests, first):
            due = _Due(request, number, not quarantine.holds(request.place, number))
            pending.append(due)
            if due.is_sent:
                yield request

    for answer in pool.map(worth_reading()):
        while not pending[0].is_sent:
            yield pending.popleft().request, None
        yield _judged(pending.popleft(), answer, quarantine)
    while pending:
        yield pending.popleft().request, None


def _judged(due: _Due, answer: Answer[SampleRequest], quarantine: Quarantine) -> Matched:
    if quarantine.holds(due.request.place, due.number):
        return due.request, None
    if answer.error is not None:
        quarantine.add(due.request.place, answer.error, due.number)
    return due.request, answer
