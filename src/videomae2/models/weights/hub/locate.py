"""A name, an address of the hub or a path → a path of this machine: one way for every command."""

import os
import re
from pathlib import Path

from videomae2.base.files import path_exists
from videomae2.base.text import find_nearest
from videomae2.errors import CheckpointError
from videomae2.models.weights.hub.cache import HubAddress, find_cached, find_snapshot
from videomae2.models.weights.hub.fetch import downloads_allowed, fetch
from videomae2.models.weights.hub.released import RELEASED

_ADDRESS = re.compile(r"hf:/{1,2}([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/(.+?))?/?")
_LIKE_A_NAME = 0.8


def locate_weights(path: Path) -> Path:
    """The local path of weights, which are fetched if they are of the hub and not here.

    Args:
        path: A path of this machine; ``hf://owner/name``, with a file or folder behind it and
            ``@revision`` before that; or the name of a released model. What is there by that path
            comes first.

    Returns:
        The path, which need not exist if it is none of the hub.

    Raises:
        CheckpointError: It is of the hub, and cannot be had.
        ConfigError: huggingface_hub is missing.
    """
    if path_exists(path):
        return Path(os.path.expanduser(path))
    address = find_address(path)
    if address is None:
        return Path(os.path.expanduser(path))
    found = find_cached(address)
    if found is not None:
        return found
    if not downloads_allowed():
        raise CheckpointError(
            f"{path} is not in the cache, and a dry run fetches nothing: videomae2 models get "
            f"{_shown(path)} does"
        )
    return fetch(address)


def model_exists(path: Path) -> bool:
    """Whether a path is there, or may be of the hub, which is not asked: for checks of settings."""
    return path_exists(path) or str(path) in RELEASED or _shown(path).startswith("hf://")


def find_address(path: Path) -> HubAddress | None:
    """Where the hub has what a name or an address stands for; None for all that is neither.

    Raises:
        CheckpointError: An address is malformed, or the model is not on the hub.
    """
    row = RELEASED.get(str(path))
    if row is not None and row.repo is None:
        raise CheckpointError(
            f"{row.name} is not on the hub ({row.remark}); if you have its file, give the path"
        )
    if row is not None:
        return HubAddress(repo=str(row.repo), file=row.file or "")
    if not _shown(path).startswith("hf://"):
        return None
    match = _ADDRESS.fullmatch(str(path))
    if match is None:
        raise CheckpointError(f"{_shown(path)} is no address: want hf://owner/name[/FILE]")
    return HubAddress(repo=match[1], file=match[3] or "", revision=match[2] or "main")


def suggest_released(path: Path) -> str:
    """Which released model was probably meant, for the end of a sentence."""
    near = find_nearest(str(path), RELEASED, cutoff=_LIKE_A_NAME)
    return f"; did you mean {near}?" if near else ""


def name_weights(path: Path) -> str:
    """What to call results of foreign weights: by their file, or of the hub by their model."""
    snapshot = find_snapshot(path)
    return path.stem if snapshot is None else snapshot.name


def _shown(path: Path) -> str:
    """As it was written: a path joins the strokes of an address."""
    return re.sub(r"^hf:/(?!/)", "hf://", str(path))
