"""Read what a user calls "my data" as a manifest: a folder, a list, a table, a video."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from videomae2.base.names import path_of_uri
from videomae2.base.ranges import BITS, POSITIVE, Range
from videomae2.data.manifests.bit_depth import describe_other_bits, find_bits
from videomae2.data.manifests.builder import (
    LabelPolicy,
    ManifestBuilder,
    ReadOptions,
    Spelling,
)
from videomae2.data.manifests.labelling import warn_about_repeats
from videomae2.data.manifests.layouts import Layout, read_file_source, read_folder_source
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.roots import (
    complete_names,
    find_served_files,
    resolve_frame_name,
    resolve_root,
)
from videomae2.data.manifests.spellings import resolve_groups
from videomae2.data.splits.groups import group_by_path
from videomae2.errors import ManifestError


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
    """Bits used of images and arrays of 16; as in training if not given, or found out from some."""
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
        path: The folder or file. A ~ at the start is the home folder. Paths in it may be
            ``file://`` addresses.
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
    options = ReadOptions(
        labels=labels,
        class_names=None if class_names is None else tuple(class_names),
        frame_name=frame_name,
        row_filter=row_filter,
        extra_columns=tuple(extra_columns),
        groups=groups,
        first_label=first_label,
        spelling=spelling,
    )
    if os.path.isdir(source):
        builder, base = read_folder_source(source, layout, options, root), source
        _complete_columns(builder, options)
    else:
        builder = read_file_source(source, layout, options)
        builder.paths = list(map(path_of_uri, builder.paths))
        _complete_columns(builder, options)
        base = _locate_entries(builder, options, root, check_some_exist=check_some_exist)
    return _with_bits(builder.to_manifest(base), bits)


def _complete_columns(builder: ManifestBuilder, options: ReadOptions) -> None:
    """See to the columns that are asked for beside paths and labels: extra ones and groups."""
    if options.extra_columns and not builder.columns:
        wanted = ", ".join(options.extra_columns)
        message = f"is no table with a header; wanted columns {wanted}"
        raise ManifestError(message, path=builder.source)
    if options.groups is not None and builder.groups is None:
        try:
            builder.groups = group_by_path(builder.paths, options.groups)
        except ValueError as error:
            raise ManifestError(str(error), path=builder.source) from error
    resolve_groups(builder, options)


def _locate_entries(
    builder: ManifestBuilder,
    options: ReadOptions,
    root: Path | str | None,
    *,
    check_some_exist: bool,
) -> str:
    """Find the files that the entries of a list mean; give the folder their paths start from."""
    source = builder.source
    roots = [os.path.dirname(source), ""] if root is None else [os.path.expanduser(root)]
    builder.frame_name = resolve_frame_name(builder, options, roots)
    if check_some_exist:
        find_served_files(builder, roots)
        complete_names(builder, roots)
    warn_about_repeats(builder)
    base = resolve_root(builder, roots, required=check_some_exist)
    builder.description += f", paths relative to {base or 'the working folder'}"
    return base


def _with_bits(manifest: Manifest, bits: int | None) -> Manifest:
    """Say which bits count, where frames have more than 8."""
    found = find_bits(manifest)
    if bits is None and found is not None:
        text = f"{found[0]} of 16 bits taken, since the largest value seen is {found[1]}"
        return replace(manifest, bits=found[0], description=f"{manifest.description}, {text}")
    other = describe_other_bits(bits, found)
    warnings = (*manifest.warnings, other) if other else manifest.warnings
    return replace(manifest, bits=bits, warnings=warnings)
