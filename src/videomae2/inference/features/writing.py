"""Fill a folder of features: each array whole or not at all, by any number of processes.

A process takes a video by a lock on its name, which the system frees when the process dies.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike, NDArray

from videomae2.base.files import build_partial_path, fsync_dir, remove_dead_partials
from videomae2.base.jsonl import append_block
from videomae2.base.lock import NameLocks
from videomae2.base.provenance import diff_values, list_differences, write_provenance
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.errors import ConfigError
from videomae2.inference.features.store import (
    TABLE_FILE,
    FeatureRow,
    FeatureStore,
    FeatureVideo,
    VideoTimes,
    list_window,
)

_TABLE_LOCK = "\0table"  # no video is called so


class WritableStore(FeatureStore):
    """A folder that is filled; closed at the end of a ``with``.

    Args of the constructor:
        folder: It is made where it is not there.
        settings: What the features follow from: those of the folder, if it has some.
        constants: What each line of the table says too.
        flag: By which another folder is chosen, for messages.

    Raises:
        ConfigError: The folder cannot be written, holds something else, or features that were made
            otherwise; says what differs.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        constants: Mapping[str, Any] | None = None,
        flag: str = "--out",
    ) -> None:
        self._constants, self._flag = constants or {}, flag
        super().__init__(folder)
        check_settings(self, settings, flag)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._locks = NameLocks(folder)
            if not self.settings:
                write_provenance(folder, settings)
                self.settings = dict(settings)
            self._remove_dead_partials()
        except OSError as error:
            raise self._build_error(error) from error
        self._retried = set(self.unreadable)
        """Videos that were unreadable before this process came: they are tried again."""

    def __enter__(self) -> "WritableStore":
        return self

    def __exit__(self, *error: object) -> None:
        self._remove_dead_partials()  # of those that were killed meanwhile
        self._locks.close()

    def _remove_dead_partials(self) -> None:
        for folder in {self.folder, *(self.get_path(name).parent for name in self.rows)}:
            remove_dead_partials(folder)

    def is_pending(self, video: FeatureVideo) -> bool:
        """Whether a video is to be done: its features are not there, and nobody has just tried."""
        has_failed = video.name in self.unreadable and video.name not in self._retried
        return not has_failed and not self.has(video)

    def try_lock(self, video: FeatureVideo) -> bool:
        """Take a video, unless another process has it."""
        return self._locks.try_acquire(video.name)

    def unlock(self, video: FeatureVideo) -> None:
        """Let others take it."""
        self._locks.release(video.name)

    def open_array(self, video: FeatureVideo, shape: tuple[int, ...], dtype: DTypeLike) -> "Array":
        """Begin the array of a video."""
        try:
            return Array(self.get_path(video.name), shape, np.dtype(dtype))
        except OSError as error:
            raise self._build_error(error) from error

    def finish(self, video: FeatureVideo, array: "Array", times: VideoTimes) -> None:
        """Put the array in its place, and a line into the table.

        Raises:
            ConfigError: It cannot be written; what is there stays whole.
        """
        try:
            array.finish()
        except OSError as error:
            raise self._build_error(error) from error
        row = FeatureRow(
            video=video.name,
            path=os.path.abspath(video.entry.path),
            window=list_window(video.entry),
            file_stat=file_stat(video.entry.path),
            num_bytes=os.stat(array.path).st_size,
            shape=list(array.shape),
            dtype=array.dtype.str,
            times=times,
        )
        self._append({**row.to_json(), **self._constants})

    def mark_unreadable(self, video: FeatureVideo, reason: str) -> None:
        """Say why a video has no features."""
        self._retried.discard(video.name)
        self._append({"video": video.name, "path": video.entry.path, "error": reason})

    def _append(self, values: Mapping[str, Any]) -> None:
        line = json.dumps({name: value for name, value in values.items() if value is not None})
        try:
            with self._locks.hold(_TABLE_LOCK):
                self.refresh()  # behind what is whole, a killed process may have left a part
                path = self.folder / TABLE_FILE
                append_block(path, line.encode() + b"\n", whole_bytes=self._read_bytes)
                self.refresh()
        except OSError as error:
            raise self._build_error(error) from error

    def _build_error(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"cannot keep features in {self.folder}: {error.strerror}; choose another {self._flag}"
        )


def check_settings(store: FeatureStore, settings: Mapping[str, Any], flag: str) -> None:
    """Refuse a folder of something else, or of features that were made otherwise.

    Raises:
        ConfigError: Says what differs.
    """
    folder = store.folder
    if store.settings:
        # as JSON has them: tuples are lists there; weights may be moved, their digest names them
        wanted = json.loads(json.dumps(settings)) | {"weights": store.settings.get("weights")}
        if differences := diff_values({"weights": None} | store.settings, wanted):
            raise ConfigError(
                f"{folder} has features that were made otherwise; choose another {flag}:"
                f"{list_differences(differences)}"
            )
    elif folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, wanted a folder; choose another {flag}")
    elif folder.exists() and any(not name.startswith(".") for name in os.listdir(folder)):
        raise ConfigError(f"{folder} holds something else than features; choose another {flag}")


def check_names(store: FeatureStore, videos: Sequence[FeatureVideo], flag: str) -> None:
    """Refuse videos that are called as others that have features in a folder.

    Raises:
        ConfigError: Names some.
    """
    taken = [video for video in videos if not _is_same_video(store, video)]
    if taken:
        raise ConfigError(
            f"{len(taken)} of {len(videos)} videos are called as others in {store.folder}, such as "
            f"{taken[0].name}, which is {store.rows[taken[0].name].path} there; choose another "
            f"{flag}, or one list of all"
        )


def _is_same_video(store: FeatureStore, video: FeatureVideo) -> bool:
    """Whether a name is free, or that of the same path, or of the same file elsewhere."""
    row, path = store.rows.get(video.name), video.entry.path
    if row is None or os.path.realpath(row.path) == os.path.realpath(path):
        return True
    return row.file_stat == file_stat(path)


class Array:
    """An array that is written window by window, under another name until it is whole."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.shape, self.dtype = path, shape, dtype
        self.num_written = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = build_partial_path(path)
        self._file: BinaryIO = self._partial.open("wb")
        header = {
            "descr": npy_format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        }
        npy_format.write_array_header_1_0(self._file, header)

    @property
    def is_full(self) -> bool:
        return self.num_written == self.shape[0]

    def append(self, windows: NDArray[Any]) -> None:
        """Write the next windows, [some, ...]; raises OSError."""
        if windows.shape[1:] != self.shape[1:]:
            raise ValueError(f"windows are {windows.shape[1:]}, wanted {self.shape[1:]}")
        self._file.write(np.ascontiguousarray(windows, dtype=self.dtype).data)
        self.num_written += len(windows)

    def finish(self) -> None:
        """Bring it to the disk under its name; raises OSError."""
        if not self.is_full:
            raise ValueError(f"{self.num_written} of {self.shape[0]} windows are there")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self.path)
        fsync_dir(self.path.parent)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
