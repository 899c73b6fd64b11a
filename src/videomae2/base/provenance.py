"""What a result follows from: named values, what they come to in a digest, how two of them differ.

A run, a stage of a pipeline, an evaluation and a cache each say which values count. Values are what
JSON holds: mappings, lists, strings, numbers, booleans and None.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write

PROVENANCE_FILE = "provenance.json"
ABSENT = "(absent)"
_DIGEST_CHARACTERS = 16


def compute_digest(values: Any) -> str:
    """Name values in 16 characters, whatever the order of their names."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGEST_CHARACTERS]


def diff_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """List what differs as ``name: old -> new``, in the order of the new values."""
    before, after = dict(_flatten(old)), dict(_flatten(new))
    return [
        f"{name}: {before.get(name, ABSENT)} -> {after.get(name, ABSENT)}"
        for name in {**after, **before}
        if (name in before, before.get(name)) != (name in after, after.get(name))
    ]


def read_provenance(folder: Path) -> dict[str, Any] | None:
    """The values that a folder follows from; None where nothing says it.

    Raises:
        OSError, ValueError: The file cannot be read, or is not ours.
    """
    try:
        values = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(values, dict):
        raise ValueError(f"holds {type(values).__name__}, wanted an object")
    return values


def write_provenance(folder: Path, values: Mapping[str, Any]) -> None:
    """Write down, atomically, what a folder follows from."""
    with atomic_write(folder / PROVENANCE_FILE) as partial:
        text = json.dumps(values, indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
