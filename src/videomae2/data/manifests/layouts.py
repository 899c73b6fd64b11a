"""How a folder or file of videos is laid out, and its entries as they stand there."""

import os
from pathlib import Path
from typing import Literal

from videomae2.base.files import path_exists, path_hint
from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import (
    VIDEO_EXTENSIONS,
    find_videos,
    get_extension,
    read_folder,
)
from videomae2.data.manifests.frame_folders import read_frame_folders
from videomae2.data.manifests.lists import detect_layout, read_list, read_text
from videomae2.data.tables.cells import PARQUET_EXTENSIONS
from videomae2.data.tables.not_tables import check_not_table
from videomae2.data.tables.read import is_table, read_table
from videomae2.data.video.frame_names import IMAGE_EXTENSIONS
from videomae2.data.video.pages import PAGED_EXTENSIONS
from videomae2.errors import ManifestError

Layout = Literal[
    "auto", "folder", "classes", "pretrain-list", "video-list", "frames-list", "table",
    "frame-folders",
]  # fmt: skip

FOLDER_LAYOUTS = frozenset({"folder", "classes", "frame-folders"})


def check_list_exists(path: Path) -> None:
    """Refuse a path that is not there, before anything else is read.

    Raises:
        ManifestError: It is not.
    """
    if not path_exists(path):
        raise ManifestError(f"does not exist{path_hint(path)}", path=path)


def read_folder_source(
    source: str, layout: Layout, options: ReadOptions, root: Path | str | None
) -> ManifestBuilder:
    """The videos or frame folders in a folder; raises ManifestError, also for a ``root``."""
    if layout not in ("auto", *FOLDER_LAYOUTS):
        raise ManifestError(f"is a folder, the layout {layout!r} wants a file", path=source)
    if root is not None or options.row_filter is not None:
        option = "filter" if root is None else "root"
        raise ManifestError(f"is a folder: {option} has no effect on it, remove it", path=source)
    if layout == "frame-folders" or (layout == "auto" and options.frame_name is not None):
        return read_frame_folders(source, options=options)
    if options.frame_name is not None:
        message = f"frame_name has no effect on the layout {layout!r}, remove it"
        raise ManifestError(message, path=source)
    contents = find_videos(source)
    if layout == "auto" and not contents[0] and set(contents[1]) & IMAGE_EXTENSIONS:
        return read_frame_folders(source, options=options)
    as_classes = {"classes": True, "folder": False}.get(layout)
    return read_folder(source, contents, options=options, as_classes=as_classes)


def read_file_source(source: str, layout: Layout, options: ReadOptions) -> ManifestBuilder:
    """The entries of a list, a table, or one video; raises ManifestError."""
    check_list_exists(Path(source))
    if layout == "folder" or layout == "classes" or layout == "frame-folders":
        raise ManifestError(f"is a file, the layout {layout!r} wants a folder", path=source)
    file_extension = get_extension(source)
    if file_extension in VIDEO_EXTENSIONS | PAGED_EXTENSIONS and layout == "auto":
        return _read_single_video(source, options)
    text = (
        None
        if file_extension in PARQUET_EXTENSIONS and layout in ("auto", "table")
        else read_text(source)
    )
    if text is None or layout == "table" or (layout == "auto" and is_table(text, file_extension)):
        return read_table(source, text, options=options)
    if options.row_filter is not None:
        raise ManifestError(
            "is no table with a header: filter has no effect, remove it", path=source
        )
    if layout == "auto":
        check_not_table(text, source, file_extension)
        layout = detect_layout(text, source, labelled=options.labels == "required")
    return read_list(text, source, layout=layout, options=options)


def _read_single_video(source: str, options: ReadOptions) -> ManifestBuilder:
    if options.labels == "required":
        raise ManifestError("is one video without a label, and labels are needed", path=source)
    builder = ManifestBuilder(source, description="one video")
    builder.add(os.path.basename(source))
    return builder
