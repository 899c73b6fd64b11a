"""What the classes of a data set are called, and whether a model means the same ones."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from videomae2.data.manifests.builder import parse_int
from videomae2.data.manifests.cells import parse_header, read_cells
from videomae2.data.manifests.lists import iterate_lines, read_text
from videomae2.data.manifests.manifest import ABSENT, Manifest
from videomae2.data.manifests.public_classes import load_public_classes, lookup_public_dataset
from videomae2.errors import DataError, ManifestError

LABEL_COLUMNS = ("id", "index", "label", "number")


NAME_COLUMNS = ("name", "class_name", "class", "category")


MAX_SHOWN_ROWS = 60
"""Rows of two lists that an error shows; longer lists are cut down to the rows that differ."""


@dataclass(frozen=True, slots=True)
class InferredClasses:
    """The classes of a data set, and how they were found out."""

    names: tuple[str, ...]
    """The place of a name is its label."""
    description: str
    """For a line of the log."""
    empty_classes: tuple[str, ...]
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
    labels = manifest.labels[manifest.labels != ABSENT]
    if len(labels) == 0:
        raise ManifestError("none of its videos has a label", path=manifest.source)
    manifest_names, max_label = manifest.class_names, int(labels.max())
    if names is not None and max_label >= len(names):
        message = f"label {max_label} has no name: {len(names)} names were given, from label 0"
        raise ManifestError(message, path=manifest.source)
    if names is not None and manifest_names is not None:
        check_same_classes(
            manifest_names, names, data_title=manifest.source, model_title="the names given"
        )
    if manifest_names is not None:
        class_names, description = (
            manifest_names,
            f"{len(manifest_names)} class names from {manifest.description or manifest.source}",
        )
    elif names is not None:
        class_names, description = tuple(names), f"{len(names)} class names given for numbers"
    else:
        class_names = tuple(str(label) for label in range(max_label + 1))
        description = f"{max_label + 1} classes called by their numbers: there are no names"
    present_labels = set(labels.tolist())
    empty_classes = tuple(
        name for label, name in enumerate(class_names) if label not in present_labels
    )
    return InferredClasses(class_names, description, empty_classes)


def check_same_classes(
    data_classes: Sequence[str], model_classes: Sequence[str], *, data_title: str, model_title: str
) -> None:
    """Compare the classes of videos with those of a model: the same names in the same order.

    Args:
        data_classes: The classes of the videos.
        model_classes: The classes of the model.
        data_title: What the videos are called in the message.
        model_title: What the model is called there.

    Raises:
        DataError: They differ; shows both lists side by side, and a remedy.
    """
    if tuple(data_classes) == tuple(model_classes):
        return
    lines = [
        f"the {len(data_classes)} classes of {data_title} are not the {len(model_classes)} of "
        f"{model_title}:"
    ]
    lines += _format_side_by_side(data_classes, model_classes, data_title, model_title)
    lines.append(_suggest_remedy(data_classes, model_classes, data_title, model_title))
    raise DataError("\n".join(lines))


def read_class_names(path: Path | str) -> tuple[str, ...]:
    """Read what labels are called, from a text, JSON or table file, or of a public data set.

    - a name of ``load_public_classes``, such as kinetics-400: the classes of released models;

    - text: one name a line, the first is label 0;
    - JSON: a list of names, or an object of names to numbers or of numbers to names;
    - a table with a header: a column id, index, label or number, and one name, class_name, class
      or category.

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
        pairs = [(number, name.strip()) for number, (_, name) in enumerate(iterate_lines(text))]
    return _sort_by_label(pairs, source)


def _parse_json(text: str, source: str) -> list[tuple[int, str]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"is no JSON: {error}", path=source) from error
    if isinstance(content, list):
        return [(number, str(name)) for number, name in enumerate(content)]
    try:
        if all(str(key).isdecimal() for key in content):
            return [(int(key), str(name)) for key, name in content.items()]
        return [
            (parse_int(str(number), "a label", minimum=0), name) for name, number in content.items()
        ]
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error


def _parse_table(text: str, source: str) -> list[tuple[int, str]]:
    cells = read_cells(source, text, [*LABEL_COLUMNS, *NAME_COLUMNS])
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
    """The names by their numbers, which must be 0 … n - 1, each once."""
    names = [name for _, name in pairs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ManifestError(f"names come twice: {', '.join(repeated[:5])}", path=source)
    if not pairs or "" in names:
        raise ManifestError("a class has no name" if pairs else "holds no name", path=source)
    numbers = sorted(number for number, _ in pairs)
    if numbers != list(range(len(pairs))):
        missing_label = next(i for i, number in enumerate(numbers) if i != number)
        message = (
            f"{len(pairs)} names, but label {missing_label} has not exactly one: wanted 0, 1, 2, …"
        )
        raise ManifestError(message, path=source)
    return tuple(name for _, name in sorted(pairs))


def _format_side_by_side(
    data_classes: Sequence[str], model_classes: Sequence[str], data_title: str, model_title: str
) -> list[str]:
    rows = list(enumerate(zip_longest(data_classes, model_classes, fillvalue="-")))
    shown = rows
    if len(rows) > MAX_SHOWN_ROWS:
        shown = [row for row in rows if row[1][0] != row[1][1]][:MAX_SHOWN_ROWS]
    width = max(len(data_title), *(len(names[0]) for _, names in shown))
    lines = [f"    label  {data_title:<{width}}  {model_title}"]
    for label, (data_class, model_class) in shown:
        mark = "!" if data_class != model_class else " "
        lines.append(f"  {mark} {label:>5}  {data_class:<{width}}  {model_class}")
    if len(shown) < len(rows):
        lines.append(f"    … {len(rows) - len(shown)} more rows")
    return lines


def _suggest_remedy(
    data_classes: Sequence[str], model_classes: Sequence[str], data_title: str, model_title: str
) -> str:
    unknown = sorted(set(data_classes) - set(model_classes))
    if unknown:
        examples = ", ".join(unknown[:8]) + (", …" if len(unknown) > 8 else "")
        return (
            f"{len(unknown)} of {data_title} alone ({examples}): rename them, or train a new head"
        )
    return (
        f"{model_title} has every name of {data_title}: read the videos with its names as "
        "class_names"
    )
