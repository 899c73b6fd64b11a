"""Which files of a repository of the hub make up a model."""

import re
from collections.abc import Sequence

from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import (
    CONFIG_FILE,
    NO_WEIGHTS,
    PROCESSOR_FILES,
    STANDARD_NAMES,
    WEIGHT_SUFFIXES,
)
from videomae2.models.weights.hub.cache import HubAddress

_TEXTS = (CONFIG_FILE, *PROCESSOR_FILES)
_MAX_SHOWN = 8


def choose_files(names: Sequence[str], address: HubAddress) -> list[str]:
    """Which files of a repository make up a model, weights last: they tell that it is whole.

    Raises:
        CheckpointError: There are none, or several to choose from.
    """
    if address.file in names:
        folder, _, file = address.file.rpartition("/")
        weights, has_texts = [address.file], file in STANDARD_NAMES
    else:
        folder, has_texts = address.file.rstrip("/"), True
        weights = _choose_weights(names, folder, address)
    prefix = f"{folder}/" if folder else ""
    texts = [f"{prefix}{name}" for name in _TEXTS] if has_texts else []
    texts += ["README.md", f"{prefix}README.md"]
    return [*dict.fromkeys(name for name in texts if name in names), *weights]


def _choose_weights(names: Sequence[str], folder: str, address: HubAddress) -> list[str]:
    inside = {name.rpartition("/")[2]: name for name in names if name.rpartition("/")[0] == folder}
    for name in STANDARD_NAMES:
        if name in inside:
            return [inside[name]]
        if f"{name}.index.json" in inside:
            stem, _, suffix = name.rpartition(".")
            shard = re.compile(rf"{stem}-\d{{5}}-of-\d{{5}}\.{suffix}")
            shards = sorted(path for name, path in inside.items() if shard.fullmatch(name))
            return [inside[f"{name}.index.json"], *shards]
    pool = [
        name
        for name in (inside.values() if folder else names)
        if name.endswith(WEIGHT_SUFFIXES) and not any(word in name for word in NO_WEIGHTS)
    ]
    if len(pool) == 1 and pool[0] in inside.values():
        return pool
    if not pool:
        raise CheckpointError(f"{address} holds no weights ({', '.join(WEIGHT_SUFFIXES)})")
    shown = ", ".join(pool[:_MAX_SHOWN]) + (", …" if len(pool) > _MAX_SHOWN else "")
    raise CheckpointError(
        f"{address} names no file of weights; name one as hf://{address.repo}/FILE: {shown}"
    )
