"""Where the relative paths of a list start, and which files are meant by names without ending."""

import os
from collections.abc import Sequence

from videomae2.data.manifests.builder import ManifestBuilder
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, find_by_stem, get_extension
from videomae2.errors import ManifestError

MAX_PROBED_ENTRIES = 100
"""Entries looked for on disk: every one would take hours on a network file system."""


def complete_names(builder: ManifestBuilder, roots: Sequence[str]) -> None:
    """Find the files of names that lack their ending, as EchoNet's and Something-Something's."""
    probed = builder.paths[:MAX_PROBED_ENTRIES]
    if any(builder.is_frames) or any(get_extension(path) in VIDEO_EXTENSIONS for path in probed):
        return
    if any(os.path.exists(os.path.join(root, path)) for root in roots for path in probed):
        return
    paths_of = find_by_stem(roots[0] or os.curdir)
    if not any(paths_of.get(path) for path in builder.paths):
        return
    for row, path in enumerate(builder.paths):
        candidates = paths_of.get(path, ())
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
        ManifestError: There is none: mostly a wrong root.
    """
    probed = builder.paths[:MAX_PROBED_ENTRIES]
    for root in roots:
        if any(os.path.exists(os.path.join(root, path)) for path in probed):
            return root
    if required:
        candidates = " nor as ".join(dict.fromkeys(os.path.join(root, probed[0]) for root in roots))
        root_hint = f", now {roots[0]!r}" if len(roots) == 1 else ""
        remedy = f"give the folder that the paths start from as root{root_hint}"
        message = (
            f"none of its first {len(probed)} entries exists: {probed[0]} not as {candidates}; "
            f"{remedy}"
        )
        raise ManifestError(message, path=builder.source, line=builder.lines[0] or None)
    return roots[0]
