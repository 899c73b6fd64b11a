"""Read the released list formats: one video or folder of frames per line, no header.

Source: OpenGVLab/VideoMAEv2, dataset/pretrain_datasets.py and dataset/datasets.py. Beyond them,
a path may hold blanks if it is quoted, if the columns are separated by tabs, or if it is all that
stands in the line.
"""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from videomae2.base.file_kinds import identify_content, suggest_remedy
from videomae2.data.manifests.builder import (
    ManifestBuilder,
    ReadOptions,
    parse_int,
)
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS
from videomae2.data.manifests.labelling import check_all_labelled, check_labels
from videomae2.data.manifests.manifest import ABSENT
from videomae2.errors import ManifestError

MAX_LIST_BYTES = 2 * 2**30
"""A list of ten million videos has about half of it."""

ListLayout = Literal["pretrain-list", "video-list", "frames-list"]

LAYOUT_FORMS: dict[ListLayout, str] = {
    "pretrain-list": "'path start total [label]', total -1 for a video file",
    "video-list": "'path label', or a path alone",
    "frames-list": "'folder total_frames label'",
}
_MEANINGS: dict[ListLayout, tuple[str, ...]] = {
    "pretrain-list": ("video", "first frame", "frames, or -1 for a file"),
    "video-list": ("video",),
    "frames-list": ("folder of frames", "frames"),
}
"""What the columns before the label are."""
_NUM_COLUMNS = {"pretrain-list": (3, 4), "video-list": (1, 2), "frames-list": (3,)}

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=[ \t]|$)')
_NUMBER = re.compile(r"-?[0-9]+")
_BLANKS_HINT = 'a path with blanks must be in double quotes, as in "my videos/a.mp4" 0 -1'


def iterate_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and content of every line that is not blank, without blanks at its ends."""
    # str.splitlines would also split at characters that a path may contain
    for number, line in enumerate(text.split("\n"), start=1):
        # a tab at the start is a column without content, the path
        if stripped := line.rstrip(" \t\r").lstrip(" "):
            yield number, stripped


def split_line(line: str) -> list[str]:
    """Split a line into its columns; the path comes first.

    Only blanks and tabs separate: str.split would also split at other spaces of Unicode.
    """
    if line[0] == '"' and (quoted := _QUOTED.match(line)):
        rest = line[quoted.end() :].replace("\t", " ").split(" ")
        return [quoted[1].replace('""', '"'), *filter(None, rest)]
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    if line.rpartition(".")[2].lower() in VIDEO_EXTENSIONS:
        return [line]  # nothing after the path, so its blanks are its own
    return list(filter(None, line.split(" ")))


def detect_layout(text: str, source: str, *, labelled: bool) -> ListLayout:
    """Tell the released formats apart by number and form of the columns of the whole file.

    That labels are needed rules out formats without.

    Raises:
        ManifestError: No format fits, or two do.
    """
    lines_by_width: dict[int, list[int]] = {}
    ruled_out: set[str] = set()
    for number, line in iterate_lines(text):
        row = split_line(line)
        lines_by_width.setdefault(len(row), []).append(number)
        if len(row) == 3 and _NUMBER.fullmatch(row[1]) and _NUMBER.fullmatch(row[2]):
            ruled_out |= _rule_out_layouts(_read_sign(row[1]), _read_sign(row[2]))
    if not lines_by_width:
        raise ManifestError("the list is empty", path=source)
    width = max(lines_by_width, key=lambda columns: len(lines_by_width[columns]))
    if width == 3:
        return _resolve_three_columns(ruled_out, source, lines_by_width[3][0], labelled=labelled)
    if width in (1, 2, 4):
        return "pretrain-list" if width == 4 else "video-list"
    message = f"{width} columns, wanted {format_layouts()}; {_BLANKS_HINT}"
    raise ManifestError(message, path=source, line=lines_by_width[width][0])


def _read_sign(number: str) -> int:
    """-1, 0 or 1 as a number is below, at or above 0; of any length."""
    return 0 if not number.strip("-0") else -1 if number[0] == "-" else 1


def _rule_out_layouts(total_or_start: int, last_number: int) -> set[str]:
    """Say which formats three columns cannot be: a window or folder has at least one frame."""
    not_pretrain = {"not pretrain-list"} if last_number == 0 or total_or_start < 0 else set()
    return not_pretrain | ({"not frames-list"} if last_number < 0 or total_or_start <= 0 else set())


def _resolve_three_columns(
    ruled_out: set[str], source: str, line: int, *, labelled: bool
) -> ListLayout:
    """Choose between 'path start total' and 'folder total label'."""
    if ruled_out == {"not frames-list"}:
        return "pretrain-list"
    if ruled_out == {"not pretrain-list"} or (labelled and not ruled_out):
        return "frames-list"  # a pre-training list of three columns has no labels
    message = "no format fits all lines" if ruled_out else "two formats fit"
    choice = f"choose a layout: {format_layouts('pretrain-list', 'frames-list')}"
    raise ManifestError(f"three columns of numbers after a path, {message}; {choice}",
                        path=source, line=line)  # fmt: skip


def format_layouts(*layouts: ListLayout) -> str:
    """Describe formats, all by default."""
    return " or ".join(f"{layout} = {LAYOUT_FORMS[layout]}" for layout in layouts or LAYOUT_FORMS)


def read_list(
    text: str, source: str, *, layout: ListLayout, options: ReadOptions
) -> ManifestBuilder:
    """Read a list of a known format.

    Raises:
        ManifestError: Lines are wrong; names the first ten.
    """
    builder = ManifestBuilder(source)
    for number, line in iterate_lines(text):
        row = split_line(line)
        try:
            _add_entry(builder, row, number, layout, options)
        except ValueError as error:
            builder.add_error(number, str(error))
    if problem := _describe_split_file(source, set(builder.labels)):
        raise ManifestError(problem, path=source)
    if options.labels == "required":
        check_all_labelled(builder)
    check_labels(builder, options)
    builder.check()
    has_label = set(builder.labels) != {ABSENT}
    meanings = [*_MEANINGS[layout], *["class"] * has_label]
    builder.meanings = {f"{number}": text for number, text in enumerate(meanings, start=1)}
    builder.description = f"{layout} of {len(builder.paths):,} entries"
    return builder


def _add_entry(
    builder: ManifestBuilder, row: list[str], line: int, layout: ListLayout, options: ReadOptions
) -> None:
    """Append one line; raises ValueError with what is wrong in it."""
    if not row[0]:
        raise ValueError("the path is empty")
    if len(row) not in _NUM_COLUMNS[layout]:
        plural = "s" * (len(row) > 1)
        raise ValueError(
            f"{len(row)} column{plural}, wanted {LAYOUT_FORMS[layout]}; {_BLANKS_HINT}"
        )
    if layout == "video-list":
        label = _parse_label(row[1], options) if len(row) == 2 else ABSENT
        builder.add(row[0], line=line, label=label)
    elif layout == "frames-list":
        if not _NUMBER.fullmatch(row[1]):
            raise ValueError(f"total_frames is {row[1]!r}, wanted a whole number; {_BLANKS_HINT}")
        frames, label = parse_int(row[1], "total_frames", minimum=1), _parse_label(row[2], options)
        builder.add(row[0], line=line, first=ABSENT, frames=frames, label=label,
                    is_frames=True)  # fmt: skip
    else:
        _add_pretraining_entry(builder, row, line, options)


def _add_pretraining_entry(
    builder: ManifestBuilder, row: list[str], line: int, options: ReadOptions
) -> None:
    # the fourth column is ignored in released code, so it may hold anything unless it is asked for
    has_label = len(row) == 4 and options.labels != "ignore"
    label = _parse_label(row[3], options) if has_label else ABSENT
    first = parse_int(row[1], "start", minimum=-(2**31))
    total = parse_int(row[2], "total", minimum=-(2**31))
    if total < 0:  # a whole video file; its start has no meaning
        builder.add(row[0], line=line, label=label)
    elif total == 0 or first < 0:
        raise ValueError(f"start {first} and total {total}, wanted start from 0 and total from 1,"
                         " or total -1 for a video file")  # fmt: skip
    else:
        builder.add(row[0], line=line, first=first, frames=total, label=label, is_frames=True)


def _parse_label(text: str, options: ReadOptions) -> int:
    """Read a label; -1 means none. Checked even if it is ignored: it may be the rest of a path."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(
            f"label is {text!r}, wanted a whole number; names of classes are read"
            f" from a table with a header such as path,label; {_BLANKS_HINT}"
        )
    label = parse_int(text, "label", minimum=ABSENT)
    return ABSENT if options.labels == "ignore" else options.count_from_0(label)


