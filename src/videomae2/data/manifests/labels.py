"""The labels of some sources as targets of supervised training, and what their classes are called.

Axes: entries of a list; outputs = labels of which any number holds, or numbers to predict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.builder import format_both_lists
from videomae2.data.manifests.cells import PARQUET_EXTENSIONS, read_cells
from videomae2.data.manifests.class_names import infer_classes, read_class_names
from videomae2.data.manifests.folders import get_extension
from videomae2.data.manifests.lists import read_text
from videomae2.data.manifests.manifest import ABSENT, Manifest
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.errors import DataError, ManifestError

SEPARATOR = ";"
"""Between the names of a video of which several hold."""


EntryTargets = Int64[Tensor, " entries"] | Float32[Tensor, "entries outputs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelConfig:
    """Where labels and their names stand."""

    class_names: Path | None = None
    """A file of class names in the order of their numbers (text, JSON or a table), or a public
    data set whose classes they are, such as kinetics-400. Else they come from folders or from the
    label column, sorted."""
    columns: tuple[str, ...] = ()
    """Where clips have any number of labels: the one column that holds their names, separated by
    semicolons (label if not given). Where numbers are predicted: the columns that hold them."""


@dataclass(frozen=True, slots=True)
class LabelledData:
    """Labelled lists of videos."""

    manifests: tuple[Manifest, ...]
    """One for each source."""
    targets: tuple[EntryTargets, ...]
    """For each source: the class of each entry, or a row of 0 and 1, or of numbers."""
    class_names: tuple[str, ...]
    """What the outputs are called, in their order."""
    description: str
    """How that was found out, for a line of the log."""

    @property
    def has_labels(self) -> bool:
        """Whether there is anything in the rows."""
        return all(row.ndim == 1 or row.shape[1] > 0 for row in self.targets)


def read_multiclass(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, expected: Sequence[str] | None = None
) -> LabelledData:
    """Read lists in which every video has exactly one class.

    Args:
        sources: Where the lists are. Classes of the same name are one.
        labels: Where names of classes stand.
        expected: The names and their order, where they are fixed already, as for validation.
            Numbers of a list are those of ``labels.class_names`` where that is given, else
            positions in these.

    Raises:
        ManifestError: A list cannot be read, or a video has no label.
        DataError: Named and unnamed classes do not go together, or given names are not wanted.
    """
    provided = read_class_names(labels.class_names) if labels.class_names is not None else None
    fixed_names = tuple(expected) if expected is not None else provided
    manifests, inferred = [], []
    for source in sources:
        manifest = _read_source(source, require_labels=True, class_names=provided or fixed_names)
        if provided is not None and fixed_names is not None and provided != fixed_names:
            manifest = _renumber(manifest, provided, fixed_names)
        manifests.append(manifest)
        inferred.append(
            infer_classes(manifest, None if manifest.class_names is not None else fixed_names)
        )
    has_names = {manifest.class_names is not None for manifest in manifests}
    if fixed_names is None and len(has_names) > 1:
        raise DataError(
            "some sources name their classes and some number them; give the names of all in one "
            "file with --labels.class-names"
        )
    names = fixed_names or tuple(dict.fromkeys(name for one in inferred for name in one.names))
    index_of = {name: i for i, name in enumerate(names)}
    targets = tuple(
        torch.tensor([index_of[one.names[label]] for label in manifest.labels.tolist()])
        for manifest, one in zip(manifests, inferred, strict=True)
    )
    return LabelledData(tuple(manifests), targets, names, inferred[0].description)


def read_multilabel(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, expected: Sequence[str] | None = None
) -> LabelledData:
    """Read tables in which any number of labels holds for a video; arguments as above.

    Raises:
        ManifestError: A list is no table, has no such column, or names a class that is not known.
    """
    (column,) = labels.columns or ("label",)
    manifests = tuple(_read_source(source, columns=(column,)) for source in sources)
    cells = [_read_columns(manifest, (column,))[column] for manifest in manifests]
    provided = read_class_names(labels.class_names) if labels.class_names is not None else None
    names_in_lists = sorted(
        {name for column in cells for cell in column for name in _split_names(cell)}
    )
    names = tuple(expected) if expected is not None else provided or tuple(names_in_lists)
    if not names:
        raise ManifestError(f"the column {column} is empty", path=manifests[0].source)
    index_of = {name: i for i, name in enumerate(names)}
    targets = []
    for manifest, texts in zip(manifests, cells, strict=True):
        target = torch.zeros(len(manifest), len(names))
        for entry, text in enumerate(texts):
            for name in _split_names(text):
                if name not in index_of:
                    raise _entry_error(
                        manifest, entry, _format_unknown_class(name, names, names_in_lists)
                    )
                target[entry, index_of[name]] = 1
        targets.append(target)
    return LabelledData(
        manifests, tuple(targets), names, f"{len(names)} labels of the column {column}"
    )


def read_regression(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, expected: Sequence[str] | None = None
) -> LabelledData:
    """Read tables whose columns hold the numbers to predict; arguments as above.

    Raises:
        ManifestError: A list is no table, has no such columns, or a cell is no number.
    """
    columns = tuple(expected) if expected is not None else labels.columns
    manifests = tuple(_read_source(source, columns=columns) for source in sources)
    targets = []
    for manifest in manifests:
        cells = _read_columns(manifest, columns)
        target = torch.zeros(len(manifest), len(columns))
        for column_index, name in enumerate(columns):
            for entry, text in enumerate(cells[name]):
                target[entry, column_index] = _parse_number(manifest, entry, name, text)
        targets.append(target)
    return LabelledData(manifests, tuple(targets), columns, f"numbers of {', '.join(columns)}")


def read_unlabelled(sources: Sequence[SourceConfig], class_names: Sequence[str]) -> LabelledData:
    """Read lists whose labels, if there are any, do not count: every row is empty.

    Args:
        sources: Where the lists are.
        class_names: What the outputs are called that are asked for nothing.
    """
    manifests = tuple(_read_source(source) for source in sources)
    targets = tuple(torch.zeros(len(manifest), 0) for manifest in manifests)
    return LabelledData(manifests, targets, tuple(class_names), "labels are not looked at")


def _read_source(
    source: SourceConfig,
    *,
    require_labels: bool = False,
    class_names: Sequence[str] | None = None,
    columns: Sequence[str] = (),
) -> Manifest:
    return source.read(
        source.path,
        labels="required" if require_labels else "ignore",
        class_names=class_names,
        extra_columns=columns,
    )


def _renumber(manifest: Manifest, provided: Sequence[str], expected: tuple[str, ...]) -> Manifest:
    """The same list with the numbers that its classes have elsewhere, found by their names."""
    canonical = canonicalize_names(expected, provided)
    if set(canonical) - set(expected):
        raise DataError(
            f"the names given for {manifest.source} are not those that are wanted"
            f"\n{format_both_lists(expected, provided)}"
        )
    new_labels = np.array([expected.index(name) for name in canonical], dtype=np.int32)
    return replace(manifest, labels=new_labels[manifest.labels], class_names=expected)


def _read_columns(manifest: Manifest, columns: Sequence[str]) -> dict[str, list[str]]:
    """The cells of some columns for each entry, found by its line."""
    source, lines = manifest.source, manifest.lines.tolist()
    if 0 in lines or not lines:
        expected = ", ".join(columns)
        raise ManifestError(f"is no table with a header; wanted columns {expected}", path=source)
    text = None if get_extension(source) in PARQUET_EXTENSIONS else read_text(source)
    cells = read_cells(source, text, [name.lower() for name in columns])
    missing = [name for name in columns if name.lower() not in cells.columns]
    if missing:
        column_names = ", ".join(cells.column_names)
        raise ManifestError(
            f"its columns are {column_names}; wanted {', '.join(missing)} too", path=source
        )
    row_of_line = {line: i for i, line in enumerate(cells.lines)}
    return {
        name: [cells.columns[name.lower()][row_of_line[line]] for line in lines] for name in columns
    }


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(SEPARATOR) if name.strip()]


def _format_unknown_class(
    name: str, known_classes: Sequence[str], source_classes: Sequence[str]
) -> str:
    """Say that a class is not known, with both lists."""
    return f"the class {name!r} is not known\n{format_both_lists(known_classes, source_classes)}"


def _parse_number(manifest: Manifest, entry: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # neither infinity nor NaN
        raise _entry_error(manifest, entry, f"{text!r} in the column {column} is no number")
    return value


def _entry_error(manifest: Manifest, entry: int, message: str) -> ManifestError:
    line = int(manifest.lines[entry])
    return ManifestError(message, path=manifest.source, line=line if line != ABSENT else None)
