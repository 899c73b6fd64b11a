"""Where the relative paths of a list start, and which files its names mean."""

import os
import re
from array import array
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from videomae2.data.live.sources import hide_password, is_address
from videomae2.data.manifests.builder import FIRST_NUMBER, ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import (
    VIDEO_EXTENSIONS,
    find_by_stem,
    find_videos,
    get_extension,
)
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.video.frame_names import is_image, parse_frame_name
from videomae2.errors import ConfigError, ManifestError

MAX_PROBED_ENTRIES = 100
"""Entries looked for on disk: every one would take hours on a network file system."""

RELEASED_FRAME_NAME = "img_{:05}.jpg"
"""``--fname_tmpl`` of the released code."""

_SERVED = re.compile(
    r"(?:https?://[^/]+)?/data/(?:upload/(?:[0-9]+/)?|local-files/?\?(?:.*&)?d=)([^&]+)"
)
"""How Label Studio names a file that was given to it, uploaded or from a folder of its machine."""
_UPLOAD_HASH = re.compile(r"[0-9a-f]{8}-")
"""What it puts before the name of an uploaded file."""


def find_served_files(builder: ManifestBuilder, roots: Sequence[str]) -> None:
    """Find the files that Label Studio names by where its server has them, by their names.

    Raises:
        ManifestError: None is there, or a name could be several files or the file of several names.
    """
    matches = {row: match for row, path in enumerate(builder.paths)
               if (match := _SERVED.fullmatch(path))}  # fmt: skip
    if not matches:
        return
    folder = roots[0] or os.curdir
    paths_of: dict[str, list[str]] = defaultdict(list)
    for path in find_videos(folder)[0]:
        paths_of[os.path.basename(path)].append(path)
    name_of: dict[str, str] = {}
    missing = []
    for row, match in matches.items():
        name, line = unquote(match[1]), builder.lines[row]
        candidates = _match_served(name, paths_of)
        if len(candidates) > 1:
            builder.add_error(line, f"{name} could be {' or '.join(candidates[:3])}")
        elif not candidates:
            missing.append(match)
        elif name_of.setdefault(candidates[0], name) != name:
            builder.add_error(line, f"{candidates[0]} could be {name_of[candidates[0]]} or {name}")
        else:
            builder.paths[row] = candidates[0]
    if len(missing) == len(matches):
        name = os.path.basename(unquote(missing[0][1]))
        bare = _UPLOAD_HASH.sub("", name, count=1)
        wanted = name if bare == name else f"{name} or {bare}"
        raise ManifestError(
            f"{missing[0][0]} is where Label Studio's server has a file, and no {wanted} is in "
            f"{folder} or below: give the folder of the files as root, say media/upload of its "
            "data folder, or yours with the files under the names they had",
            path=builder.source,
            line=builder.lines[next(iter(matches))] or None,
        )
    builder.check()
    if missing:
        builder.warnings.append(
            f"{len(missing)} of {len(matches)} have no file in {folder}, such as {missing[0][0]}"
        )


def _match_served(name: str, paths_of: dict[str, list[str]]) -> list[str]:
    """The files of that name, with or without the hash before it; of several those that lie so."""
    base = os.path.basename(name)
    candidates = paths_of.get(base) or paths_of.get(_UPLOAD_HASH.sub("", base, count=1)) or []
    parts = name.split("/")
    for first in range(len(parts) - 1):
        tail = os.path.join(*parts[first:])
        if alike := [path for path in candidates if f"/{path}".endswith(f"/{tail}")]:
            return alike
    return candidates


