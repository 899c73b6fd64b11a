"""The labelled lists of a probe: read, held against each other, and split where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from videomae2.data.apart import in_both, such_as
from videomae2.data.class_names import infer_classes
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Manifest
from videomae2.errors import ConfigError, DataError, ManifestError
from videomae2.jobs.probe.settings import ListSettings
from videomae2.tensors.folds import held_out

_LEAST_VIDEOS = 10


@dataclass(frozen=True, slots=True)
class Lists:
    """Which videos train the probes and which test them."""

    train: Manifest
    test: Manifest | None
    """None: both parts are rows of ``train``."""
    classes: tuple[str, ...]
    train_rows: Int64[np.ndarray, " train_videos"]
    test_rows: Int64[np.ndarray, " test_videos"]
    words: str
    """How the test was come by."""


def read_lists(
    train: Path, test: Path | None, how: ListSettings, *, seed: int, most: int | None = None
) -> Lists:
    """Read both lists with the classes of the first.

    Args:
        train: A folder per class, a list or a table.
        test: Another one; a share of the first is held out if not given.
        how: How both are read.
        seed: Draws what is held out.
        most: Videos at most that are taken of each list, of each class as evenly as can be.

    Raises:
        ManifestError: A list cannot be read, or a video has no label.
        DataError: The lists share videos, or there is less to tell apart than two classes.
        ConfigError: A choice has no effect.
    """
    if test is None and how.keep_test is not None:
        test = train
    if test is not None and how.test_share != ListSettings().test_share:
        raise ConfigError("--test-share has no effect where a test is given; leave it out")
    if not 0 < how.test_share < 1:
        raise ConfigError(f"--test-share is {how.test_share:g}, wanted between 0 and 1")
    known = _read(train, how, how.keep)
    found = infer_classes(known)
    if len(set(known.labels.tolist())) < 2:
        raise DataError(f"{train} has videos of one class only; a probe tells classes apart")
    if test is None:
        return _split(known, found.names, how.test_share, seed, most)
    names = known.class_names
    other = _read(test, how, how.keep_test, names)
    if names is None and other.class_names is not None:
        raise DataError(
            f"{train} numbers its classes and {test} names them, so nobody knows which number is "
            f"which class; give both with names, or both with numbers"
        )
    _check_labels(other, len(found.names), train)
    _check_apart(known, other)
    rows = _some(known, most, seed), _some(other, most, seed)
    return Lists(known, other, found.names, *rows, f"{test}")


def _read(
    path: Path, how: ListSettings, keep: str | None, classes: Sequence[str] | None = None
) -> Manifest:
    return read_manifest(
        path, root=how.root, layout=how.layout, labels="required", keep=keep, class_names=classes
    )


def _some(manifest: Manifest, most: int | None, seed: int) -> Int64[np.ndarray, " rows"]:
    """All rows, or as many as are wanted."""
    if most is None or most >= len(manifest):
        return np.arange(len(manifest))
    return np.flatnonzero(held_out(manifest.labels, most / len(manifest), seed=seed))


def _split(
    manifest: Manifest, classes: tuple[str, ...], share: float, seed: int, most: int | None
) -> Lists:
    if len(manifest) < _LEAST_VIDEOS:
        raise DataError(
            f"{manifest.source} has {len(manifest)} videos, too few to hold some out as a test; "
            f"wanted {_LEAST_VIDEOS} or more, or give TEST"
        )
    rows = _some(manifest, most, seed)
    out = held_out(manifest.labels[rows], share, seed=seed)
    words = f"{share:.0%} of {manifest.source}, {_held_out_of(manifest.labels[rows], out)}"
    return Lists(manifest, None, classes, rows[~out], rows[out], words)


def _held_out_of(labels: Int32[np.ndarray, " videos"], out: Bool[np.ndarray, " videos"]) -> str:
    """Say of which classes videos were held out, and which have none left."""
    parts = labels, labels[out], labels[~out]
    there, tested, taught = (len(set(part.tolist())) for part in parts)
    words = "held out of each class"
    if tested < there:
        words = (
            f"held out of {tested} of {there} classes only: the others have too few videos to "
            f"give one; a larger --test-share, or TEST, would test them"
        )
    return (
        words if taught == there else f"{words}; {there - taught} classes have none left to learn"
    )


def _check_labels(test: Manifest, classes: int, train: Path) -> None:
    if (last := int(test.labels.max())) >= classes:
        line = int(test.lines[int(test.labels.argmax())])
        raise ManifestError(
            f"label is {last}, but {train} has labels up to {classes - 1}",
            path=test.source,
            line=line or None,
        )


def _check_apart(train: Manifest, test: Manifest) -> None:
    """Refuse a video that is in both lists: its answer would be known."""
    both = in_both(train, test)
    if both:
        raise DataError(
            f"{len(both)} of {len(test)} test videos are also training videos, such as "
            f"{such_as(both[0])}; take them out of one list, or give --keep and --keep-test"
        )
