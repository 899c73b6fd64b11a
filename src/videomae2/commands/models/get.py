"""Fetch a model into the hub's cache, or check the one that is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.base.files import path_exists
from videomae2.base.summary import Summary
from videomae2.base.text import format_bytes
from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import find_weight_files
from videomae2.models.weights.hub.cache import HubAddress, find_cached, verify_cached
from videomae2.models.weights.hub.fetch import fetch
from videomae2.models.weights.hub.licence import (
    LICENCE_KEY,
    find_origin,
    is_non_commercial,
)
from videomae2.models.weights.hub.locate import find_address, suggest_released


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedModel:
    """A model in the cache."""

    address: HubAddress
    path: Path
    was_cached: bool
    was_checked: bool
    """Whether its hash was known; what was fetched here always is."""
    files: Sequence[Path]
    """Its weights."""
    licence: str | None

    def summarize(self) -> Summary:
        """Where it is and what it may be used for, in a few lines."""
        how = "was in the cache" if self.was_cached else "fetched"
        how += ", and has the right hash" if self.was_checked else ", which knows no hash of it"
        size = format_bytes(sum(path.stat().st_size for path in self.files))
        licence = self.licence or "nobody states one"
        if self.licence and is_non_commercial(self.licence):
            licence += ": not for commercial use, and so is all that is made of these weights"
        rows = (("model", f"{self.address} ({size}; {how})"), ("licence", licence))
        return Summary((*rows, ("path", str(self.path))))

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {
            "address": str(self.address),
            "path": str(self.path),
            "was_cached": self.was_cached,
            "was_checked": self.was_checked,
            "licence": self.licence,
        }


def get_model(name: Path) -> FetchedModel:
    """Fetch a released model or one at an address; one that is in the cache is checked.

    Raises:
        CheckpointError: There is no such model, it cannot be had, or what is there is damaged.
        ConfigError: huggingface_hub is missing.
    """
    address = find_address(name)
    if address is None:
        what = "is a path of this machine" if path_exists(name) else "is no released model"
        raise CheckpointError(
            f"{name} {what}; want a name that videomae2 models lists, or hf://owner/name"
            f"{suggest_released(name)}"
        )
    found = find_cached(address)
    path = fetch(address) if found is None else found
    files = find_weight_files(path) if path.is_dir() else [path]
    return FetchedModel(
        address=address,
        path=path,
        was_cached=found is not None,
        was_checked=found is None or all(map(verify_cached, files)),
        files=files,
        licence=find_origin(path).get(LICENCE_KEY),
    )
