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

from videomae2.data.cells import PARQUET, read_cells
from videomae2.data.class_names import infer_classes, read_class_names
from videomae2.data.classes import both_lists
from videomae2.data.folders import extension
from videomae2.data.known_classes import called_as_in
from videomae2.data.listing import read_manifest, read_text
from videomae2.data.manifest import ABSENT, Manifest
from videomae2.data.sources import SourceConfig
from videomae2.errors import DataError, ManifestError

SEPARATOR = ";"
"""Between the names of a video of which several hold."""

Rows = Int64[Tensor, " entries"] | Float32[Tensor, "entries outputs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelConfig:
    """Where labels and their names stand."""

    names: Path | None = None
    """A file of class names in the order of their numbers (text, JSON or a table), or a public
    data set whose classes they are, such as kinetics-400. Else they come from folders or from the
    label column, sorted."""
    columns: tuple[str, ...] = ()
    """Where clips have any number of labels: the one column that holds their names, separated by
    semicolons (label if not given). Where numbers are predicted: the columns that hold them."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled lists of videos."""

    manifests: tuple[Manifest, ...]
    """One for each source."""
    rows: tuple[Rows, ...]
    """For each source: the class of each entry, or a row of 0 and 1, or of numbers."""
    names: tuple[str, ...]
    """What the outputs are called, in their order."""
    origin: str
    """How that was found out, for a line of the log."""

    @property
    def labelled(self) -> bool:
        """Whether there is anything in the rows."""
        return all(row.ndim == 1 or row.shape[1] > 0 for row in self.rows)


def read_one_class(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, wanted: Sequence[str] | None = None
) -> Labelled:
    """Read lists in which every video has exactly one class.

    Args:
        sources: Where the lists are. Classes of the same name are one.
        labels: Where names of classes stand.
        wanted: The names and their order, where they are fixed already, as for validation. Numbers
            of a list are those of ``labels.names`` where that is given, else places in these.

    Raises:
        ManifestError: A list cannot be read, or a video has no label.
        DataError: Named and unnamed classes do not go together, or given names are not wanted.
    """
    given = read_class_names(labels.names) if labels.names is not None else None
    fixed = tuple(wanted) if wanted is not None else given
    manifests, found = [], []
    for source in sources:
        manifest = _read(source, labelled=True, names=given or fixed)
        if given is not None and fixed is not None and given != fixed:
            manifest = _renumbered(manifest, given, fixed)
        manifests.append(manifest)
        found.append(infer_classes(manifest, None if manifest.class_names is not None else fixed))
    named = {manifest.class_names is not None for manifest in manifests}
    if fixed is None and len(named) > 1:
        raise DataError(
            "some sources name their classes and some number them; give the names of all in one "
            "file with --labels.names"
        )
    names = fixed or tuple(dict.fromkeys(name for one in found for name in one.names))
    place = {name: i for i, name in enumerate(names)}
    rows = tuple(
        torch.tensor([place[one.names[label]] for label in manifest.labels.tolist()])
        for manifest, one in zip(manifests, found, strict=True)
    )
    return Labelled(tuple(manifests), rows, names, found[0].origin)


def read_many_classes(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, wanted: Sequence[str] | None = None
) -> Labelled:
    """Read tables in which any number of labels holds for a video; arguments as above.

    Raises:
        ManifestError: A list is no table, has no such column, or names a class that is not known.
    """
    (column,) = labels.columns or ("label",)
    manifests = tuple(_read(source, columns=(column,)) for source in sources)
    cells = [_cells(one, (column,))[column] for one in manifests]
    given = read_class_names(labels.names) if labels.names is not None else None
    every = sorted({name for column in cells for cell in column for name in _split(cell)})
    names = tuple(wanted) if wanted is not None else given or tuple(every)
    if not names:
        raise ManifestError(f"the column {column} is empty", path=manifests[0].source)
    place = {name: i for i, name in enumerate(names)}
    rows = []
    for manifest, texts in zip(manifests, cells, strict=True):
        row = torch.zeros(len(manifest), len(names))
        for entry, text in enumerate(texts):
            for name in _split(text):
                if name not in place:
                    raise _wrong(manifest, entry, _strange(name, names, every))
                row[entry, place[name]] = 1
        rows.append(row)
    return Labelled(manifests, tuple(rows), names, f"{len(names)} labels of the column {column}")


def read_numbers(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, wanted: Sequence[str] | None = None
) -> Labelled:
    """Read tables whose columns hold the numbers to predict; arguments as above.

    Raises:
        ManifestError: A list is no table, has no such columns, or a cell is no number.
    """
    columns = tuple(wanted) if wanted is not None else labels.columns
    manifests = tuple(_read(source, columns=columns) for source in sources)
    rows = []
    for manifest in manifests:
        cells = _cells(manifest, columns)
        row = torch.zeros(len(manifest), len(columns))
        for place, name in enumerate(columns):
            for entry, text in enumerate(cells[name]):
                row[entry, place] = _number(manifest, entry, name, text)
        rows.append(row)
    return Labelled(manifests, tuple(rows), columns, f"numbers of {', '.join(columns)}")


def without_labels(sources: Sequence[SourceConfig], names: Sequence[str]) -> Labelled:
    """Read lists whose labels, if there are any, do not count: every row is empty.

    Args:
        sources: Where the lists are.
        names: What the outputs are called that are asked for nothing.
    """
    manifests = tuple(_read(source) for source in sources)
    rows = tuple(torch.zeros(len(manifest), 0) for manifest in manifests)
    return Labelled(manifests, rows, tuple(names), "labels are not looked at")


def _read(
    source: SourceConfig,
    *,
    labelled: bool = False,
    names: Sequence[str] | None = None,
    columns: Sequence[str] = (),
) -> Manifest:
    return read_manifest(
        source.path,
        root=source.root,
        layout=source.layout,
        frame_name=source.frame_name,
        labels="required" if labelled else "ignore",
        class_names=names,
        columns=columns,
    )


def _renumbered(manifest: Manifest, given: Sequence[str], wanted: tuple[str, ...]) -> Manifest:
    """The same list with the numbers that its classes have elsewhere, found by their names."""
    called = called_as_in(wanted, given)
    if set(called) - set(wanted):
        raise DataError(
            f"the names given for {manifest.source} are not those that are wanted"
            f"\n{both_lists(wanted, given)}"
        )
    places = np.array([wanted.index(name) for name in called], dtype=np.int32)
    return replace(manifest, labels=places[manifest.labels], class_names=wanted)


def _cells(manifest: Manifest, columns: Sequence[str]) -> dict[str, list[str]]:
    """The cells of some columns for each entry, found by its line."""
    source, lines = manifest.source, manifest.lines.tolist()
    if 0 in lines or not lines:
        wanted = ", ".join(columns)
        raise ManifestError(f"is no table with a header; wanted columns {wanted}", path=source)
    text = None if extension(source) in PARQUET else read_text(source)
    cells = read_cells(source, text, [name.lower() for name in columns])
    absent = [name for name in columns if name.lower() not in cells.columns]
    if absent:
        shown = ", ".join(cells.names)
        raise ManifestError(f"its columns are {shown}; wanted {', '.join(absent)} too", path=source)
    row = {line: i for i, line in enumerate(cells.lines)}
    return {name: [cells.columns[name.lower()][row[line]] for line in lines] for name in columns}


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(SEPARATOR) if name.strip()]


def _strange(name: str, known: Sequence[str], found: Sequence[str]) -> str:
    """Say that a class is not known, with both lists."""
    return f"the class {name!r} is not known\n{both_lists(known, found)}"


def _number(manifest: Manifest, entry: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # neither infinity nor NaN
        raise _wrong(manifest, entry, f"{text!r} in the column {column} is no number")
    return value


def _wrong(manifest: Manifest, entry: int, message: str) -> ManifestError:
    line = int(manifest.lines[entry])
    return ManifestError(message, path=manifest.source, line=line if line != ABSENT else None)
