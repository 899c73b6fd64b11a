"""Read what a user calls "my data" as a manifest: a folder, a list, a table, a video."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from videomae2.data.cells import PARQUET, header_of
from videomae2.data.columns import Columns, Labels, Wish
from videomae2.data.folders import (
    IMAGE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    extension,
    find_videos,
    read_folder,
)
from videomae2.data.frame_folders import read_frame_folders
from videomae2.data.frame_names import parse
from videomae2.data.lists import detect, lines_of, read_list
from videomae2.data.manifest import Manifest
from videomae2.data.tables import PATH_WANTED, is_table, read_table
from videomae2.errors import ManifestError

Layout = Literal[
    "auto", "folder", "classes", "pretrain-list", "video-list", "frames-list", "table",
    "frame-folders",
]  # fmt: skip
_CELL = re.compile(r"\.(\w+)\"?\s*[,;]")  # the end of a path in a table without blanks
OF_FOLDERS = frozenset({"folder", "classes", "frame-folders"})

RELEASED_FRAME_NAME = "img_{:05}.jpg"  # --fname_tmpl of the released code
TRIED = 100  # entries looked for on disk: every one would take hours on a network file system


def read_manifest(
    path: Path | str,
    *,
    root: Path | str | None = None,
    layout: Layout = "auto",
    frame_name: str | None = None,
    labels: Labels = "ignore",
    class_names: Sequence[str] | None = None,
    first_number: int = 1,
    keep: str | None = None,
    columns: Sequence[str] = (),
    check_some_exist: bool = True,
) -> Manifest:
    """Read a folder of videos or of frame folders, a released list, a table, or one video.

    Videos are not opened, and are not looked for one by one.

    Args:
        path: The folder or file. A ~ at the start is the home folder.
        root: Put before the relative paths of a list. None: the list's own folder if one of the
            first hundred is there, else they are taken as they are.
        layout: How to read it; "auto" finds out, or raises where two readings are possible.
        frame_name: Template of frame images, such as img_{:05}.jpg or img_%05d.jpg. None: that
            one for lists, found out in a folder of frame folders.
        labels: Whether labels are read, and whether every entry must have one. With "ignore" a
            folder per class is an ordinary folder.
        class_names: The classes in the order of their labels. Give those of the training set
            when reading another set: a class without a video would shift the labels behind it.
        first_number: Number of the first image of a folder of frames, where a list does not say
            it (--start_idx of the released code).
        keep: Rows of a table to keep, as column=value, such as split=train.
        columns: Those of a table that the caller reads itself.
        check_some_exist: Raise if none of the first hundred entries of a list exists.

    Raises:
        ManifestError: It cannot be read, or lines are wrong: the first ten are named, with line.
    """
    source = os.path.expanduser(path)
    known = None if class_names is None else tuple(class_names)
    wish = Wish(labels=labels, class_names=known, frame_name=frame_name,
                first_number=first_number, keep=keep, columns=tuple(columns))  # fmt: skip
    if os.path.isdir(source):
        return _from_folder(source, layout, wish, root).manifest(source)
    found = _from_file(source, layout, wish)
    roots = [os.path.dirname(source), ""] if root is None else [os.path.expanduser(root)]
    found.frame_name = _frame_name(found, wish)
    base = _base(found, roots, required=check_some_exist)
    found.origin += f", paths relative to {base or 'the working folder'}"
    return found.manifest(base)


def _from_folder(source: str, layout: Layout, wish: Wish, root: Path | str | None) -> Columns:
    if layout not in ("auto", *OF_FOLDERS):
        raise ManifestError(f"is a folder, the layout {layout!r} wants a file", path=source)
    if root is not None or wish.keep is not None:
        option = "keep" if root is None else "root"
        raise ManifestError(f"is a folder: {option} has no effect on it, remove it", path=source)
    if layout == "frame-folders" or (layout == "auto" and wish.frame_name is not None):
        return read_frame_folders(source, wish=wish)
    if wish.frame_name is not None:
        message = f"frame_name has no effect on the layout {layout!r}, remove it"
        raise ManifestError(message, path=source)
    found = find_videos(source)
    if layout == "auto" and not found[0] and set(found[1]) & IMAGE_EXTENSIONS:
        return read_frame_folders(source, wish=wish)
    as_classes = {"classes": True, "folder": False}.get(layout)
    return read_folder(source, found, wish=wish, as_classes=as_classes)


def _from_file(source: str, layout: Layout, wish: Wish) -> Columns:
    if not os.path.exists(source):
        raise ManifestError(f"does not exist: {_nearest(source)}", path=source)
    if layout == "folder" or layout == "classes" or layout == "frame-folders":
        raise ManifestError(f"is a file, the layout {layout!r} wants a folder", path=source)
    kind = extension(source)
    if kind in VIDEO_EXTENSIONS and layout == "auto":
        return _one_video(source, wish)
    text = None if kind in PARQUET and layout in ("auto", "table") else read_text(source)
    if text is None or layout == "table" or (layout == "auto" and is_table(text, kind)):
        return read_table(source, text, wish=wish)
    if wish.keep is not None:
        raise ManifestError("is no table with a header: keep has no effect, remove it", path=source)
    if layout == "auto":
        _refuse_lookalikes(text, source)
        layout = detect(text, source, labelled=wish.labels == "required")
    return read_list(text, source, layout=layout, wish=wish)


def _frame_name(columns: Columns, wish: Wish) -> str | None:
    """Give the template for the entries that are folders of frames; None if there are none."""
    if not any(columns.is_frames):
        return None
    try:
        return str(parse(wish.frame_name or RELEASED_FRAME_NAME))
    except ValueError as error:
        raise ManifestError(str(error), path=columns.source) from error


def _one_video(source: str, wish: Wish) -> Columns:
    if wish.labels == "required":
        raise ManifestError("is one video without a label, and labels are needed", path=source)
    columns = Columns(source, origin="one video")
    columns.add(os.path.basename(source))
    return columns


def read_text(source: str) -> str:
    """Read a list as UTF-8, with or without a byte order mark."""
    try:
        content = Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", path=source) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is no UTF-8; save the list as UTF-8 text"
        raise ManifestError(message, path=source, line=line) from error


def _refuse_lookalikes(text: str, source: str) -> None:
    """Name what lists are mistaken for: tables whose header is missing or names no path, JSON."""
    lines = lines_of(text)
    number, line = next(lines, (1, ""))
    if _has_cell_of_video(line):
        message = "looks like a table without a header: put a first line such as path,label"
        raise ManifestError(message, path=source, line=number)
    names, delimiter = header_of(text)
    if delimiter in line and _has_cell_of_video(next(lines, (0, ""))[1]):
        message = f"looks like a table, but its columns are {', '.join(names)}; {PATH_WANTED}"
        raise ManifestError(message, path=source, line=number)
    if line.startswith("["):
        message = 'looks like a JSON array, wanted one object such as {"path": "a.mp4"} per line'
        raise ManifestError(message, path=source, line=number)


def _has_cell_of_video(line: str) -> bool:
    found = _CELL.search(line)
    return found is not None and found[1].lower() in VIDEO_EXTENSIONS


def _base(columns: Columns, roots: list[str], *, required: bool) -> str:
    """Choose the folder that relative paths start from: the first one where an entry exists.

    Raises:
        ManifestError: There is none: mostly a wrong root.
    """
    tried = columns.paths[:TRIED]
    for root in roots:
        if any(os.path.exists(os.path.join(root, path)) for path in tried):
            return root
    if required:
        first = " nor as ".join(dict.fromkeys(os.path.join(root, tried[0]) for root in roots))
        now = f", now {roots[0]!r}" if len(roots) == 1 else ""
        remedy = f"give the folder that the paths start from as root{now}"
        message = (
            f"none of its first {len(tried)} entries exists: {tried[0]} not as {first}; {remedy}"
        )
        raise ManifestError(message, path=columns.source, line=columns.lines[0] or None)
    return roots[0]


def _nearest(source: str) -> str:
    """Say which part of a path exists."""
    parent = os.path.dirname(os.path.abspath(source))
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    return f"{parent} has no {os.path.relpath(source, parent).split(os.sep)[0]}"
