"""Requests run in this process, where nothing can be killed."""

import time
from typing import TypeVar

import numpy as np

from videomae2.data.workers.main import WorkerFunction, to_video_error
from videomae2.data.workers.worker import Result
from videomae2.errors import VideoTimeoutError

Request = TypeVar("Request")


def run_inline(function: WorkerFunction, request: Request, *, max_attempts: int) -> Result[Request]:
    """Run a function on a request; again if it was too slow."""
    result = _run_once(function, request)
    for _ in range(1, max_attempts):
        if isinstance(result.error, VideoTimeoutError):
            result = _run_once(function, request)
    return result


def _run_once(function: WorkerFunction, request: Request) -> Result[Request]:
    started = time.perf_counter()
    try:
        arrays, meta = function(request, np.empty)
    except Exception as reason:
        error = to_video_error(reason, request, memory_limit_bytes=None)
        return Result(request, None, {}, error, time.perf_counter() - started)
    return Result(request, dict(arrays), dict(meta), None, time.perf_counter() - started)
