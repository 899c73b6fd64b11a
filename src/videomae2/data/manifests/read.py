"""Read what a user calls "my data" as a manifest: a folder, a list, a table, a video."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.files import path_exists, path_hint
from videomae2.base.ranges import BITS, POSITIVE, Range
from videomae2.data.manifests.bit_depth import find_bits
from videomae2.data.manifests.builder import (
    LabelPolicy,
    ManifestBuilder,
    ReadOptions,
    Spelling,
)
from videomae2.data.manifests.folders import (
    VIDEO_EXTENSIONS,
    find_videos,
    get_extension,
    read_folder,
)
from videomae2.data.manifests.frame_folders import read_frame_folders
from videomae2.data.manifests.labelling import warn_about_repeats
from videomae2.data.manifests.lists import detect_layout, read_list, read_text
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.roots import (
    complete_names,
    find_served_files,
    resolve_frame_name,
    resolve_root,
)
from videomae2.data.manifests.spellings import resolve_groups
from videomae2.data.splits.groups import group_by_path
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ListConfig:
    """How a list of videos is read."""

    root: Path | None = None
    """Put before the paths that a list names."""
    layout: Layout = "auto"
    """How to read the path; found out if not given."""
    frame_name: str | None = None
    """Name of a frame's image in a frame folder, such as img_{:05}.jpg, which lists take if it is
    not given; in a folder of frame folders it is found out."""
    filter: str | None = None
    """Rows of a table to keep, as column=value, such as split=train."""
    frame_rate: Annotated[float | None, POSITIVE] = None
    """Frames per second of frame folders and arrays, which have no clock of their own; needed if
    the frame interval or a window counts in seconds. Video files go by their own times."""
    bits: Annotated[int | None, BITS] = None
    """Bits that are used of images and arrays of 16 bits; found out from a few if not given."""
    first_label: Annotated[int, Range("0 or 1", minimum=0.0, maximum=1.0)] = 0
    """The number of the first class, where a list numbers them."""
    spelling: Spelling = "ask"
    """Whether names of classes, groups or filtered values that differ only in case, in what is
    between words (blanks, _, -) or in the encoding of their letters mean the same or distinct ones;
    an error asks where there are such."""

    def read(
        self,
        path: Path | str,
        *,
        labels: LabelPolicy = "ignore",
        class_names: Sequence[str] | None = None,
        extra_columns: Sequence[str] = (),
        groups: str | None = None,
    ) -> Manifest:
        """Read a list so; arguments as of ``read_manifest``, which says what it raises."""
        return read_manifest(
            path,
            root=self.root,
            layout=self.layout,
            frame_name=self.frame_name,
            row_filter=self.filter,
            labels=labels,
            class_names=class_names,
            extra_columns=extra_columns,
            groups=groups,
            bits=self.bits,
            first_label=self.first_label,
            spelling=self.spelling,
        )


FOLDER_LAYOUTS = frozenset({"folder", "classes", "frame-folders"})


def read_manifest(
    path: Path | str,
    *,
    root: Path | str | None = None,
    layout: Layout = "auto",
    frame_name: str | None = None,
    labels: LabelPolicy = "ignore",
    class_names: Sequence[str] | None = None,
    row_filter: str | None = None,
    extra_columns: Sequence[str] = (),
    groups: str | None = None,
    bits: int | None = None,
    first_label: int = 0,
    spelling: Spelling = "ask",
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
        labels: With "ignore" a folder per class is an ordinary folder; "required" of every entry.
        class_names: In the order of their labels. Give those of the training set when reading
            another set: a class without a video would shift the labels behind it.
        row_filter: Rows of a table to keep, as column=value, such as split=train.
        extra_columns: Other columns of a table whose cells are wanted.
        groups: What belongs together: a column of the table, ``folder``, or a regular expression
            whose parentheses match it in each path.
        bits: Used by images and arrays of 16 bits; None finds out.
        first_label: The number of the first class in lists that number them.
        spelling: Whether names that differ only in case, blanks or encoding are one class; "ask"
            raises where there are such.
        check_some_exist: Raise if none of the first hundred entries of a list exists.

    Raises:
        ManifestError: It cannot be read, or lines are wrong: the first ten are named, with line.
    """
    source = os.path.expanduser(path)
    known_names = None if class_names is None else tuple(class_names)
    options = ReadOptions(
        labels=labels,
        class_names=known_names,
        frame_name=frame_name,
        row_filter=row_filter,
        extra_columns=tuple(extra_columns),
        groups=groups,
        first_label=first_label,
        spelling=spelling,
    )
    is_folder = os.path.isdir(source)
    builder = (
        _read_folder_source(source, layout, options, root)
        if is_folder
        else _read_file_source(source, layout, options)
    )
    if options.extra_columns and not builder.columns:
        wanted = ", ".join(options.extra_columns)
        raise ManifestError(f"is no table with a header; wanted columns {wanted}", path=source)
    if groups is not None and builder.groups is None:
        builder.groups = _group_entries(builder, groups)
    resolve_groups(builder, options)
    if is_folder:
        return _with_bits(builder.to_manifest(source), bits)
    roots = [os.path.dirname(source), ""] if root is None else [os.path.expanduser(root)]
    builder.frame_name = resolve_frame_name(builder, options, roots)
    if check_some_exist:
        find_served_files(builder, roots)
        complete_names(builder, roots)
    warn_about_repeats(builder)
    base = resolve_root(builder, roots, required=check_some_exist)
    builder.description += f", paths relative to {base or 'the working folder'}"
    return _with_bits(builder.to_manifest(base), bits)


def _with_bits(manifest: Manifest, bits: int | None) -> Manifest:
    """Say which bits count, where frames have more than 8."""
    found = find_bits(manifest) if bits is None else None
    if found is None:
        return replace(manifest, bits=bits or 16)
    text = f"{found[0]} of 16 bits taken, since the largest value seen is {found[1]}"
    return replace(manifest, bits=found[0], description=f"{manifest.description}, {text}")


def check_list_exists(path: Path) -> None:
    """Refuse a path that is not there, before anything else is read.

    Raises:
        ManifestError: It is not.
    """
    if not path_exists(path):
        raise ManifestError(f"does not exist{path_hint(path)}", path=path)


def _read_folder_source(
    source: str, layout: Layout, options: ReadOptions, root: Path | str | None
) -> ManifestBuilder:
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


def _read_file_source(source: str, layout: Layout, options: ReadOptions) -> ManifestBuilder:
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


def _group_entries(builder: ManifestBuilder, rule: str) -> list[str]:
    try:
        return group_by_path(builder.paths, rule)
    except ValueError as error:
        raise ManifestError(str(error), path=builder.source) from error


def _read_single_video(source: str, options: ReadOptions) -> ManifestBuilder:
    if options.labels == "required":
        raise ManifestError("is one video without a label, and labels are needed", path=source)
    builder = ManifestBuilder(source, description="one video")
    builder.add(os.path.basename(source))
    return builder
