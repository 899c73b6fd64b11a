"""Files of the Hugging Face hub in its own cache: found, fetched with resume, checked by hash.

huggingface_hub itself throws away what had arrived when a process ends, and holds what came by HTTP
against its size alone. So a file is fetched by its ``http_get`` under a name that stays, counts
only when its content has the hash that the hub states, and is then linked by ``hf_hub_download``.
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from videomae2.base.files import atomic_write_text, check_writable, fsync_tree
from videomae2.base.progress import start_progress
from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import (
    CONFIG_FILE,
    NO_WEIGHTS,
    PROCESSOR_FILES,
    STANDARD_NAMES,
    WEIGHT_SUFFIXES,
    find_weight_files,
)
from videomae2.models.weights.hub.errors import explain_hub_errors, import_hub

_logger = logging.getLogger(__name__)
_MEGABYTE = 1e6
_TEXTS = (CONFIG_FILE, *PROCESSOR_FILES)
_SNAPSHOT = re.compile(r"(.*/models--([^/]+)--([^/]+)/snapshots/([^/]+))(?:/(.*))?")
_MAX_SHOWN = 8
_allowed: ContextVar[bool] = ContextVar("downloads are allowed", default=True)


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


@contextmanager
def forbid_downloads() -> Iterator[None]:
    """Within it what is not in the cache is not fetched, as in a dry run."""
    token = _allowed.set(False)
    try:
        yield
    finally:
        _allowed.reset(token)


def downloads_allowed() -> bool:
    """Whether what is not here may be fetched."""
    return _allowed.get()


def find_cached(address: HubAddress) -> Path | None:
    """Where a model is in the cache; None if it is not there with all of its weights."""
    storage, commit = _get_storage(address), address.revision
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


def fetch(address: HubAddress) -> Path:
    """Bring a model into the cache, unless it is there, and give its path.

    Raises:
        CheckpointError: The hub cannot be reached or has no such model, the connection broke, or
            what came is not what the hub says.
    """
    hub = import_hub()
    with explain_hub_errors(str(address), address.repo, address.file):
        info = hub.HfApi().model_info(address.repo, revision=address.revision)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        for name in choose_files(names, address):
            _fetch_file(address.repo, str(info.sha), name)
    storage = _get_storage(address)
    if address.revision != info.sha:
        (storage / "refs" / address.revision).parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(storage / "refs" / address.revision, str(info.sha))
    return storage / "snapshots" / str(info.sha) / address.file


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


def verify_cached(path: Path) -> str | None:
    """Hold a file of the cache against the hash that is its name there; None if it has none.

    Raises:
        CheckpointError: It has another; it is deleted, so that the next call fetches it again.
    """
    blob = Path(os.path.realpath(path))
    if not re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return None
    try:
        _check_hash(blob, blob.name, str(path))
    except CheckpointError:
        path.unlink(missing_ok=True)
        raise
    return blob.name


def _get_storage(address: HubAddress) -> Path:
    import_hub()
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{address.repo.replace('/', '--')}"


def _fetch_file(repo: str, commit: str, name: str) -> None:
    """Bring one file into the cache: downloaded and checked, then linked."""
    hub = import_hub()
    from huggingface_hub import constants
    from huggingface_hub.utils import WeakFileLock

    storage = _get_storage(HubAddress(repo=repo))
    if (storage / "snapshots" / commit / name).is_file():
        return
    url = hub.hf_hub_url(repo, name, revision=commit)
    facts = hub.get_hf_file_metadata(url)
    blob = storage / "blobs" / str(facts.etag)
    blob.parent.mkdir(parents=True, exist_ok=True)
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / storage.name / f"{facts.etag}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if not blob.exists():
            _download(url, blob, str(facts.etag), facts.size, name)
    hub.hf_hub_download(repo, name, revision=commit)


def _download(url: str, blob: Path, etag: str, size: int | None, name: str) -> None:
    """Fetch what is missing of a file, and let it count when its hash is right."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    if not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{40}", etag):
        raise CheckpointError(
            f"{url} comes without a hash to check it by (its ETag is {etag:.40}): download it by "
            "hand, and give its path"
        )
    partial = blob.with_name(f"{etag}.incomplete")
    done = partial.stat().st_size if partial.is_file() else 0
    if size is not None and done > size:
        partial.unlink()
        done = 0
    check_writable(blob.parent, needed_bytes=(size or 0) - done)
    if re.fullmatch(r"[0-9a-f]{64}", etag):
        known = "" if size is None else f" ({size / _MEGABYTE:.3g} MB)"
        rest = f", from {done / _MEGABYTE:.3g} MB on" if done else ""
        _logger.info(f"fetch     {name}{known} from {url}{rest}")
    with partial.open("ab") as file:
        http_get(
            url,
            file,
            resume_size=done,
            headers=build_hf_headers(),
            expected_size=size,
            displayed_filename=name,
            tqdm_class=_Bar,
        )
    _check_hash(partial, etag, url)
    fsync_tree(partial)
    partial.replace(blob)


def _check_hash(path: Path, etag: str, source: str) -> None:
    """SHA-256 of files in large storage, else git's SHA-1; what differs is deleted."""
    with path.open("rb") as file:
        if len(etag) == 64:
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


class _Bar:
    """Our display of progress under the methods of tqdm that ``http_get`` calls."""

    def __init__(self, *, total: int | None, initial: int = 0, desc: str = "", **_: Any) -> None:
        megabytes = None if total is None else total / _MEGABYTE
        self._progress = start_progress(desc, total=megabytes, unit="MB", done=initial / _MEGABYTE)

    def update(self, count: int) -> None:
        """Add bytes that have come; fewer than none where a server begins anew."""
        self._progress.advance(count / _MEGABYTE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.close()
