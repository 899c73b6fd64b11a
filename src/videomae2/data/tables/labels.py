"""The labels of a table: a column of numbers, one of names, or one of each."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from videomae2.data.manifests.builder import (
    ManifestBuilder,
    ReadOptions,
    check_max_label,
    parse_int,
)
from videomae2.data.manifests.labelling import check_all_labelled, check_labels, label_by_name
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.tables.columns import LABEL_COLUMNS
from videomae2.data.tables.label_cells import parse_list_cell
from videomae2.data.tables.times import is_whole_number, parse_whole_number
from videomae2.data.tables.values import (
    SEPARATORS,
    TableCells,
    format_lines,
    is_nothing,
)
from videomae2.errors import ManifestError, shorten

_MAX_SHOWN = 60  # characters of a cell
TEMPLATE_COLUMN = "template"
"""Of Something-Something: the class, whose words the label fills in."""


def find_label_columns(cells: TableCells) -> list[str]:
    """The columns of labels; of Something-Something the template, for the label fills it in."""
    names = [name for name in cells.columns if name in LABEL_COLUMNS]
    if TEMPLATE_COLUMN in cells.columns and "placeholders" in cells.column_names:
        texts = cells.columns[TEMPLATE_COLUMN]
        cells.columns[TEMPLATE_COLUMN] = [text.replace("[", "").replace("]", "") for text in texts]
        return [TEMPLATE_COLUMN]
    return names


def set_labels(
    builder: ManifestBuilder,
    cells: TableCells,
    names: list[str],
    rows: list[int],
    options: ReadOptions,
) -> None:
    """Read a column of numbers, one of names, or one of each: numbers and what they are called.

    Raises:
        ManifestError: Columns are missing, or say the same; wrong cells are noted.
    """
    if options.labels == "ignore":
        return
    if options.labels == "required" and not names:
        message = (
            f"its columns are {', '.join(cells.column_names)}; labels are needed, in one called"
        )
        raise ManifestError(f"{message} {' or '.join(LABEL_COLUMNS)}", path=builder.source)
    texts = {name: [cells.columns[name][i] for i in rows] for name in names}
    for name in names:
        texts[name] = [_take_single(builder, line, text, name, options.class_names or ())
                       for line, text in zip(builder.lines, texts[name], strict=True)]  # fmt: skip
    numeric = [name for name in names if _is_number_column(texts[name])]
    named = [name for name in names if name not in numeric]
    if len(numeric) > 1 or len(named) > 1:
        message = f"columns {', '.join(names)} all tell the label: wanted numbers, names or both"
        raise ManifestError(message, path=builder.source)
    if numeric:
        numbers = ["" if is_nothing(text) else text for text in texts[numeric[0]]]
        _label_by_number(builder, numbers, numeric[0], options)
        check_labels(builder, options)
        if named:
            _name_labels(builder, texts[named[0]])
    elif named:
        known = options.class_names or cells.class_names.get(named[0], ())
        options = replace(options, class_names=known or None)
        names_of_rows = _drop_nothing(builder, texts[named[0]], named[0], known)
        _check_no_lists(builder, names_of_rows, named[0], known)
        _label_by_names(builder, names_of_rows, named[0], options)
    if options.labels == "required":
        check_all_labelled(builder)


def _is_number_column(texts: Sequence[str]) -> bool:
    """Say whether the first cell with content is a number: the others must then be, too."""
    return is_whole_number(next((text for text in texts if text and not is_nothing(text)), ""))


def _drop_nothing(
    builder: ManifestBuilder, texts: Sequence[str], column: str, known: Sequence[str]
) -> list[str]:
    """Ask about names that mean nothing, unless a known class is called so; they become empty."""
    for message in describe_nothing(texts, builder.lines, column, known):
        builder.add_error(0, message)
    return ["" if is_nothing(text) and text not in known else text for text in texts]


def describe_nothing(
    texts: Sequence[str], lines: Sequence[int], column: str, known: Sequence[str]
) -> list[str]:
    """A question for each word that means nothing, with the rows where it is a class."""
    lines_of: dict[str, list[int]] = defaultdict(list)
    for text, line in zip(texts, lines, strict=True):
        if is_nothing(text) and text not in known:
            lines_of[text].append(line)
    return [
        f"{column} is {shorten(text, _MAX_SHOWN)!r} in "
        f"{format_lines(rows)}: no class, or one called so? Leave these "
        "rows out or name their class; a file with --labels.class-names that has it makes it one"
        for text, rows in lines_of.items()
    ]


def _take_single(
    builder: ManifestBuilder, line: int, text: str, name: str, known: Sequence[str]
) -> str:
    """The one name of a cell that holds a list; several are a problem where one class is wanted."""
    if text in known:
        return text
    try:
        names = parse_list_cell(text)
    except ValueError as error:
        builder.add_error(line, f"{name} {error}")
        return ""
    if names is None:
        return text
    if len(names) != 1:
        builder.add_error(
            line,
            f"{name} is a list of {len(names)} names, {', '.join(names)}; one class is wanted, "
            "or --task.task-type multilabel",
        )
        return ""
    return names[0]


def _check_no_lists(
    builder: ManifestBuilder, texts: Sequence[str], column: str, known: Sequence[str]
) -> None:
    """Note cells that hold several names, of which the rows beside show that they are classes."""
    names = {text.strip() for text in texts} | set(known)
    for line, text in zip(builder.lines, texts, strict=True):
        for separator in (*SEPARATORS, ","):
            parts = [part.strip() for part in text.split(separator)]
            classes = names.intersection(parts)
            wanted = len(set(parts)) if separator == "," else 1
            if len(parts) > 1 and len(classes) >= wanted and text not in known:
                builder.add_error(
                    line,
                    f"{column} is {text!r}, which looks like a list of {len(parts)} names; one "
                    "class is wanted, or --task.task-type multilabel",
                )
                break


def _label_by_number(
    builder: ManifestBuilder, texts: list[str], name: str, options: ReadOptions
) -> None:
    for i, text in enumerate(texts):
        try:
            label = parse_number(text, name, minimum=ABSENT, default=ABSENT)
            builder.labels[i] = options.count_from_0(label)
        except ValueError as error:
            builder.add_error(builder.lines[i], f"{error}, as in the rows before")


def _label_by_names(
    builder: ManifestBuilder, texts: list[str], name: str, options: ReadOptions
) -> None:
    for i, text in enumerate(texts):
        if is_whole_number(text):
            message = f"{name} is {text}, a number, but the rows before have names of classes"
            builder.add_error(builder.lines[i], message)
    label_by_name(builder, texts, options)


def _name_labels(builder: ManifestBuilder, texts: list[str]) -> None:
    """Learn from a second column what the labels are called."""
    name_of = dict(enumerate(builder.class_names or ()))
    for line, label, text in zip(builder.lines, builder.labels, texts, strict=True):
        if label >= 0 and text and name_of.setdefault(label, text) != text:
            builder.add_error(
                line, f"label {label} is called {text!r}, elsewhere {name_of[label]!r}"
            )
    if name_of:
        max_label = max(*name_of, *builder.labels)
        try:
            check_max_label(max_label, len(texts))
        except ValueError as error:
            raise ManifestError(str(error), path=builder.source) from error
        builder.class_names = tuple(name_of.get(i, str(i)) for i in range(max_label + 1))


def parse_number(text: str, name: str, *, minimum: int, default: int) -> int:
    """The whole number of a cell, also as 3.0; the default of an empty one.

    Raises:
        ValueError: It is none, or below the minimum.
    """
    return parse_int(parse_whole_number(text), name, minimum=minimum) if text else default
