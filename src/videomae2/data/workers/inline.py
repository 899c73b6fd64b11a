"""Requests run in this process, where nothing can be killed."""

import time
from typing import TypeVar

import numpy as np

from videomae2.data.workers.main import PrepareFn, WorkerFunction, to_video_error
from videomae2.data.workers.worker import Result

Request = TypeVar("Request")


def run_inline(function: WorkerFunction, request: Request, prepare: PrepareFn) -> Result[Request]:
    """Run a function on a request, after what comes before it."""
    prepare(request)
    started = time.perf_counter()
    try:
        arrays, meta = function(request, np.empty)
    except Exception as reason:
        error = to_video_error(reason, request, memory_limit_bytes=None)
        return Result(request, None, {}, error, time.perf_counter() - started)
    return Result(request, dict(arrays), dict(meta), None, time.perf_counter() - started)
