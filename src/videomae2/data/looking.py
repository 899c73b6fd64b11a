"""Look at many files at once, and leave behind those that never answer.

Whoever touches a file of a lost network disk may wait for ever, and cannot even be asked to stop:
so threads do it that nobody waits for, not even the end of the process.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_THREADS = 16  # a network file system answers many at once


def map_with_timeout(
    paths: Sequence[str], function: Callable[[str], T], *, timeout_seconds: float
) -> list[T | None]:
    """Give what is seen of each file; None where no answer came.

    Args:
        paths: The files.
        function: Looks at one, in another thread; it raises nothing.
        timeout_seconds: How long none of the files may answer before the others are given up.
    """
    results: list[T | None] = [None] * len(paths)
    rows = iter(range(len(paths)))  # shared: a file that hangs keeps one thread, not its neighbours
    answered_at = [time.monotonic()] * min(_THREADS, len(paths))

    def work(number: int) -> None:
        for row in rows:
            results[row] = function(paths[row])
            answered_at[number] = time.monotonic()

    threads = [
        threading.Thread(target=work, args=(number,), name="videomae2-looking", daemon=True)
        for number in range(len(answered_at))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and time.monotonic() < (end := max(answered_at) + timeout_seconds):
            thread.join(end - time.monotonic())
    return list(results)
