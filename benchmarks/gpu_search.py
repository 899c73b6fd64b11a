"""The largest batch that fits."""

from collections.abc import Callable


def largest_that(
    works: Callable[[int], bool], *, first: int, most: int, until: Callable[[], bool]
) -> int:
    """The largest batch that works, to about a tenth; 0 if none does.

    Doubles while it works, halves while it does not, then narrows what lies between.
    """
    good, bad = 0, most + 1
    batch = min(first, most)
    while bad - good > max(1, good // 10) and not until():
        if works(batch):
            good = batch
        else:
            bad = batch
        if bad > most:
            batch = min(2 * good, most)
            if batch == good:
                break
        else:
            batch = (good + bad) // 2
        if batch == 0:
            break
    return good
