"""The labelled lists of a probe: read, held against each other, and split where there is one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Int32, Int64

from videomae2.base.ranges import INNER_SHARE, find_range_errors
from videomae2.base.text import format_count
from videomae2.data.manifests.class_names import infer_classes
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.read import ListConfig
from videomae2.data.splits.duplicates import DuplicateSearch
from videomae2.data.splits.overlap import describe_entry, find_overlap
from videomae2.data.splits.units import locate_groups, with_units
from videomae2.data.splits.validation import limit_per_class
from videomae2.data.splits.validation import validation_split as groupwise_split
from videomae2.errors import ConfigError, DataError, ManifestError
from videomae2.metrics.folds import count_class_groups, validation_split


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeListConfig(ListConfig):
    """How both labelled lists are read."""

    filter: str | None = None
    """Rows of a table to train on, as column=value, such as split=train."""
    filter_test: str | None = None
    """Rows of the test table; without TEST, rows of TRAIN to test on."""
    test_share: Annotated[float, INNER_SHARE] = 0.2
    """Share of TRAIN that is held out as the test, where none is given."""
    groups: str | None = None
    """What must not be parted, such as a person or a recording: a column of the table, folder
    for the folder of each file, or a regular expression whose parentheses match it in each
    path. The held-out share and the folds keep each group on one side."""
    find_duplicates: DuplicateSearch = "bytes"
    """Warn of videos that are trained on and tested on under two names: of the same bytes, or
    also nearly the same (encoded anew, another size, a slight cut), for which 16 frames of
    every video are read."""
    skip_unreadable: bool = False
    """Report without the videos that cannot be read, rather than fail."""


_MIN_VIDEOS = 10
_MAX_SHOWN = 6


@dataclass(frozen=True, slots=True)
class ProbeData:
    """Which videos train the probes and which test them."""

    train: Manifest
    test: Manifest | None
    """None: both parts are rows of ``train``."""
    classes: tuple[str, ...]
    train_rows: Int64[np.ndarray, " train_videos"]
    test_rows: Int64[np.ndarray, " test_videos"]
    test_description: str
    """How the test was come by."""


def load_train_test(
    train: Path,
    test: Path | None,
    list_config: ProbeListConfig,
    *,
    seed: int,
    max_videos: int | None = None,
) -> ProbeData:
    """Read both lists with the classes of the first.

    A share of the first is held out as the test if none is given, drawn by ``seed``. Of each list
    ``max_videos`` at most are taken, of each class as evenly as can be, and of each of its groups
    where the lists say what belongs together. A group is in training or in the test as a whole.

    Raises:
        ManifestError: A list cannot be read, or a video has no label.
        DataError: The lists share videos, or there is less to tell apart than two classes.
        ConfigError: A choice has no effect or cannot work.
    """
    if test is None and list_config.filter_test is not None:
        test = train
    if test is not None and list_config.test_share != ProbeListConfig().test_share:
        raise ConfigError("--test-share has no effect where a test is given; leave it out")
    if problems := [problem for _, problem in find_range_errors(list_config)]:
        raise ConfigError(problems)
    groups = list_config.groups
    train_manifest = list_config.read(train, labels="required", groups=groups)
    train_units = with_units(train_manifest)
    inferred = infer_classes(train_manifest)
    if len(set(train_manifest.labels.tolist())) < 2:
        raise DataError(f"{train} has videos of one class only; a probe tells classes apart")
    if test is None:
        return _split_train(train_units, inferred.names, list_config.test_share, seed, max_videos)
    class_names = train_manifest.class_names
    bits = list_config.bits or train_manifest.bits
    test_config = replace(list_config, filter=list_config.filter_test, bits=bits)
    test_manifest = test_config.read(
        test, labels="required", class_names=class_names, groups=groups
    )
    if class_names is None and test_manifest.class_names is not None:
        raise DataError(
            f"{train} numbers its classes and {test} names them, so nobody knows which number is "
            f"which class; give both with names, or both with numbers"
        )
    _check_labels(test_manifest, len(inferred.names), train)
    _check_leakage(train_manifest, test_manifest)
    _check_common_groups(train_manifest, test_manifest)
    train_rows = _subsample_rows(train_units, max_videos, seed)
    test_rows = _subsample_rows(test_manifest, max_videos, seed)
    names = inferred.names
    return ProbeData(train_units, test_manifest, names, train_rows, test_rows, f"{test}")


def _subsample_rows(
    manifest: Manifest, max_videos: int | None, seed: int
) -> Int64[np.ndarray, " rows"]:
    if max_videos is None or max_videos >= len(manifest):
        return np.arange(len(manifest))
    if manifest.groups is None:
        share = max_videos / len(manifest)
        return np.flatnonzero(validation_split(manifest.labels, share, seed=seed))
    count = max(1, max_videos // len(set(manifest.labels.tolist())))
    (chosen,) = limit_per_class([manifest], [manifest.labels], count, seed=seed)
    return np.flatnonzero(chosen)[:max_videos]


def _split_train(
    manifest: Manifest, classes: tuple[str, ...], share: float, seed: int, max_videos: int | None
) -> ProbeData:
    if len(manifest) < _MIN_VIDEOS:
        raise DataError(
            f"{manifest.source} has {format_count(len(manifest), 'video')}, too few to hold "
            f"some out as a test; "
            f"wanted {_MIN_VIDEOS} or more, or give TEST"
        )
    rows = _subsample_rows(manifest, max_videos, seed)
    if manifest.groups is None:
        is_test = validation_split(manifest.labels[rows], share, seed=seed)
        groups = ""
    else:
        part = manifest.take(rows)
        (is_test,) = groupwise_split([part], [part.labels], share, seed=seed)
        groups = _format_groups(part, is_test)
    split = _format_split(manifest.labels[rows], is_test)
    description = f"{share:.0%} of {manifest.source}, {split}{groups}"
    return ProbeData(manifest, None, classes, rows[~is_test], rows[is_test], description)


def _format_split(
    labels: Int32[np.ndarray, " videos"], is_test: Bool[np.ndarray, " videos"]
) -> str:
    """Say of which classes videos were held out, and which have none left."""
    label_sets = labels, labels[is_test], labels[~is_test]
    num_classes, num_tested, num_trained = (len(set(part.tolist())) for part in label_sets)
    text = "held out of each class"
    if num_tested < num_classes:
        text = (
            f"held out of {num_tested} of {format_count(num_classes, 'class')} only: the "
            f"others have too few "
            f"videos to give one; a larger --test-share, or TEST, would test them"
        )
    if num_trained < num_classes:
        text += f"; none is left to learn for {format_count(num_classes - num_trained, 'class')}"
    return text


def _format_groups(manifest: Manifest, is_test: Bool[np.ndarray, " videos"]) -> str:
    """Say how many groups were held out, which is what a share of them comes to."""
    names = np.array(manifest.groups, dtype=object)
    total, held_out = len(set(names)), len(set(names[is_test]))
    if not held_out:
        raise DataError(
            f"{manifest.source} has {format_count(total, 'group')}, of which none can be held out: "
            f"a class gives one where it is in three or more; give TEST"
        )
    return f": {held_out} of {format_count(total, 'group')} as a whole"


def _check_common_groups(train: Manifest, test: Manifest) -> None:
    """Refuse a group that is in both lists."""
    common = sorted(set(locate_groups(train) or ()) & set(locate_groups(test) or ()))
    if common:
        raise DataError(
            f"training and test videos share {format_count(len(common), 'group')}, such as "
            f"{common[0]!r}, and a group must be on one side; give other lists, or leave TEST out "
            f"to have whole groups held out"
        )


def _check_labels(test: Manifest, num_classes: int, train: Path) -> None:
    if (max_label := int(test.labels.max())) >= num_classes:
        line = int(test.lines[int(test.labels.argmax())])
        raise ManifestError(
            f"label is {max_label}, but {train} has labels up to {num_classes - 1}",
            path=test.source,
            line=line or None,
        )


def _check_leakage(train: Manifest, test: Manifest) -> None:
    """Refuse a video that is in both lists: its answer would be known."""
    overlap = find_overlap(train, test)
    if overlap:
        raise DataError(
            f"{len(overlap)} of {format_count(len(test), 'test video')} are also training "
            f"videos, such as "
            f"{describe_entry(overlap[0])}; take them out of one list, or give --filter and "
            "--filter-test"
        )


def describe_rare_classes(data: ProbeData, folds: int) -> str | None:
    """Say which classes are in fewer groups than there are folds, so that some folds lack them."""
    if data.train.groups is None:
        return None
    names = [data.train.groups[row] for row in data.train_rows]
    counts = count_class_groups(data.train.labels[data.train_rows], names)
    rare = {data.classes[label]: count for label, count in counts.items() if count < folds}
    if not rare:
        return None
    shown = ", ".join(f"{name} ({count})" for name, count in [*rare.items()][:_MAX_SHOWN])
    more = ", …" if len(rare) > _MAX_SHOWN else ""
    return (
        f"{len(rare)} of {format_count(len(counts), 'class')} are in fewer groups than the {folds} "
        f"folds, so some folds lack them: {shown}{more}"
    )
