"""Files of the Hugging Face hub in its own cache: what they are called there, found and checked."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import find_weight_files
from videomae2.models.weights.hub.errors import import_hub

_SNAPSHOT = re.compile(r"(.*/models--([^/]+)--([^/]+)/snapshots/([^/]+))(?:/(.*))?")
LARGE_HASH_LENGTH = 64
"""Of SHA-256, by which files in large storage are called; texts have git's hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubAddress:
    """A model of the hub, or a file or folder of one."""

    repo: str
    """owner/name."""
    file: str = ""
    revision: str = "main"

    def __str__(self) -> str:
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return f"hf://{self.repo}{revision}" + (f"/{self.file}" if self.file else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A path within the hub's cache, and what it is of."""

    folder: Path
    """All files of the repository that are here."""
    repo: str
    commit: str
    file: str

    @property
    def address(self) -> str:
        """What it is a copy of."""
        return str(HubAddress(repo=self.repo, file=self.file, revision=self.commit))

    @property
    def name(self) -> str:
        """What to call results of it."""
        return Path(self.file).stem or self.repo.rpartition("/")[2]


def find_snapshot(path: Path) -> Snapshot | None:
    """What a path is a copy of; None outside the hub's cache."""
    match = _SNAPSHOT.fullmatch(os.path.abspath(path))
    if match is None:
        return None
    folder, owner, name, commit, file = match.groups()
    return Snapshot(folder=Path(folder), repo=f"{owner}/{name}", commit=commit, file=file or "")


def find_cached(address: HubAddress) -> Path | None:
    """Where a model is in the cache; None if it is not there with all of its weights."""
    storage, commit = get_storage(address), address.revision
    ref = storage / "refs" / address.revision
    if ref.is_file():
        commit = ref.read_text(encoding="utf-8").strip()
    path = storage / "snapshots" / commit / address.file
    if not path.is_dir():
        return path if path.is_file() else None
    try:
        find_weight_files(path)
    except CheckpointError:
        return None
    return path


def verify_cached(path: Path) -> bool:
    """Hold a file of the cache against the hash that is its name there; False if it has none.

    Raises:
        CheckpointError: It has another; it is deleted, so that the next call fetches it again.
    """
    blob = Path(os.path.realpath(path))
    if not re.fullmatch(rf"[0-9a-f]{{{LARGE_HASH_LENGTH}}}", blob.name):
        return False
    try:
        check_hash(blob, blob.name, str(path))
    except CheckpointError:
        path.unlink(missing_ok=True)
        raise
    return True


def get_storage(address: HubAddress) -> Path:
    """Where the hub's library keeps a repository."""
    import_hub()
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{address.repo.replace('/', '--')}"


def check_hash(path: Path, etag: str, source: str) -> None:
    """Hold a file against its hash, and delete it if it has another.

    Raises:
        CheckpointError: It has.
    """
    with path.open("rb") as file:
        if len(etag) == LARGE_HASH_LENGTH:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            content = file.read()
            head = b"blob %d\0" % len(content)
            found = hashlib.sha1(head + content, usedforsecurity=False).hexdigest()
    if found != etag:
        path.unlink()
        raise CheckpointError(
            f"{source} is damaged: its hash is {found}, and the hub says {etag}; it was deleted, "
            "fetch it again"
        )
