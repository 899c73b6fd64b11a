"""Read all lists of a union, whatever their kind, and say everything that is wrong with them."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from videomae2.data.labelled import LabelledSource, read_ids
from videomae2.errors import ConfigError, ManifestError
from videomae2.jobs.union.annotated import files_below, is_annotated, read_annotated, rule_of
from videomae2.jobs.union.listed import read_listed, read_unlabelled
from videomae2.jobs.union.parts import Part, PartList


def read_sources(parts: Sequence[Part], *, files: bool) -> list[LabelledSource]:
    """Read the lists of all parts.

    Args:
        parts: Of the union.
        files: Whether files are looked for; videos without one are left out, and listed so.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """
    find = cache(files_below) if files else None

    def read(one: PartList) -> LabelledSource:
        if is_annotated(one.path):
            return read_annotated(one, find)
        return read_listed(one, files=files)

    return _each(read, (one for part in parts for one in part.lists()))


def read_targets(targets: Sequence[Part]) -> list[LabelledSource]:
    """Read what models will be tested on later; labels are not needed.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """

    def read(one: PartList) -> LabelledSource:
        if is_annotated(one.path):
            return read_ids(one.path, one.part.name, one.split, ids=rule_of(one))
        return read_unlabelled(one)

    return _each(read, (PartList(target, "validation", target.training) for target in targets))


def _each(
    read: Callable[[PartList], LabelledSource], lists: Iterable[PartList]
) -> list[LabelledSource]:
    problems, sources = [], []
    for one in lists:
        try:
            sources.append(_writable(read(one), one))
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    return sources


def _writable(source: LabelledSource, one: PartList) -> LabelledSource:
    """Refuse names of files that no list can hold."""
    names = [one.where if one.entry is None else one.entry.path for one in source.videos]
    for name in (*names, *(one.video for one in source.removed)):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{name!r} is no UTF-8, in which lists are written: rename it", path=one.path
            ) from error
    return source
