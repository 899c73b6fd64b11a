"""What the classes of a data set are called."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.base.json_files import parse_json
from videomae2.base.schema import repr_value
from videomae2.data.manifests.builder import check_max_label, parse_int
from videomae2.data.manifests.lists import iterate_lines, read_text
from videomae2.data.manifests.manifest import ABSENT, Manifest
from videomae2.data.manifests.public_classes import load_public_classes, lookup_public_dataset
from videomae2.data.tables.cells import parse_header, read_cells
from videomae2.errors import ManifestError

LABEL_COLUMNS = ("id", "index", "label", "number")
NAME_COLUMNS = ("name", "class_name", "class", "category")
_NUMBERED = re.compile(r"([0-9]{1,9})[ \t]+(\S.*)")


@dataclass(frozen=True, slots=True)
class InferredClasses:
    """The classes of a data set, and how they were found out."""

    names: tuple[str, ...]
    """The place of a name is its label."""
    description: str
    """For a line of the log."""


def infer_classes(manifest: Manifest, names: Sequence[str] | None = None) -> InferredClasses:
    """Find the class names: of folders or of a label column, given for numbers, or the numbers.

    Raises:
        ManifestError: It has no labels, or more than there are names.
    """
    labels = manifest.labels[manifest.labels != ABSENT]
    if len(labels) == 0:
        raise ManifestError("none of its videos has a label", path=manifest.source)
    if manifest.class_names is not None:
        count, where = len(manifest.class_names), manifest.description or manifest.source
        return InferredClasses(manifest.class_names, f"{count} class names from {where}")
    max_label = int(labels.max())
    try:
        check_max_label(max_label, len(labels))
    except ValueError as error:
        line = int(manifest.lines[manifest.labels.argmax()]) or None
        raise ManifestError(str(error), path=manifest.source, line=line) from error
    if names is None:
        description = f"{max_label + 1} classes called by their numbers: there are no names"
        return InferredClasses(tuple(map(str, range(max_label + 1))), description)
    if max_label >= len(names):
        message = f"label {max_label} has no name: {len(names)} names were given, from label 0"
        raise ManifestError(message, path=manifest.source)
    return InferredClasses(tuple(names), f"{len(names)} class names given for numbers")


def read_class_names(path: Path | str) -> tuple[str, ...]:
    """Read what labels are called, from a text, JSON or table file, or of a public data set.

    - a name of ``load_public_classes``, such as kinetics-400: the classes of released models;

    - text: one name a line, the first is label 0; or a number and a name, as UCF101's;
    - JSON: a list of names, or an object of names to numbers or of numbers to names;
    - a table with a header: a column id, index, label or number, and one name, class_name, class
      or category.

    Numbers begin at 0 or at 1; where they begin at 1, lists say ``first_label`` 1.

    Raises:
        ManifestError: It is none of these, a name comes twice, or a number is missing.
    """
    if (public_dataset := lookup_public_dataset(path)) is not None:
        return load_public_classes(public_dataset)
    source, text = str(path), read_text(str(path))
    columns = set(parse_header(text)[0])
    if text.lstrip()[:1] in ("[", "{"):
        pairs = _parse_json(text, source)
    elif columns & set(LABEL_COLUMNS) and columns & set(NAME_COLUMNS):
        pairs = _parse_table(text, source)
    else:
        pairs = _parse_lines([name.strip() for _, name in iterate_lines(text)])
    return _sort_by_label(pairs, source)


def _parse_lines(lines: list[str]) -> list[tuple[int, str]]:
    """Number and name of each line; the place of a line is its number where it says none."""
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    numbered = [(int(match[1]), match[2]) for match in matches if match]
    numbers = [number for number, _ in numbered]
    if len(numbered) == len(lines) and numbers in (
        list(range(len(lines))),
        list(range(1, len(lines) + 1)),
    ):
        return numbered
    return list(enumerate(lines))


def _parse_json(text: str, source: str) -> list[tuple[int, str]]:
    try:
        content = parse_json(text)
        if isinstance(content, list):
            return [(number, _check_name(name)) for number, name in enumerate(content)]
        if all(key.isdecimal() for key in content):
            return [
                (parse_int(key, "a label", minimum=0), _check_name(name))
                for key, name in content.items()
            ]
        return [
            (parse_int(str(number), "a label", minimum=0), name) for name, number in content.items()
        ]
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error


def _check_name(name: object) -> str:
    """A name that may be a number, too; no list, no object, nothing."""
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise ValueError(f"a name of a class is {repr_value(name)}, wanted text")
    return str(name)


def _parse_table(text: str, source: str) -> list[tuple[int, str]]:
    cells = read_cells(source, text, {*LABEL_COLUMNS, *NAME_COLUMNS}.__contains__)
    label_column, name_column = (
        next(column for column in aliases if column in cells.columns)
        for aliases in (LABEL_COLUMNS, NAME_COLUMNS)
    )
    if cells.errors:
        line, message = cells.errors[0]
        raise ManifestError(message, path=source, line=line)
    pairs = []
    for line, label, class_name in zip(
        cells.lines, cells.columns[label_column], cells.columns[name_column], strict=True
    ):
        try:
            pairs.append((parse_int(label, label_column, minimum=0), class_name))
        except ValueError as error:
            raise ManifestError(str(error), path=source, line=line) from error
    return pairs


def _sort_by_label(pairs: list[tuple[int, str]], source: str) -> tuple[str, ...]:
    """The names by their numbers, which must be 0 … n - 1 or 1 … n, each once."""
    names = [name for _, name in pairs]
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise ManifestError(f"names come twice: {', '.join(repeated[:5])}", path=source)
    if not pairs or "" in names:
        raise ManifestError("a class has no name" if pairs else "holds no name", path=source)
    numbers = sorted(number for number, _ in pairs)
    first = numbers[0] if numbers[0] in (0, 1) else 0
    if numbers != list(range(first, first + len(pairs))):
        missing_label = next(i for i, n in enumerate(numbers, start=first) if i != n)
        message = (
            f"{len(pairs)} names, but label {missing_label} has not exactly one: wanted 0, 1, 2, …"
        )
        raise ManifestError(message, path=source)
    return tuple(name for _, name in sorted(pairs))
