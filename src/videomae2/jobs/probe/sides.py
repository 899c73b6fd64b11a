"""Training and test videos of a probe with their features; what cannot be read, said or refused."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64

from videomae2.data.manifest import Manifest
from videomae2.data.view_reading import GridShape
from videomae2.errors import DataError
from videomae2.jobs.probe.attend import Tokens
from videomae2.jobs.probe.features import Extraction, Features
from videomae2.jobs.probe.lists import Lists
from videomae2.jobs.probe.pooled import Half
from videomae2.jobs.probe.spans import grid_shape
from videomae2.models.cards import ClipSpan

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Side:
    """The readable videos of one part."""

    features: Features
    rows: Int64[np.ndarray, " rows"]
    """Of the list."""
    labels: Int64[np.ndarray, " rows"]

    def half(self, device: torch.device) -> Half:
        """Their pooled features, on a device."""
        pooled = np.ascontiguousarray(self.features.pooled[self.rows])
        return Half(torch.from_numpy(pooled).to(device), self.labels)

    def tokens(self) -> Tokens:
        """Their tokens, on the disk."""
        assert self.features.tokens is not None
        return Tokens(self.features.tokens, self.rows, self.labels)


def both_sides(
    extraction: Extraction,
    listed: Lists,
    span: ClipSpan,
    *,
    frame_rate: float | None,
    skip_unreadable: bool,
) -> tuple[Side, Side, dict[str, str]]:
    """Extract the features of both parts.

    Returns:
        Training videos, test videos, and why those that are left out cannot be read, by path.

    Raises:
        DataError: A video cannot be read and none may be left out, or too few are left.
        ConfigError: Clips cannot be taken, or features cannot be kept.
    """
    found: list[Features] = []
    unreadable: dict[str, str] = {}
    for name, manifest, shape in shapes(extraction, listed, span, frame_rate=frame_rate):
        features = extraction.of(manifest, shape, name)
        unreadable |= {manifest[row].path: why for row, why in features.unreadable.items()}
        found.append(features)
    one, other = found[0], found[-1]
    test = listed.train if listed.test is None else listed.test
    if unreadable and not skip_unreadable:
        raise DataError(_cannot_read(unreadable))
    train_side = _readable(one, listed.train_rows, listed.train.labels)
    test_side = _readable(other, listed.test_rows, test.labels)
    _check_left(train_side, test_side)
    return train_side, test_side, unreadable


def shapes(
    extraction: Extraction, listed: Lists, span: ClipSpan, *, frame_rate: float | None
) -> list[tuple[str, Manifest, GridShape]]:
    """The lists by name, one or two, and the clips that are taken of them.

    Raises:
        ConfigError: Clips cannot be taken.
    """
    lists = {"videos": listed.train}
    if listed.test is not None:
        lists = {"train": listed.train, "test": listed.test}

    def shape(one: Manifest) -> GridShape:
        return grid_shape(
            extraction.frozen.encoder.cubes,
            span,
            one,
            clips=extraction.clips,
            frame_rate=frame_rate,
            loading=extraction.loading,
        )

    return [(name, one, shape(one)) for name, one in lists.items()]


def _readable(features: Features, rows: np.ndarray, labels: np.ndarray) -> Side:
    good = rows[features.is_read[rows]].astype(np.int64)
    return Side(features, good, labels[good].astype(np.int64))


def _cannot_read(unreadable: dict[str, str]) -> str:
    some = "; ".join(f"{path}: {why}" for path, why in list(unreadable.items())[:_SHOWN])
    return (
        f"{len(unreadable)} videos cannot be read, for example {some}; the same command tries them "
        f"again (--deadline-seconds and --memory-gib allow more); else mend them, take them out of "
        f"the list, or report without them with --skip-unreadable"
    )


def _check_left(train: Side, test: Side) -> None:
    classes = len(np.unique(train.labels))
    if len(test.rows) == 0 or classes < 2:
        raise DataError(
            f"{len(train.rows)} training videos of {classes} classes and {len(test.rows)} test "
            f"videos can be read, too few to probe"
        )
