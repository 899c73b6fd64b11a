"""Read the released list formats: one video or folder of frames per line, no header.

Source: OpenGVLab/VideoMAEv2, dataset/pretrain_datasets.py and dataset/datasets.py. Beyond them,
a path may hold blanks if it is quoted, if the columns are separated by tabs, or if it is all that
stands in the line.
"""

import re
from collections.abc import Iterator
from typing import Literal

from videomae2.data.classes import check_labels, require_labels
from videomae2.data.columns import Columns, Wish, whole
from videomae2.data.folders import VIDEO_EXTENSIONS
from videomae2.data.manifest import ABSENT
from videomae2.errors import ManifestError

ListLayout = Literal["pretrain-list", "video-list", "frames-list"]

FORMS: dict[ListLayout, str] = {
    "pretrain-list": "'path start total [label]', total -1 for a video file",
    "video-list": "'path label', or a path alone",
    "frames-list": "'folder total_frames label'",
}
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=[ \t]|$)')
_NUMBER = re.compile(r"-?[0-9]+")
_BLANKS = 'a path with blanks must be in double quotes, as in "my videos/a.mp4" 0 -1'


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and content of every line that is not blank, without blanks at its ends."""
    # str.splitlines would also split at characters that a path may contain
    for number, line in enumerate(text.split("\n"), start=1):
        # a tab at the start is a column without content, the path
        if stripped := line.rstrip(" \t\r").lstrip(" "):
            yield number, stripped


def split(line: str) -> list[str]:
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


def detect(text: str, source: str, *, labelled: bool) -> ListLayout:
    """Tell the released formats apart by number and form of the columns of the whole file.

    Args:
        text: The list.
        source: Its name, for messages.
        labelled: Labels are needed, which rules out formats without.

    Raises:
        ManifestError: No format fits, or two do.
    """
    forms: dict[int, list[int]] = {}
    marks: set[str] = set()
    for number, line in lines_of(text):
        row = split(line)
        forms.setdefault(len(row), []).append(number)
        if len(row) == 3 and _NUMBER.fullmatch(row[1]) and _NUMBER.fullmatch(row[2]):
            marks |= _marks(int(row[1]), int(row[2]))
    if not forms:
        raise ManifestError("the list is empty", path=source)
    width = max(forms, key=lambda columns: len(forms[columns]))
    if width == 3:
        return _three_columns(marks, source, forms[3][0], labelled=labelled)
    if width in (1, 2, 4):
        return "pretrain-list" if width == 4 else "video-list"
    message = f"{width} columns, wanted {choices()}; {_BLANKS}"
    raise ManifestError(message, path=source, line=forms[width][0])


def _marks(second: int, third: int) -> set[str]:
    """Say which formats three columns cannot be: a window or folder has at least one frame."""
    not_pretrain = {"not pretrain-list"} if third == 0 or second < 0 else set()
    return not_pretrain | ({"not frames-list"} if third < 0 or second <= 0 else set())


def _three_columns(marks: set[str], source: str, line: int, *, labelled: bool) -> ListLayout:
    """Choose between 'path start total' and 'folder total label'."""
    if marks == {"not frames-list"}:
        return "pretrain-list"
    if marks == {"not pretrain-list"} or (labelled and not marks):
        return "frames-list"  # a pre-training list of three columns has no labels
    message = "no format fits all lines" if marks else "two formats fit"
    choice = f"choose a layout: {choices('pretrain-list', 'frames-list')}"
    raise ManifestError(f"three columns of numbers after a path, {message}; {choice}",
                        path=source, line=line)  # fmt: skip


def choices(*layouts: ListLayout) -> str:
    """Describe formats, all by default."""
    return " or ".join(f"{layout} = {FORMS[layout]}" for layout in layouts or FORMS)


def read_list(text: str, source: str, *, layout: ListLayout, wish: Wish) -> Columns:
    """Read a list of a known format.

    Raises:
        ManifestError: Lines are wrong; names the first ten.
    """
    columns = Columns(source)
    for number, line in lines_of(text):
        row = split(line)
        try:
            _add(columns, row, number, layout, wish)
        except ValueError as error:
            columns.wrong(number, str(error))
    if wish.labels == "required":
        require_labels(columns)
    check_labels(columns, wish.class_names)
    columns.check()
    columns.origin = f"{layout} of {len(columns.paths):,} entries"
    return columns


def _add(columns: Columns, row: list[str], line: int, layout: ListLayout, wish: Wish) -> None:
    """Append one line; raises ValueError with what is wrong in it."""
    if not row[0]:
        raise ValueError("the path is empty")
    least, most = {"pretrain-list": (3, 4), "video-list": (1, 2), "frames-list": (3, 3)}[layout]
    if not least <= len(row) <= most:
        plural = "s" * (len(row) > 1)
        raise ValueError(f"{len(row)} column{plural}, wanted {FORMS[layout]}; {_BLANKS}")
    if layout == "video-list":
        label = _label(row[1], wish) if len(row) == 2 else ABSENT
        columns.add(row[0], line=line, label=label)
    elif layout == "frames-list":
        frames, label = whole(row[1], "total_frames", least=1), _label(row[2], wish)
        columns.add(row[0], line=line, first=wish.first_number, frames=frames, label=label,
                    is_frames=True)  # fmt: skip
    else:
        _add_pretraining(columns, row, line, wish)


def _add_pretraining(columns: Columns, row: list[str], line: int, wish: Wish) -> None:
    # the fourth column is ignored in released code, so it may hold anything unless it is asked for
    label = _label(row[3], wish) if len(row) == 4 and wish.labels != "ignore" else ABSENT
    first, total = whole(row[1], "start", least=-(2**31)), whole(row[2], "total", least=-(2**31))
    if total < 0:  # a whole video file; its start has no meaning
        columns.add(row[0], line=line, label=label)
    elif total == 0 or first < 0:
        raise ValueError(f"start {first} and total {total}, wanted start from 0 and total from 1,"
                         " or total -1 for a video file")  # fmt: skip
    else:
        columns.add(row[0], line=line, first=first, frames=total, label=label, is_frames=True)


def _label(text: str, wish: Wish) -> int:
    """Read a label; -1 means none. Checked even if it is ignored: it may be the rest of a path."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"label is {text!r}, wanted a whole number; names of classes are read"
                         f" from a table with a header such as path,label; {_BLANKS}")  # fmt: skip
    label = whole(text, "label", least=ABSENT)
    return ABSENT if wish.labels == "ignore" else label
