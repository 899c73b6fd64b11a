"""Tensors on disk by key, such as a teacher's outputs for a micro-batch.

A folder of chunks, each a safetensors file that is written under another name, forced to the disk
and renamed: a chunk is complete or does not exist, and whatever was not written in time is computed
again. ``provenance.json`` says what all of them have in common. Several runs may fill one folder:
chunks are named after what they hold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from videomae2.base.files import atomic_write
from videomae2.base.provenance import (
    PROVENANCE_FILE,
    diff_values,
    list_differences,
    read_provenance,
    write_provenance,
)
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.tensors.files import load_tensors, save_tensors

FORMAT = 1
_KEYS, _KEY_BYTES = "keys", 16
_MAX_LOADED_CHUNKS = 4
_DAMAGE_REMEDY = "delete it, and the teacher will be asked again"


@dataclass(slots=True)
class TensorCache:
    """The answers in a folder; those that are added wait in memory for ``flush``."""

    folder: Path
    _locations: dict[bytes, tuple[Path, int]] = field(default_factory=dict)
    _pending: dict[bytes, Mapping[str, Tensor]] = field(default_factory=dict)
    _loaded_chunks: dict[Path, dict[str, Tensor]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, provenance: Mapping[str, Any]) -> "TensorCache":
        """Open a folder, or make it; ``provenance`` is everything that the answers depend on.

        Raises:
            ConfigError: If what is there was made by something else; says each difference.
            CheckpointError: If it cannot be read or written.
        """
        cache = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_provenance(folder, json.loads(json.dumps(provenance)))
        except OSError as error:
            raise CheckpointError(f"cannot use the cache {folder}: {error}") from error
        for path in sorted(folder.glob("chunk-*.safetensors")):
            cache._index_chunk(path)
        return cache

    def __len__(self) -> int:
        return len(self._locations) + len(self._pending)

    @property
    def num_pending(self) -> int:
        """How many answers are not on disk yet."""
        return len(self._pending)

    def get(self, key: bytes) -> Mapping[str, Tensor] | None:
        """Give an answer on the CPU, None if it is not known; raises as ``open``."""
        if key in self._pending:
            return self._pending[key]
        if key not in self._locations:
            return None
        path, row = self._locations[key]
        return {what: rows[row] for what, rows in self._load_chunk(path).items() if what != _KEYS}

    def add(self, key: bytes, tensors: Mapping[str, Tensor]) -> None:
        """Keep an answer under a name of 16 bytes; its tensors may still be on the device."""
        assert len(key) == _KEY_BYTES
        self._pending[key] = tensors

    def flush(self) -> None:
        """Write what waits; answers of different shapes go into chunks of their own.

        Raises:
            OSError: If it cannot be written; then it waits on.
            DataError: If an answer is not finite.
        """
        keys_by_shape: dict[tuple[Any, ...], list[bytes]] = {}
        for key, tensors in self._pending.items():
            shapes = tuple((what, tuple(value.shape)) for what, value in tensors.items())
            keys_by_shape.setdefault(shapes, []).append(key)
        for keys in keys_by_shape.values():
            self._write_chunk(keys)

    def discard_pending(self) -> None:
        """Give up what waits: it will be asked for again in another run."""
        self._pending.clear()

    def _write_chunk(self, keys: Sequence[bytes]) -> None:
        entries = [self._pending[name] for name in keys]
        rows = {what: torch.stack([a[what] for a in entries]).cpu() for what in entries[0]}
        if nonfinite := [n for n, v in rows.items() if not torch.isfinite(v).all()]:
            raise DataError(
                f"the teacher's {nonfinite[0]} are not finite as they would be kept in "
                f"{self.folder}; where half precision is too narrow for them, take "
                f"--teacher.cache-dtype float32"
            )
        key_bytes = torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8)
        path = self.folder / f"chunk-{sha256(b''.join(keys)).hexdigest()[:24]}.safetensors"
        with atomic_write(path) as partial:
            save_tensors(partial, {_KEYS: key_bytes.view(-1, _KEY_BYTES), **rows})
        for row, name in enumerate(keys):
            self._locations[name] = (path, row)
            del self._pending[name]

    def _load_chunk(self, path: Path) -> dict[str, Tensor]:
        """Read a chunk; the last ones stay in memory, for they are read in order."""
        if path not in self._loaded_chunks:
            while len(self._loaded_chunks) >= _MAX_LOADED_CHUNKS:
                del self._loaded_chunks[next(iter(self._loaded_chunks))]
            try:
                self._loaded_chunks[path] = load_tensors(path)
            except CheckpointError as error:
                raise CheckpointError(f"{error}; {_DAMAGE_REMEDY}") from error
        return self._loaded_chunks[path]

    def _index_chunk(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                keys = file.get_tensor(_KEYS).numpy()
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"cannot read {path}: {error}; {_DAMAGE_REMEDY}") from error
        for row, key in enumerate(keys):
            self._locations[key.tobytes()] = (path, row)


def _check_provenance(folder: Path, provenance: dict[str, Any]) -> None:
    """Write down what a cache is made by, or hold it against what is there."""
    provenance = {"format": FORMAT, **provenance}
    try:
        stored = read_provenance(folder)
    except ValueError as error:
        path = folder / PROVENANCE_FILE
        raise CheckpointError(f"{path} is no description of a cache: it {error}") from error
    if stored is None:
        write_provenance(folder, provenance)
    elif changes := diff_values(stored, provenance):
        raise ConfigError(
            f"the scores in {folder} were made for other clips or by another teacher:"
            + list_differences(changes)
            + "\nuse the same values, or another --teacher.cache-dir"
        )
