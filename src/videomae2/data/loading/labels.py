"""The labels of some sources as targets of supervised training, and what their classes are called.

Axes: entries of a list; outputs = labels of which any number holds, or numbers to predict.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Int64

from videomae2.base.ranges import ONE_OR_MORE
from videomae2.base.text import format_count
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.class_names import infer_classes, read_class_names
from videomae2.data.manifests.labelling import format_both_lists
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.data.tables.label_cells import check_name, parse_list_cell
from videomae2.data.tables.labels import describe_nothing
from videomae2.data.tables.values import SEPARATORS
from videomae2.errors import DataError, ManifestError, shorten

_MAX_MESSAGE = 300  # characters of what is wrong with an entry

EntryTargets = Int64[np.ndarray, " entries"] | Float32[np.ndarray, "entries outputs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelConfig:
    """Where labels and their names stand."""

    class_names: Path | None = None
    """A file of class names in the order of their numbers (text, JSON or a table), or a public
    data set whose classes they are, such as kinetics-400. Else they come from folders or from the
    label column, sorted."""
    columns: tuple[str, ...] = ()
    """Where clips have any number of labels: the one column that holds their names, as a JSON list
    or separated by semicolons (label if not given). Where numbers are predicted: the columns that
    hold them."""

    groups: str | None = None
    """What belongs together and is not parted where a share is held out: a column of the list, such
    as person; folder, for the folder that a file lies in; or a regular expression whose
    parentheses match it in each path, such as '(rec[0-9]+)_'."""
    max_per_class: Annotated[int | None, ONE_OR_MORE] = None
    """Learn from so many videos of each class at most (few-shot), drawn by the seed, of each group
    as evenly as can be. What is held out is drawn before."""

    def read_class_names(self) -> tuple[str, ...] | None:
        """The names that are given, in the order of their numbers."""
        return None if self.class_names is None else read_class_names(self.class_names)


@dataclass(frozen=True, slots=True, eq=False)
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
        return all(rows.ndim == 1 or rows.shape[1] > 0 for rows in self.targets)


def read_multiclass(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, expected: Sequence[str] | None = None
) -> LabelledData:
    """Read lists in which every video has exactly one class.

    Classes of the same name are one. ``expected`` are the names and their order, where they are
    fixed already, as for validation. Numbers of a list are those of ``labels.class_names`` where
    that is given, else positions in these.

    Raises:
        ManifestError: A list cannot be read, or a video has no label.
        DataError: Named and unnamed classes do not go together, or given names are not wanted.
    """
    provided = labels.read_class_names()
    fixed_names = provided if expected is None else tuple(expected)
    manifests, inferred = [], []
    for source in sources:
        manifest = source.read(
            source.path,
            labels="required",
            class_names=provided or fixed_names,
            groups=labels.groups if expected is None else None,
        )
        if provided is not None and fixed_names is not None and provided != fixed_names:
            manifest = _renumber(manifest, provided, fixed_names)
        manifests.append(manifest)
        inferred.append(infer_classes(manifest, fixed_names))
    has_names = {manifest.class_names is not None for manifest in manifests}
    if fixed_names is None and len(has_names) > 1:
        raise DataError(
            "some sources name their classes and some number them; give the names of all in one "
            "file with --labels.class-names"
        )
    names = fixed_names or tuple(dict.fromkeys(name for one in inferred for name in one.names))
    index_of = {name: i for i, name in enumerate(names)}
    targets = tuple(
        np.array([index_of[name] for name in classes.names], dtype=np.int64)[manifest.labels]
        for manifest, classes in zip(manifests, inferred, strict=True)
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
    groups = labels.groups if expected is None else None
    manifests = tuple(s.read(s.path, extra_columns=(column,), groups=groups) for s in sources)
    known = tuple(expected) if expected is not None else labels.read_class_names() or ()
    names_of_entries = [_split_names(manifest, column, known) for manifest in manifests]
    occurring = sorted({name for rows in names_of_entries for row in rows for name in row})
    names = known if expected is not None else known or tuple(occurring)
    if not names:
        raise ManifestError(f"the column {column} is empty", path=manifests[0].source)
    index_of = {name: i for i, name in enumerate(names)}
    targets = []
    for manifest, rows in zip(manifests, names_of_entries, strict=True):
        target = np.zeros((len(manifest), len(names)), dtype=np.float32)
        for entry, name in ((entry, name) for entry, row in enumerate(rows) for name in row):
            if name not in index_of:
                lists = format_both_lists(names, occurring)
                raise _entry_error(manifest, entry, f"the class {name!r} is not known\n{lists}")
            target[entry, index_of[name]] = 1
        targets.append(target)
    description = f"{format_count(len(names), 'label')} of the column {column}"
    return LabelledData(manifests, tuple(targets), names, description)


def read_regression(
    sources: Sequence[SourceConfig], labels: LabelConfig, *, expected: Sequence[str] | None = None
) -> LabelledData:
    """Read tables whose columns hold the numbers to predict; arguments as above.

    Raises:
        ManifestError: A list is no table, has no such columns, or a cell is no number.
    """
    columns = tuple(expected) if expected is not None else labels.columns
    groups = labels.groups if expected is None else None
    manifests = tuple(s.read(s.path, extra_columns=columns, groups=groups) for s in sources)
    targets = []
    for manifest in manifests:
        numbers = [
            [
                _parse_number(manifest, entry, name, text)
                for entry, text in enumerate(manifest.columns[name])
            ]
            for name in columns
        ]
        targets.append(np.array(numbers, dtype=np.float32).reshape(len(columns), -1).T.copy())
    return LabelledData(manifests, tuple(targets), columns, f"numbers of {', '.join(columns)}")


LABEL_READERS = {
    "multiclass": read_multiclass,
    "multilabel": read_multilabel,
    "regression": read_regression,
}
"""By the type of the task."""


def read_unlabelled(sources: Sequence[SourceConfig], class_names: Sequence[str]) -> LabelledData:
    """Read lists whose labels, if there are any, do not count: every row is empty."""
    manifests = tuple(source.read(source.path) for source in sources)
    targets = tuple(np.zeros((len(manifest), 0), dtype=np.float32) for manifest in manifests)
    return LabelledData(manifests, targets, tuple(class_names), "labels are not looked at")


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


def _split_names(manifest: Manifest, column: str, known_names: Sequence[str]) -> list[list[str]]:
    """The names of each cell: a list as JSON writes it, or names with a separator between."""
    texts = manifest.columns[column]
    lists = [_parse_list(manifest, entry, column, known_names) for entry in range(len(texts))]
    plain = [text for text, names in zip(texts, lists, strict=True) if names is None]
    separator = next((s for s in SEPARATORS if any(s in text for text in plain)), SEPARATORS[0])
    rows = [
        [name.strip() for name in (text.split(separator) if names is None else names)]
        for text, names in zip(texts, lists, strict=True)
    ]
    rows = [list(filter(None, names)) for names in rows]
    pairs = [(n, line) for names, line in zip(rows, manifest.lines, strict=True) for n in names]
    words, lines = [name for name, _ in pairs], [int(line) for _, line in pairs]
    if questions := describe_nothing(words, lines, column, known_names):
        raise ManifestError("\n".join(questions), path=manifest.source)
    known = {name for names in rows for name in names}
    for entry, names in enumerate(rows):
        name = texts[entry].strip()
        parts = [part.strip() for part in name.split(",")]
        if names == [name] and len(parts) > 1 and known.issuperset(parts):
            message = (
                f"{name!r} in the column {column} could be one label or {len(parts)}, which are "
                "labels of other rows: separate labels with semicolons"
            )
            raise _entry_error(manifest, entry, message)
    return rows


def _parse_list(
    manifest: Manifest, entry: int, column: str, known: Sequence[str]
) -> list[str] | None:
    """The names of a cell that holds a list; None for others, whose parts must be names."""
    text = manifest.columns[column][entry]
    try:
        names = None if text in known else parse_list_cell(text)
        for part in re.split(f"[{SEPARATORS}]", text) if names is None else ():
            if part.strip() not in known:
                check_name(part.strip())
        return names
    except ValueError as error:
        raise _entry_error(manifest, entry, f"{column} {error}") from error


def _parse_number(manifest: Manifest, entry: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # neither infinity nor NaN
        raise _entry_error(manifest, entry, f"{text!r} in the column {column} is no number")
    return value


def _entry_error(manifest: Manifest, entry: int, message: str) -> ManifestError:
    head, *rest = message.split("\n")
    message = "\n".join((shorten(head, _MAX_MESSAGE), *rest))
    return ManifestError(message, path=manifest.source, line=int(manifest.lines[entry]))