def read_text(source: str) -> str:
    """Read a list as UTF-8 (UTF-16 with its mark, too), its lines ended as anywhere.

    Raises:
        ManifestError: It is no file, too large for a list, or another kind of file.
    """
    try:
        if os.path.exists(source) and not (os.path.isfile(source) or os.path.isdir(source)):
            raise ManifestError("is a pipe or a device, and a list is wanted", path=source)
        if (size := os.path.getsize(source)) > MAX_LIST_BYTES:
            raise ManifestError(f"has {size / 2**30:.1f} GiB, which is no list", path=source)
        content = Path(source).read_bytes()
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", path=source) from error
    if kind := identify_content(content):
        message = f"is {kind}, not a list of videos{suggest_remedy(kind)}"
        raise ManifestError(message, path=source)
    encoding = (
        "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        text = content.decode("utf-8", "surrogateescape") if encoding != "utf-16" else ""
        if not _names_odd_files(text, os.path.dirname(source)):
            line = content.count(b"\n", 0, error.start) + 1
            message = f"byte 0x{content[error.start]:02x} is no UTF-8; save the list as UTF-8 text"
            raise ManifestError(message, path=source, line=line) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ManifestError("holds NUL characters, so it is no text", path=source, line=line)
    # old Macs end a line with a carriage return alone
    return text if "\n" in text else text.replace("\r", "\n")


def _names_odd_files(text: str, folder: str) -> bool:
    """Whether all that is no UTF-8 are names of files, as old disks have them and we write them."""
    odd_parts = {
        part.strip().strip('"')
        for line in text.split("\n") if _SURROGATE.search(line)
        for part in re.split(r"[,;\t]", line) if _SURROGATE.search(part)
    }  # fmt: skip
    return bool(odd_parts) and all(
        os.path.lexists(os.path.join(folder, part)) or os.path.lexists(part) for part in odd_parts
    )


def _describe_split_file(path: str, labels: set[int]) -> str | None:
    """Say what is wrong with a list whose numbers are no classes, as HMDB51's; None if nothing."""
    if not re.search(r"_test_split[0-9]\.txt$", os.path.basename(path)) or labels - {0, 1, 2}:
        return None
    return (
        "is a split of HMDB51, whose numbers mean 0 unused, 1 training, 2 test, and whose class "
        "stands in its name: write one table path,label,split of all 51, and choose rows with "
        "filter split=1"
    )
