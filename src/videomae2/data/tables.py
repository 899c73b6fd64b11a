"""Read a table with a header as a list of videos: what its columns mean."""

import re
from collections.abc import Iterable

from videomae2.data.cells import Cells, header_of, is_json, read_cells
from videomae2.data.classes import check_labels, label_by_name, require_labels
from videomae2.data.columns import Columns, Wish, whole
from videomae2.data.folders import VIDEO_EXTENSIONS, extension
from videomae2.data.manifest import ABSENT
from videomae2.errors import ManifestError

COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "video", "file", "filename"),
    "label": ("label", "class", "category", "class_name"),
    "first": ("first", "start"),
    "frames": ("frames", "total_frames", "num_frames"),
}
PATH_WANTED = "wanted one called " + " or ".join(COLUMNS["path"])
_NUMBER = re.compile(r"(-?[0-9]+)(?:\.0+)?")  # pandas writes 3.0 if a cell of the column is empty


def is_table(text: str, kind: str) -> bool:
    """Tell a table from a released list, which may be called .csv too, by its first line."""
    return is_json(text, kind) or bool(set(header_of(text, kind)[0]) & set(COLUMNS["path"]))


def read_table(source: str, text: str | None, *, wish: Wish) -> Columns:
    """Read a table; `text` is None for Parquet, which is read from the file.

    Raises:
        ManifestError: Columns are missing or unclear, or rows are wrong; names the first ten.
    """
    keep, _, value = (wish.keep or "").partition("=")
    keep = keep.strip().lower()
    used = [name for names in COLUMNS.values() for name in names]
    cells = read_cells(source, text, [*used, keep])
    names = _names(cells, source, keep)
    columns = Columns(source)
    for line, message in cells.problems:
        columns.wrong(line, message)
    kept = [i for i in range(len(cells.lines)) if not keep or cells.columns[keep][i] == value]
    if keep and not kept:
        raise ManifestError(f"no row has {value!r} in the column {keep}", path=source)
    rows = [i for i in kept if _added(columns, cells, names, i, wish)]
    _set_labels(columns, cells, [name for name in cells.columns if name in COLUMNS["label"]],
                rows, wish)  # fmt: skip
    columns.check()
    columns.origin = _origin(columns, cells, wish)
    return columns


def _names(cells: Cells, source: str, keep: str) -> dict[str, str]:
    """Find the column of each role; "" where there is none."""
    names: dict[str, str] = {}
    shown = ", ".join(cells.names) or "none"
    for role in ("path", "first", "frames"):
        found = [name for name in cells.names if name in COLUMNS[role]]
        if len(found) > 1:
            message = f"columns {' and '.join(found)} both tell the {role}: rename or remove one"
            raise ManifestError(message, path=source)
        names[role] = found[0] if found else ""
    if not names["path"] or (keep and keep not in cells.columns):
        want = f"wanted {keep!r}" if names["path"] else PATH_WANTED
        raise ManifestError(f"its columns are {shown}; {want}", path=source)
    return names


def _added(columns: Columns, cells: Cells, names: dict[str, str], i: int, wish: Wish) -> bool:
    """Append a row, or note what is wrong with it."""
    texts = {role: cells.columns[name][i] if name else "" for role, name in names.items()}
    path, line = texts["path"], cells.lines[i]
    is_frames = texts["frames"] != "" and extension(path) not in VIDEO_EXTENSIONS
    if not is_frames and not names["first"]:
        # Without a start it is no window of a video file, but what its header says: often wrong.
        texts["frames"] = ""
    default = wish.first_number if is_frames else 0
    try:
        if not path:
            raise ValueError(f"the column {names['path']} is empty")
        frames = _number(texts["frames"], names["frames"], least=1, default=ABSENT)
        first = _number(texts["first"], names["first"], least=0, default=default)
    except ValueError as error:
        columns.wrong(line, str(error))
        return False
    columns.add(path, line=line, first=first, frames=frames, is_frames=is_frames)
    return True


def _number(text: str, name: str, *, least: int, default: int) -> int:
    if not text:
        return default
    matched = _NUMBER.fullmatch(text)
    return whole(matched[1] if matched else text, name, least=least)


def _set_labels(
    columns: Columns, cells: Cells, names: list[str], rows: list[int], wish: Wish
) -> None:
    """Read a column of numbers, one of names, or one of each: numbers and what they are called."""
    if wish.labels == "ignore":
        return
    if wish.labels == "required" and not names:
        message = f"its columns are {', '.join(cells.names)}; labels are needed, in one called"
        raise ManifestError(f"{message} {' or '.join(COLUMNS['label'])}", path=columns.source)
    texts = {name: [cells.columns[name][i] for i in rows] for name in names}
    numeric = [name for name in names if _is_numeric(texts[name])]
    named = [name for name in names if name not in numeric]
    if len(numeric) > 1 or len(named) > 1:
        message = f"columns {', '.join(names)} all tell the label: wanted numbers, names or both"
        raise ManifestError(message, path=columns.source)
    if numeric:
        _label_by_number(columns, texts[numeric[0]], numeric[0])
        check_labels(columns, wish.class_names)
        if named:
            _call(columns, texts[named[0]])
    elif named:
        _label_by_words(columns, texts[named[0]], named[0], wish)
    if wish.labels == "required":
        require_labels(columns)


def _is_numeric(texts: Iterable[str]) -> bool:
    """Say whether the first cell with content is a number: the others must then be, too."""
    return bool(_NUMBER.fullmatch(next(filter(None, texts), "")))


def _label_by_number(columns: Columns, texts: list[str], name: str) -> None:
    for i, text in enumerate(texts):
        try:
            columns.labels[i] = _number(text, name, least=ABSENT, default=ABSENT)
        except ValueError as error:
            columns.wrong(columns.lines[i], f"{error}, as in the rows before")


def _label_by_words(columns: Columns, texts: list[str], name: str, wish: Wish) -> None:
    for i, text in enumerate(texts):
        if _NUMBER.fullmatch(text):
            columns.wrong(columns.lines[i], f"{name} is {text}, a number, but the rows before have"
                          " names of classes")  # fmt: skip
    label_by_name(columns, texts, wish.class_names)


def _call(columns: Columns, texts: list[str]) -> None:
    """Learn from a second column what the labels are called."""
    called = dict(enumerate(columns.class_names or ()))
    for line, label, text in zip(columns.lines, columns.labels, texts, strict=True):
        if label >= 0 and text and called.setdefault(label, text) != text:
            columns.wrong(line, f"label {label} is called {text!r}, elsewhere {called[label]!r}")
    if called:
        columns.class_names = tuple(called.get(i, str(i)) for i in range(max(called) + 1))


def _origin(columns: Columns, cells: Cells, wish: Wish) -> str:
    known = {*cells.columns, *(name.lower() for name in wish.columns)}
    used = [name for name in cells.names if name in known]
    ignored = [name for name in cells.names if name not in known]
    text = f"{cells.kind} table of {len(columns.paths):,} entries, columns {', '.join(used)}"
    text += f", rows with {wish.keep}" if wish.keep else ""
    return text + (f"; not used: {', '.join(ignored)}" if ignored else "")
