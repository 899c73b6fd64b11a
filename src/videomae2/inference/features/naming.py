"""What the features of each video of a list are called."""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from videomae2.base.names import shorten_name
from videomae2.data.manifests.manifest import Entry, Manifest
from videomae2.inference.features.store import FeatureVideo

_MAX_STEM = 60


def name_videos(manifest: Manifest) -> list[FeatureVideo]:
    """Name videos as detection code does: by the file's name up to its last ending.

    Where two files share that, all of the list are called by their paths in it, and where that does
    not do either, with their endings too. A window of a file has its first and last frame, or
    seconds, behind the name.
    """
    entries = list(manifest)
    paths = [_make_relative(path) for path in manifest.paths]
    stems = [_strip_ending(path, entry) for path, entry in zip(paths, entries, strict=True)]
    bases = [PurePath(stem).name for stem in stems]
    for names in (bases, stems, paths):
        if _tells_apart(names, entries):
            break
    return [
        FeatureVideo(_shorten(f"{name}{_format_window(entry)}"), entry)
        for name, entry in zip(names, entries, strict=True)
    ]


def name_in_cache(entry: Entry) -> FeatureVideo:
    """Name a video whatever the list that it is in: by its path on this machine, too."""
    path = os.path.abspath(entry.path)
    key = repr((path, *entry.window, entry.is_frames, entry.bits))
    digest = hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    stem = os.fsencode(PurePath(path).stem)[:_MAX_STEM].decode("utf-8", "ignore")
    return FeatureVideo(f"{stem}-{digest}", entry)


def _make_relative(path: str) -> str:
    """A path below a folder of features, wherever it led to."""
    return os.path.normpath("/" + path.replace("../", "")).lstrip("/") or "video"


def _strip_ending(path: str, entry: Entry) -> str:
    return path if entry.is_frames else os.path.splitext(path)[0]


def _tells_apart(names: Sequence[str], entries: Sequence[Entry]) -> bool:
    """Whether no two files have the same name."""
    files = set(zip(names, (entry.path for entry in entries), strict=True))
    return max(Counter(name for name, _ in files).values(), default=0) < 2


def _format_window(entry: Entry) -> str:
    if entry.seconds is not None:
        start, stop = entry.seconds
        return f"@{start:.12g}s-{'' if stop == float('inf') else f'{stop:.12g}s'}"
    if entry.is_frames and entry.frames is None:
        return ""
    if entry.first == 0 and entry.frames is None:
        return ""
    return f"@{entry.first}-{'' if entry.frames is None else entry.first + entry.frames - 1}"


def _shorten(name: str) -> str:
    folder, base = os.path.split(name)
    return os.path.join(folder, shorten_name(base))
