"""Which licence weights are under, and what follows for the models that are made of them.

The card of a model says it under ``licence`` in its metadata, by the short names of the Hugging
Face hub, and names the models that it was made of under ``parents``.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videomae2.base.json_files import read_small_text
from videomae2.models.weights.hub.cache import find_snapshot
from videomae2.models.weights.hub.released import find_released_file

Parents = Mapping[str, tuple[str, Mapping[str, Any]]]
"""By the part that they had (``init``, ``teacher``): path and metadata of each."""
LICENCE_KEY, PARENTS_KEY = "licence", "parents"
MODEL_CARD = "README.md"
_NON_COMMERCIAL = re.compile(r"(?i)(^|[-_ ])(nc|non-?commercial)([-_ ]|$)")


def is_non_commercial(licence: str) -> bool:
    """Whether a licence forbids commercial use, by its name, such as cc-by-nc-4.0."""
    return _NON_COMMERCIAL.search(licence) is not None


def get_licence(metadata: Mapping[str, Any]) -> str | None:
    """What a card says; None if it says nothing."""
    licence = metadata.get(LICENCE_KEY)
    return licence if isinstance(licence, str) and licence else None


def find_origin(path: Path) -> dict[str, Any]:
    """Where foreign weights come from and their licence, as far as anybody says it, for a card.

    A released file is known by its name, and files of the hub by the model card beside them.
    """
    snapshot = find_snapshot(path)
    origin: dict[str, Any] = {} if snapshot is None else {"source": snapshot.address}
    row = find_released_file(path.name)
    card = path.parent if path.is_file() else path
    licence = row.weights_licence if row is not None else None
    if row is not None:
        origin["released"] = row.name
    if licence is None:
        folders = [card] if snapshot is None else [card, snapshot.folder]
        licence = next(filter(None, map(read_model_card_licence, folders)), None)
    return {**origin, LICENCE_KEY: licence} if licence else origin


def read_model_card_licence(folder: Path) -> str | None:
    """The licence in the head of a folder's model card; None if there is none."""
    try:
        text = read_small_text(folder / MODEL_CARD)
    except (OSError, ValueError):
        return None
    match = re.match(r"---\r?\n(?:.*\n)*?license: *([^\s]+) *\r?\n(?:.*\n)*?---", text)
    return match[1].strip("'\"") if match else None


def build_parentage(parents: Parents) -> dict[str, Any]:
    """What the card of a model says of those that it was made of.

    Returns:
        The parents with their licences, and the strictest of these as the model's own.
    """
    if not parents:
        return {}
    entries = {
        role: {"path": path, **({LICENCE_KEY: licence} if (licence := get_licence(meta)) else {})}
        for role, (path, meta) in parents.items()
    }
    licences = [entry[LICENCE_KEY] for entry in entries.values() if LICENCE_KEY in entry]
    if not licences:
        return {PARENTS_KEY: entries}
    return {PARENTS_KEY: entries, LICENCE_KEY: max(licences, key=is_non_commercial)}


def describe_licence(metadata: Mapping[str, Any]) -> str | None:
    """What those should know who get a model from us: its licence and where that is from."""
    licence = get_licence(metadata)
    if licence is None:
        return None
    parents = metadata.get(PARENTS_KEY)
    named = parents if isinstance(parents, Mapping) else {}
    origins = [
        str(entry.get("path"))
        for entry in named.values()
        if isinstance(entry, Mapping) and entry.get(LICENCE_KEY) == licence
    ]
    text = f"{licence}, as of {' and '.join(origins)}" if origins else licence
    if is_non_commercial(licence):
        text += ": not for commercial use, and so is all that is made of these weights"
    return text
