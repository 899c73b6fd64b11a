"""Where the relative paths of a list start, and which files its names mean."""

import os
from array import array
from collections.abc import Sequence

from videomae2.data.live.sources import hide_password, is_address
from videomae2.data.manifests.builder import FIRST_NUMBER, ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, find_by_stem, get_extension
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.video.frame_names import is_image, parse_frame_name
from videomae2.errors import ManifestError

MAX_PROBED_ENTRIES = 100
"""Entries looked for on disk: every one would take hours on a network file system."""

RELEASED_FRAME_NAME = "img_{:05}.jpg"
"""``--fname_tmpl`` of the released code."""


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