def complete_names(builder: ManifestBuilder, roots: Sequence[str]) -> None:
    """Find the files of names that lack their ending, as EchoNet's and Something-Something's."""
    probed = builder.paths[:MAX_PROBED_ENTRIES]
    if any(builder.is_frames) or any(get_extension(path) in VIDEO_EXTENSIONS for path in probed):
        return
    if any(os.path.exists(os.path.join(root, path)) for root in roots for path in probed):
        return
    paths_of = find_by_stem(roots[0] or os.curdir)
    ids = {row: name for row, (name, _) in builder.untrimmed.items()}
    if not any(paths_of.get(name) for name in (*builder.paths, *ids.values())):
        return
    for row, path in enumerate(builder.paths):
        candidates = paths_of.get(path, ())
        if not candidates and (candidates := paths_of.get(ids.get(row, ""), ())):
            builder.seconds[2 * row : 2 * row + 2] = array("d", builder.untrimmed[row][1])
        if len(candidates) > 1:
            builder.add_error(builder.lines[row], f"{path} could be {' or '.join(candidates[:3])}")
        builder.paths[row] = candidates[0] if candidates else path
    builder.check()
    if missing := [path for path in builder.paths if get_extension(path) not in VIDEO_EXTENSIONS]:
        builder.warnings.append(
            f"{len(missing)} of {len(builder.paths)} have no file in {roots[0] or 'this folder'}, "
            f"such as {missing[0]}"
        )


def resolve_root(builder: ManifestBuilder, roots: list[str], *, required: bool) -> str:
    """Choose the folder that relative paths start from: the first one where an entry exists.

    Raises:
        ManifestError: There is none: mostly a wrong root; or an entry is an address, no path.
    """
    for path, line in zip(builder.paths, builder.lines, strict=True):
        if "://" in path and is_address(path):
            raise ManifestError(
                f"{hide_password(path)} is an address, and the videos of a list are files; "
                "download them, and list their paths",
                path=builder.source,
                line=line or None,
            )
    probed = builder.paths[:MAX_PROBED_ENTRIES]
    for root in roots:
        if any(os.path.exists(os.path.join(root, path)) for path in probed):
            return root
    if required:
        candidates = " nor as ".join(dict.fromkeys(os.path.join(root, probed[0]) for root in roots))
        root_hint = f", now {roots[0]!r}" if len(roots) == 1 else ""
        remedy = f"give the folder that the paths start from as root{root_hint}"
        if "\\" in probed[0]:
            remedy = "write / for the \\ of Windows, and " + remedy
        message = (
            f"none of its first {len(probed)} entries exists: {probed[0]} not as {candidates}; "
            f"{remedy}"
        )
        raise ManifestError(message, path=builder.source, line=builder.lines[0] or None)
    return roots[0]


def resolve_frame_name(
    builder: ManifestBuilder, options: ReadOptions, roots: Sequence[str]
) -> str | None:
    """Give the template for the entries that are folders of frames; None if there are none.

    Folders whose images are called otherwise than the released ones are read in the order of the
    numbers of their images.
    """
    rows = [row for row, is_frames in enumerate(builder.is_frames) if is_frames]
    if not rows:
        return None
    try:
        template = parse_frame_name(options.frame_name or RELEASED_FRAME_NAME)
    except ValueError as error:
        raise ManifestError(str(error), path=builder.source) from error
    names = _list_first_folder(builder, roots)
    has_template = options.frame_name or not names or any(map(template.extract_digits, names))
    for row in rows:
        if builder.first[row] == ABSENT:
            builder.first[row] = FIRST_NUMBER if has_template else 0
    return str(template) if has_template else None


def _list_first_folder(builder: ManifestBuilder, roots: Sequence[str]) -> list[str]:
    """The images of the first folder of frames that is there."""
    frames = zip(builder.paths, builder.is_frames, strict=True)
    probed = [path for path, is_frames in frames if is_frames][:MAX_PROBED_ENTRIES]
    for folder in (os.path.join(root, path) for root in roots for path in probed):
        if os.path.isdir(folder):
            return list(filter(is_image, os.listdir(folder)))
    return []


def check_outside(out: Path, *sources: Path | str, flag: str = "--out") -> None:
    """Refuse to write into a folder of videos that is read: results would be videos of it.

    Raises:
        ConfigError: ``out`` is one of the folders, or lies in it; ``flag`` chooses another.
    """
    for source in sources:
        folder = Path(os.path.realpath(os.path.expanduser(source)))
        if folder.is_dir() and Path(os.path.realpath(out)).is_relative_to(folder):
            raise ConfigError(
                f"{out} lies in {source}, whose videos are read: what is written there would be "
                f"taken for some of them; choose another {flag}"
            )
