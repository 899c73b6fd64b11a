"""Files of the hub into its cache: with resume, and only with the hash that the hub states.

huggingface_hub itself throws away what had arrived when a process ends, and holds what came by HTTP
against its size alone. So a file is fetched by its ``http_get`` under a name that stays, counts
only when its content has the hash that the hub states, and is then linked by ``hf_hub_download``.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

from videomae2.base.files import atomic_write_text, check_writable, fsync_tree
from videomae2.base.progress import start_progress
from videomae2.errors import CheckpointError
from videomae2.models.weights.hub.cache import (
    LARGE_HASH_LENGTH,
    HubAddress,
    check_hash,
    get_storage,
)
from videomae2.models.weights.hub.choose import choose_files
from videomae2.models.weights.hub.errors import explain_hub_errors, import_hub

_logger = logging.getLogger(__name__)
_MEGABYTE = 1e6
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_allowed: ContextVar[bool] = ContextVar("downloads are allowed", default=True)


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


def fetch(address: HubAddress) -> Path:
    """Bring a model into the cache, unless it is there, and give its path.

    Raises:
        CheckpointError: The hub cannot be reached or has no such model, the connection broke, or
            what came is not what the hub says.
    """
    hub = import_hub()
    with explain_hub_errors(str(address), address.repo, address.file):
        info = hub.HfApi().model_info(address.repo, revision=address.revision)
        if not _HASH.fullmatch(str(info.sha)):
            raise CheckpointError(f"{address} comes without a commit: see HF_ENDPOINT")
        names = [sibling.rfilename for sibling in info.siblings or ()]
        for name in choose_files(names, address):
            _fetch_file(address.repo, info.sha, name)
    storage = get_storage(address)
    if address.revision != info.sha:
        (storage / "refs" / address.revision).parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(storage / "refs" / address.revision, info.sha)
    return storage / "snapshots" / info.sha / address.file


def _fetch_file(repo: str, commit: str, name: str) -> None:
    """Bring one file into the cache: downloaded and checked, then linked."""
    hub = import_hub()
    from huggingface_hub import constants
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    storage = get_storage(HubAddress(repo=repo))
    if (storage / "snapshots" / commit / name).is_file():
        return
    url = hub.hf_hub_url(repo, name, revision=commit)
    facts = hub.get_hf_file_metadata(url)
    if not _HASH.fullmatch(str(facts.etag)):
        raise CheckpointError(
            f"{url} comes without a hash to check it by (its ETag is {facts.etag!s:.40}): download "
            "it by hand, and give its path"
        )
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
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    partial = blob.with_name(f"{etag}.incomplete")
    done = partial.stat().st_size if partial.is_file() else 0
    if size is not None and done > size:
        partial.unlink()
        done = 0
    check_writable(blob.parent, needed_bytes=(size or 0) - done)
    if len(etag) == LARGE_HASH_LENGTH:
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
    check_hash(partial, etag, url)
    fsync_tree(partial)
    partial.replace(blob)


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
