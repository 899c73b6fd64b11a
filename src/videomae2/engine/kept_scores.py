"""Answers of a model kept on disk, each under a name that says for what it was given.

A folder of chunks, each a safetensors file that is written under another name, forced to the disk
and renamed: a chunk is there whole or not at all, and whatever was not written in time is asked for
again. ``cache.json`` says what all of them have in common. Several runs may fill one folder: chunks
are named after what they hold.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from videomae2.engine.durable import secure
from videomae2.errors import CheckpointError, ConfigError, DataError

HEADER_FILE = "cache.json"
FORMAT = 1

_NAMES, _NAME_BYTES = "names", 16
_CHUNKS_IN_MEMORY = 4


@dataclass(slots=True)
class KeptScores:
    """The answers in a folder; those that are added wait in memory for ``flush``."""

    folder: Path
    _places: dict[bytes, tuple[Path, int]] = field(default_factory=dict)
    _waiting: dict[bytes, Mapping[str, Tensor]] = field(default_factory=dict)
    _in_memory: dict[Path, dict[str, Tensor]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, made_by: Mapping[str, Any]) -> "KeptScores":
        """Open a folder, or make it.

        Args:
            folder: Where.
            made_by: Everything that the answers depend on, in what JSON has words for.

        Raises:
            ConfigError: If what is there was made by something else; says each difference.
            CheckpointError: If it cannot be read or written.
        """
        kept = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _agree(folder, json.loads(json.dumps(made_by)))
        except OSError as error:
            raise CheckpointError(f"cannot use the cache {folder}: {error}") from error
        for path in sorted(folder.glob("chunk-*.safetensors")):
            kept._index(path)
        return kept

    def __len__(self) -> int:
        return len(self._places) + len(self._waiting)

    @property
    def waiting(self) -> int:
        """How many answers are not on disk yet."""
        return len(self._waiting)

    def get(self, name: bytes) -> Mapping[str, Tensor] | None:
        """Give an answer on the CPU, or None if it is not known.

        Raises:
            CheckpointError: If its file cannot be read any more.
        """
        if name in self._waiting:
            return self._waiting[name]
        if name not in self._places:
            return None
        path, row = self._places[name]
        return {what: rows[row] for what, rows in self._chunk(path).items() if what != _NAMES}

    def add(self, name: bytes, answer: Mapping[str, Tensor]) -> None:
        """Keep an answer under a name of 16 bytes; its tensors may still be on the device."""
        assert len(name) == _NAME_BYTES
        self._waiting[name] = answer

    def flush(self) -> None:
        """Write what waits; answers of different shapes go into chunks of their own.

        Raises:
            OSError, SafetensorError: If it cannot be written; then it waits on.
            DataError: If an answer is not finite.
        """
        alike: dict[tuple[Any, ...], list[bytes]] = {}
        for name, answer in self._waiting.items():
            shapes = tuple((what, tuple(value.shape)) for what, value in answer.items())
            alike.setdefault(shapes, []).append(name)
        for names in alike.values():
            self._write(names)

    def forget_waiting(self) -> None:
        """Give up what waits: it will be asked for again in another run."""
        self._waiting.clear()

    def _write(self, names: Sequence[bytes]) -> None:
        answers = [self._waiting[name] for name in names]
        rows = {what: torch.stack([a[what] for a in answers]).cpu() for what in answers[0]}
        if strange := [n for n, v in rows.items() if not torch.isfinite(v).all()]:
            raise DataError(
                f"the teacher's {strange[0]} are not finite as they would be kept in "
                f"{self.folder}; where half precision is too narrow for them, leave "
                f"--teacher.cache-half out"
            )
        codes = torch.frombuffer(bytearray(b"".join(names)), dtype=torch.uint8)
        path = self.folder / f"chunk-{sha256(b''.join(names)).hexdigest()[:24]}.safetensors"
        write_whole(path, {_NAMES: codes.view(-1, _NAME_BYTES), **rows})
        for row, name in enumerate(names):
            self._places[name] = (path, row)
            del self._waiting[name]

    def _chunk(self, path: Path) -> dict[str, Tensor]:
        """Read a chunk; the last ones stay in memory, for they are read in order."""
        if path not in self._in_memory:
            while len(self._in_memory) >= _CHUNKS_IN_MEMORY:
                del self._in_memory[next(iter(self._in_memory))]
            try:
                self._in_memory[path] = load_file(path)
            except (OSError, SafetensorError) as error:
                raise _broken(path, error) from error
        return self._in_memory[path]

    def _index(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                codes = file.get_tensor(_NAMES).numpy()
        except (OSError, SafetensorError) as error:
            raise _broken(path, error) from error
        for row, code in enumerate(codes):
            self._places[code.tobytes()] = (path, row)


def write_whole(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial)
        secure(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _broken(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"cannot read {path}: {error}; delete it, and the teacher will be asked again"
    )


def _agree(folder: Path, made_by: dict[str, Any]) -> None:
    """Write what a cache is made by, or hold it against what is there."""
    path = folder / HEADER_FILE
    wanted = {"format": FORMAT, "made_by": made_by}
    if not path.exists():
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        secure(partial)
        partial.replace(path)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version, before = found["format"], found["made_by"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is no description of a cache: {error}") from error
    if version != FORMAT:
        raise CheckpointError(f"{path} is of format {version}; this version reads {FORMAT}")
    differing = [
        f"\n  {name}: {before.get(name, '(absent)')} there, {made_by.get(name, '(absent)')} here"
        for name in {**before, **made_by}
        if before.get(name) != made_by.get(name) or (name in before) != (name in made_by)
    ]
    if differing:
        raise ConfigError(
            f"the scores in {folder} were made for other clips or by another teacher:"
            f"{''.join(differing)}\nuse the same values, or another --teacher.cache"
        )
