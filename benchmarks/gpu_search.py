"""The largest batch that fits."""

from collections.abc import Callable


def find_largest(
    works: Callable[[int], bool], *, first: int, upper_limit: int, is_over: Callable[[], bool]
) -> int:
    """The largest batch that works, to about a tenth; 0 if none does.

    Doubles while it works, halves while it does not, then narrows what lies between.
    """
    largest_working, smallest_failing = 0, upper_limit + 1
    batch = min(first, upper_limit)
    while smallest_failing - largest_working > max(1, largest_working // 10) and not is_over():
        if works(batch):
            largest_working = batch
        else:
            smallest_failing = batch
        if smallest_failing > upper_limit:
            batch = min(2 * largest_working, upper_limit)
            if batch == largest_working:
                break
        else:
            batch = (largest_working + smallest_failing) // 2
        if batch == 0:
            break
    return largest_working
