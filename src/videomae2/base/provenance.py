"""What a result follows from: named values, their digest, and the file that keeps them.

Whoever uses it says which values count. Values are what JSON holds: mappings, lists, strings,
numbers, booleans and None.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write
from videomae2.base.json_files import read_json
from videomae2.base.names import printable_name
from videomae2.errors import shorten

PROVENANCE_FILE = "provenance.json"
_DIGEST_CHARACTERS = 16
_MAX_SHOWN, _MAX_LISTED = 200, 12
_ABSENT = "(absent)"


def compute_digest(values: Any) -> str:
    """Name values in 16 characters, whatever the order of their names."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGEST_CHARACTERS]


def diff_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say which values differ, as ``name: OLD before → NEW now``; nested ones dotted."""
    before, after = dict(_flatten(old)), dict(_flatten(new))
    return [
        f"{printable_name(name)}: {_format(before, name)} before → {_format(after, name)} now"
        for name in {**before, **after}
        if before.get(name, _ABSENT) != after.get(name, _ABSENT)
    ]


def list_differences(differences: Sequence[str]) -> str:
    """The first ones as lines of a message, and how many more there are."""
    more = len(differences) - _MAX_LISTED
    lines = [*differences[:_MAX_LISTED], *([f"and {more} more"] * (more > 0))]
    return "".join(f"\n  {line}" for line in lines)


def _format(values: Mapping[str, Any], name: str) -> str:
    return printable_name(shorten(str(values.get(name, _ABSENT)), _MAX_SHOWN))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def read_provenance(folder: Path) -> dict[str, Any] | None:
    """The values that a folder follows from; None where nothing says it.

    Raises:
        ValueError: The file cannot be read, or is not ours; says why, without its path.
    """
    try:
        values = read_json(folder / PROVENANCE_FILE)
    except FileNotFoundError:
        return None
    if not isinstance(values, dict):
        raise ValueError("holds no object of JSON")
    return values


def find_foreign_file(folder: Path, names: Iterable[str], *, key: str) -> Path | None:
    """What would be written over in a folder that is not filled by results of a kind; or None.

    Args:
        folder: The folder; it need not exist.
        names: Of what the kind writes there.
        key: A name that its provenance has, and that of no other kind.
    """
    try:
        values = read_provenance(folder)
    except ValueError:  # damaged: who compares it says so
        return None
    if values is not None:
        return None if key in values else folder / PROVENANCE_FILE
    return next((folder / name for name in names if os.path.lexists(folder / name)), None)


def write_provenance(folder: Path, values: Mapping[str, Any]) -> None:
    """Write down, atomically, what a folder follows from."""
    with atomic_write(folder / PROVENANCE_FILE) as partial:
        # paths need not be UTF-8: everything else is escaped
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
