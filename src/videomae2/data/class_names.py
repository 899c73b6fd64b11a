"""What the classes of a data set are called, and whether a model means the same ones."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from videomae2.data.cells import header_of, read_cells
from videomae2.data.columns import whole
from videomae2.data.known_classes import as_known, known_classes
from videomae2.data.listing import read_text
from videomae2.data.lists import lines_of
from videomae2.data.manifest import ABSENT, Manifest
from videomae2.errors import DataError, ManifestError

NUMBER_COLUMNS = ("id", "index", "label", "number")
NAME_COLUMNS = ("name", "class_name", "class", "category")
MOST_ROWS = 60
"""Rows of two lists that an error shows; longer lists are cut down to the rows that differ."""


@dataclass(frozen=True, slots=True)
class InferredClasses:
    """The classes of a data set, and how they were found out."""

    names: tuple[str, ...]
    """The place of a name is its label."""
    origin: str
    """For a line of the log."""
    without_video: tuple[str, ...]
    """Classes that no video of this data set has."""


def infer_classes(manifest: Manifest, names: Sequence[str] | None = None) -> InferredClasses:
    """Find the class names: of folders or of a label column, given for numbers, or the numbers.

    Args:
        manifest: Read with labels.
        names: What its labels are called, such as from `read_class_names`.

    Raises:
        ManifestError: It has no labels, or more than there are names.
        DataError: It has names of its own, and they are others.
    """
    known = manifest.labels[manifest.labels != ABSENT]
    if len(known) == 0:
        raise ManifestError("none of its videos has a label", path=manifest.source)
    own, last = manifest.class_names, int(known.max())
    if names is not None and last >= len(names):
        message = f"label {last} has no name: {len(names)} names were given, from label 0"
        raise ManifestError(message, path=manifest.source)
    if names is not None and own is not None:
        require_same_classes(own, names, found_in=manifest.source, wanted_by="the names given")
    if own is not None:
        found, origin = own, f"{len(own)} class names from {manifest.origin or manifest.source}"
    elif names is not None:
        found, origin = tuple(names), f"{len(names)} class names given for numbers"
    else:
        found = tuple(str(label) for label in range(last + 1))
        origin = f"{last + 1} classes called by their numbers: there are no names"
    used = set(known.tolist())
    absent = tuple(name for label, name in enumerate(found) if label not in used)
    return InferredClasses(found, origin, absent)


def require_same_classes(
    found: Sequence[str], wanted: Sequence[str], *, found_in: str, wanted_by: str
) -> None:
    """Compare the classes of videos with those of a model: the same names in the same order.

    Args:
        found: The classes of the videos.
        wanted: The classes of the model.
        found_in: What the videos are called in the message.
        wanted_by: What the model is called there.

    Raises:
        DataError: They differ; shows both lists side by side, and a remedy.
    """
    if tuple(found) == tuple(wanted):
        return
    lines = [f"the {len(found)} classes of {found_in} are not the {len(wanted)} of {wanted_by}:"]
    lines += _side_by_side(found, wanted, found_in, wanted_by)
    lines.append(_remedy(found, wanted, found_in, wanted_by))
    raise DataError("\n".join(lines))


def read_class_names(path: Path | str) -> tuple[str, ...]:
    """Read what labels are called, from a text, JSON or table file, or of a public data set.

    - a name of ``known_classes``, such as kinetics-400: the classes of released models;

    - text: one name a line, the first is label 0;
    - JSON: a list of names, or an object of names to numbers or of numbers to names;
    - a table with a header: a column id, index, label or number, and one name, class_name, class
      or category.

    Raises:
        ManifestError: It is none of these, a name comes twice, or a number is missing.
    """
    if (known := as_known(path)) is not None:
        return known_classes(known)
    source, text = str(path), read_text(str(path))
    columns = set(header_of(text)[0])
    if text.lstrip()[:1] in ("[", "{"):
        pairs = _of_json(text, source)
    elif columns & set(NUMBER_COLUMNS) and columns & set(NAME_COLUMNS):
        pairs = _of_table(text, source)
    else:
        pairs = [(number, name.strip()) for number, (_, name) in enumerate(lines_of(text))]
    return _in_order(pairs, source)


def _of_json(text: str, source: str) -> list[tuple[int, str]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"is no JSON: {error}", path=source) from error
    if isinstance(content, list):
        return [(number, str(name)) for number, name in enumerate(content)]
    try:
        if all(str(key).isdecimal() for key in content):
            return [(int(key), str(name)) for key, name in content.items()]
        return [(whole(str(number), "a label", least=0), name) for name, number in content.items()]
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error


def _of_table(text: str, source: str) -> list[tuple[int, str]]:
    cells = read_cells(source, text, [*NUMBER_COLUMNS, *NAME_COLUMNS])
    number, name = (
        next(column for column in wanted if column in cells.columns)
        for wanted in (NUMBER_COLUMNS, NAME_COLUMNS)
    )
    if cells.problems:
        line, message = cells.problems[0]
        raise ManifestError(message, path=source, line=line)
    pairs = []
    for line, label, called in zip(
        cells.lines, cells.columns[number], cells.columns[name], strict=True
    ):
        try:
            pairs.append((whole(label, number, least=0), called))
        except ValueError as error:
            raise ManifestError(str(error), path=source, line=line) from error
    return pairs


def _in_order(pairs: list[tuple[int, str]], source: str) -> tuple[str, ...]:
    """The names by their numbers, which must be 0 … n - 1, each once."""
    names = [name for _, name in pairs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ManifestError(f"names come twice: {', '.join(repeated[:5])}", path=source)
    if not pairs or "" in names:
        raise ManifestError("a class has no name" if pairs else "holds no name", path=source)
    numbers = sorted(number for number, _ in pairs)
    if numbers != list(range(len(pairs))):
        wrong = next(i for i, number in enumerate(numbers) if i != number)
        message = f"{len(pairs)} names, but label {wrong} has not exactly one: wanted 0, 1, 2, …"
        raise ManifestError(message, path=source)
    return tuple(name for _, name in sorted(pairs))


def _side_by_side(found: Sequence[str], wanted: Sequence[str], left: str, right: str) -> list[str]:
    rows = list(enumerate(zip_longest(found, wanted, fillvalue="-")))
    shown = rows
    if len(rows) > MOST_ROWS:
        shown = [row for row in rows if row[1][0] != row[1][1]][:MOST_ROWS]
    width = max(len(left), *(len(names[0]) for _, names in shown))
    lines = [f"    label  {left:<{width}}  {right}"]
    for label, (one, other) in shown:
        lines.append(f"  {'!' if one != other else ' '} {label:>5}  {one:<{width}}  {other}")
    if len(shown) < len(rows):
        lines.append(f"    … {len(rows) - len(shown)} more rows")
    return lines


def _remedy(found: Sequence[str], wanted: Sequence[str], left: str, right: str) -> str:
    unknown = sorted(set(found) - set(wanted))
    if unknown:
        some = ", ".join(unknown[:8]) + (", …" if len(unknown) > 8 else "")
        return f"{len(unknown)} of {left} alone ({some}): rename them, or train a new head"
    return f"{right} has every name of {left}: read the videos with its names as class_names"
