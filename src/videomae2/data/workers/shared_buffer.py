"""A piece of shared memory: a request goes in, the arrays of its result come out, nothing is sent.

One side writes while the other waits, and a byte through a pipe says whose turn it is. The memory
is a file without a name, so that whoever is killed leaves nothing behind.

    0         32        64
    | header  |         | request, later: arrays …, then the pickled rest of the result |
"""

import math
import mmap
import os
import pickle
import struct
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from videomae2.errors import VideoError

_HEADER = struct.Struct("<dQQ")  # when the work began (0: not yet), offset and length of the pickle
_CONTENT_OFFSET = 64  # bytes before the contents, and their alignment: one cache line
_GROWTH = 1 << 20
_TRIM_BYTES = 64 << 20  # a buffer that a huge video has blown up is trimmed to this


class Response(NamedTuple):
    """What a reading process says about one request."""

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, Any]
    error: VideoError | None
    seconds: float
    out_of_memory: bool
    """The process ran out of memory and should be replaced: it may not get all of it back."""


def open_anonymous_file() -> int:
    """Open a file in memory that vanishes with the last process that has it open.

    A memfd, unlike /dev/shm, is not held to 64 MB in a container.
    """
    if sys.platform == "linux":
        return os.memfd_create("videomae2")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedBuffer:
    """Room for one request and its result, seen from either side.

    Args:
        descriptor: An open file; it stays open until `close`.
        limit: Most bytes the contents may take, or None.
    """

    def __init__(self, descriptor: int, *, limit: int | None = None) -> None:
        self.descriptor = descriptor
        self._limit = limit
        self._used = _CONTENT_OFFSET
        self._blocks: list[tuple[NDArray[Any], int]] = []
        if os.fstat(descriptor).st_size == 0:
            os.ftruncate(descriptor, _GROWTH)
        self._memory = mmap.mmap(descriptor, 0)

    def close(self) -> None:
        """Close the file; views of it stay valid for as long as someone holds them."""
        os.close(self.descriptor)

    @property
    def started_at(self) -> float:
        """When the work on the request began, by the monotonic clock; 0 if it has not."""
        return float(_HEADER.unpack_from(self._memory)[0])

    def write_request(self, request: object) -> None:
        """Put a request in, as not yet begun."""
        self._used, self._blocks = _CONTENT_OFFSET, []
        self._write_pickle(0.0, request)

    def read_request(self) -> Any:
        """Take the request out; its room is free afterwards."""
        self._used, self._blocks = _CONTENT_OFFSET, []
        return self._read_pickle()

    def note_start(self) -> None:
        """Note that the work on the request begins."""
        _, offset, length = _HEADER.unpack_from(self._memory)
        _HEADER.pack_into(self._memory, 0, time.monotonic(), offset, length)

    def allocate(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Give an array in shared memory, with arbitrary contents, valid until the next request.

        Raises:
            MemoryError: It would take more than the limit.
        """
        start, dtype = self._used, np.dtype(dtype)
        self._grow(start + math.prod(shape) * dtype.itemsize)
        array: NDArray[Any] = np.ndarray(shape, dtype, buffer=self._memory, offset=start)
        self._used = -(-(start + array.nbytes) // _CONTENT_OFFSET) * _CONTENT_OFFSET
        self._blocks.append((array, start))
        return array

    def write_result(
        self, arrays: Mapping[str, NDArray[Any]], meta: dict[str, Any], seconds: float
    ) -> None:
        """Put a result in; arrays that `allocate` gave, and slices of them, are not copied."""
        layout = {
            name: (self._locate(array), array.shape, array.dtype) for name, array in arrays.items()
        }
        self._write_pickle(self.started_at, (layout, meta, None, seconds, False))

    def write_error(self, error: VideoError, seconds: float, *, out_of_memory: bool) -> None:
        """Put in why there is no result."""
        self._used, self._blocks = _CONTENT_OFFSET, []
        self._write_pickle(self.started_at, ({}, {}, error, seconds, out_of_memory))

    def read_response(self) -> Response:
        """Take the result out; its arrays are views, overwritten by the next request."""
        layout, meta, error, seconds, out_of_memory = self._read_pickle()
        arrays: dict[str, NDArray[Any]] = {
            name: np.ndarray(shape, dtype, buffer=self._memory, offset=start)
            for name, (start, shape, dtype) in layout.items()
        }
        return Response(arrays, meta, error, seconds, out_of_memory)

    def trim(self) -> None:
        """Give memory beyond the usual back to the system; the contents there read as zeros.

        A shorter file would do the same, but whoever still looks at a view of it would crash.
        """
        size = os.fstat(self.descriptor).st_size
        if size > _TRIM_BYTES and sys.platform == "linux":
            self._grow(size)
            self._memory.madvise(mmap.MADV_REMOVE, _TRIM_BYTES, size - _TRIM_BYTES)

    def _locate(self, array: NDArray[Any]) -> int:
        for block, start in self._blocks:
            shift = _address(array) - _address(block)
            if array.flags.c_contiguous and 0 <= shift <= block.nbytes - array.nbytes:
                return start + shift
        self.allocate(array.shape, array.dtype)[...] = array
        return self._blocks[-1][1]

    def _write_pickle(self, started_at: float, value: object) -> None:
        data, start = pickle.dumps(value, protocol=5), self._used
        self._grow(start + len(data))
        self._memory[start : start + len(data)] = data
        _HEADER.pack_into(self._memory, 0, started_at, start, len(data))

    def _read_pickle(self) -> Any:
        _, offset, length = _HEADER.unpack_from(self._memory)
        self._grow(offset + length)
        return pickle.loads(self._memory[offset : offset + length])

    def _grow(self, size: int) -> None:
        """Grow the file and what is seen of it; older views stay views of the same memory."""
        if self._limit is not None and size > self._limit:
            raise MemoryError
        if size <= len(self._memory):
            return
        if size > os.fstat(self.descriptor).st_size:
            os.ftruncate(self.descriptor, -(-size // _GROWTH) * _GROWTH)
        self._memory = mmap.mmap(self.descriptor, 0)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
