"""What a result follows from: named values, their digest, and the file that keeps them.

Whoever uses it says which values count. Values are what JSON holds: mappings, lists, strings,
numbers, booleans and None.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write

PROVENANCE_FILE = "provenance.json"
_DIGEST_CHARACTERS = 16
_ABSENT = "(absent)"


def compute_digest(values: Any) -> str:
    """Name values in 16 characters, whatever the order of their names."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGEST_CHARACTERS]


def diff_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say which values differ, as ``name: OLD before → NEW now``; nested ones dotted."""
    before, after = dict(_flatten(old)), dict(_flatten(new))
    return [
        f"{name}: {before.get(name, _ABSENT)} before → {after.get(name, _ABSENT)} now"
        for name in {**before, **after}
        if before.get(name, _ABSENT) != after.get(name, _ABSENT)
    ]


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


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
        # paths need not be UTF-8: everything else is escaped
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
