"""Compute parts of a batch side by side, each on one core of a CPU.

Threads within an operation wait for the slowest of them at its end, thousands of times in a
forward pass; one that shares its core with a process that reads videos makes all others wait.
Parts on cores of their own wait once, at the end, and who is late gets fewer of them. On two busy
cores an evaluation of small clips takes 1.1 to 1.5 times as long without.

Axis: batch.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
_CHUNKS_PER_CORE = 2


def map_on_threads(function: Callable[[Tensor], T], x: Tensor) -> list[T]:
    """Call a function on the parts of a batch, and give its answers in their order.

    Args:
        function: Must treat every row for itself. Contexts of the calling thread, such as autocast,
            do not hold in it.
        x: The batch, on the CPU.
    """
    num_threads = torch.get_num_threads()
    if num_threads == 1 or len(x) < num_threads:  # then some cores would have no part
        return [function(x)]
    chunks = x.tensor_split(min(len(x), _CHUNKS_PER_CORE * num_threads))
    return list(_start_threads(num_threads).map(function, chunks))


@lru_cache(maxsize=1)
def _start_threads(num_threads: int) -> ThreadPoolExecutor:
    """Threads of which each computes on one core."""
    barrier = Barrier(num_threads + 1)

    def limit_to_one_core() -> None:
        torch.set_num_threads(1)  # also of threads that are still to come, until it is set back
        torch.get_num_threads()  # else this thread takes the number at its first operation
        barrier.wait()

    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="core", initializer=limit_to_one_core)
    try:
        for _ in range(num_threads):
            pool.submit(int)
        barrier.wait()
    except BaseException:
        barrier.abort()  # those that wait there would hold up the end of the process
        raise
    finally:
        torch.set_num_threads(num_threads)
    return pool
