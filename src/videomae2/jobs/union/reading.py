"""Read all lists of a union, whatever their kind, and say everything that is wrong with them."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from videomae2.data.labelled import LabelledSource, read_video_ids
from videomae2.errors import ConfigError, ManifestError
from videomae2.jobs.union.annotated import find_files_by_id, is_annotated, read_annotated, resolve_id_rule
from videomae2.jobs.union.listed import read_listed, read_unlabelled_list
from videomae2.jobs.union.parts import MergePart, PartList


def read_sources(parts: Sequence[MergePart], *, check_files: bool) -> list[LabelledSource]:
    """Read the lists of all parts.

    Args:
        parts: Of the union.
        check_files: Whether files are looked for; videos without one are left out, and listed so.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """
    find_files = cache(find_files_by_id) if check_files else None

    def read(part_list: PartList) -> LabelledSource:
        if is_annotated(part_list.path):
            return read_annotated(part_list, find_files)
        return read_listed(part_list, check_files=check_files)

    return _read_each(read, (one for part in parts for one in part.list_inputs()))


def read_targets(targets: Sequence[MergePart]) -> list[LabelledSource]:
    """Read what models will be tested on later; labels are not needed.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """

    def read(part_list: PartList) -> LabelledSource:
        if is_annotated(part_list.path):
            return read_video_ids(part_list.path, part_list.part.name, part_list.split, id_rule=resolve_id_rule(part_list))
        return read_unlabelled_list(part_list)

    return _read_each(read, (PartList(target, "validation", target.training) for target in targets))


def _read_each(
    read: Callable[[PartList], LabelledSource], lists: Iterable[PartList]
) -> list[LabelledSource]:
    problems, sources = [], []
    for part_list in lists:
        try:
            sources.append(_check_utf8_names(read(part_list), part_list))
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    return sources


def _check_utf8_names(source: LabelledSource, part_list: PartList) -> LabelledSource:
    """Refuse names of files that no list can hold."""
    names = [one.location if one.entry is None else one.entry.path for one in source.videos]
    for name in (*names, *(one.video_id for one in source.exclusions)):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{name!r} is no UTF-8, in which lists are written: rename it", path=part_list.path
            ) from error
    return source
