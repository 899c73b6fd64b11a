"""Rows of Parquet, as pandas and Hugging Face write it."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from videomae2.base.file_kinds import is_regular_file
from videomae2.data.tables.times import is_whole_number
from videomae2.data.tables.values import TableCells, format_cell, normalize_name
from videomae2.errors import ManifestError

if TYPE_CHECKING:
    from pyarrow import parquet

_BATCH = 256  # rows
_MAX_ROWS_PER_BYTE, _MANY_ROWS = 8, 1_000_000  # where few bytes may say many rows


def read_parquet(source: str, is_used: Callable[[str], bool]) -> TableCells:
    """Read some columns; numbers of classes that Hugging Face has named become their names.

    Raises:
        ManifestError: It is damaged, pyarrow is missing, or a column holds files, not their names.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        message = "reading Parquet needs pyarrow: pip install 'videomae2[tables]'"
        raise ManifestError(message, path=source) from error
    if not is_regular_file(source):
        raise ManifestError("is no file, and a Parquet file is wanted", path=source)
    try:
        with parquet.ParquetFile(source) as file:
            names = list(file.schema_arrow.names)
            num_rows = int(file.metadata.num_rows)
            if not 0 <= num_rows <= _MAX_ROWS_PER_BYTE * os.path.getsize(source) + _MANY_ROWS:
                raise ValueError("more rows than a file of this size holds")
            wanted = [name for name in names if name.strip() and is_used(normalize_name(name))]
            embedded = [name for name in wanted if _holds_files(file, name)]
            values_of = file.read(columns=[] if embedded else wanted).to_pydict()
            class_names = _read_class_names(file.schema_arrow.metadata or {})
            other_values = _count_other_values(file, [n for n in names if n not in wanted])
    except Exception as error:  # Arrow raises anything at all on damaged files
        message = "is damaged, or no Parquet file; copy or write it again"
        raise ManifestError(message, path=source) from error
    if embedded:
        message = (
            f"its column {embedded[0]} holds the files themselves, not their names: write each to "
            "a file, and a table of paths and labels"
        )
        raise ManifestError(message, path=source)
    columns = {
        normalize_name(name): [
            _format_value(value, class_names.get(name, ())) for value in values_of[name]
        ]
        for name in values_of
    }
    names = list(filter(None, map(normalize_name, names)))
    return TableCells(
        columns,
        names,
        lines=list(range(1, num_rows + 1)),
        format_name="Parquet",
        class_names={normalize_name(name): known for name, known in class_names.items()},
        other_values=other_values,
    )


def _count_other_values(
    file: "parquet.ParquetFile", names: Sequence[str]
) -> dict[str, Counter[str]]:
    """How often each value of columns that are not used comes, of the first; none of files."""
    cells = TableCells({}, [])
    for name in names:
        if not name.strip() or "binary" in str(file.schema_arrow.field(name).type):
            continue
        for batch in file.iter_batches(batch_size=_BATCH, columns=[name]):
            values = batch.column(0).to_pylist()
            key = normalize_name(name)
            if not all(cells.count_other(key, format_cell(value)) for value in values):
                break
    return cells.other_values


def _holds_files(file: "parquet.ParquetFile", name: str) -> bool:
    """Whether the first row of a column has the content of a file, bare or beside its path."""
    if "binary" not in str(file.schema_arrow.field(name).type):
        return False
    batch = next(file.iter_batches(batch_size=1, columns=[name]), None)
    value = batch.column(0)[0].as_py() if batch is not None and batch.num_rows else None
    content = value.get("bytes") if isinstance(value, dict) else value
    return isinstance(content, bytes)


def _read_class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """The names of the classes that Hugging Face's features have, by their column."""
    names: dict[str, tuple[str, ...]] = {}
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        for column, feature in features.items():
            part = feature[0] if isinstance(feature, list) and feature else feature
            while isinstance(part, dict) and part.get("_type") in ("Sequence", "List"):
                part = part["feature"]
            if isinstance(part, dict) and part.get("_type") == "ClassLabel":
                names[column] = tuple(map(str, part["names"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
    # numbers as names, or one name twice, would say less than the numbers do
    return {
        column: known
        for column, known in names.items()
        if len(set(known)) == len(known) and not any(map(is_whole_number, known)) and all(known)
    }


def _format_value(value: object, class_names: Sequence[str]) -> str:
    """A cell: the names of numbered classes, or what a CSV would hold."""
    if class_names and isinstance(value, list):
        return format_cell([_name_class(member, class_names) for member in value])
    return format_cell(_name_class(value, class_names))


def _name_class(value: object, class_names: Sequence[str]) -> object:
    """The name of a numbered class, nothing for -1; other values as they are."""
    if not class_names or not isinstance(value, int):
        return value
    return class_names[value] if 0 <= value < len(class_names) else None if value == -1 else value
