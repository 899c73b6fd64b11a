"""What a split takes whole: all entries of a file, and all files of a group, over all lists.

A file that two groups have joins them, by whatever paths lists name it.
"""

import os
from collections.abc import Hashable, Sequence
from dataclasses import replace

from videomae2.base.text import format_count
from videomae2.data.manifests.manifest import Manifest, join_path
from videomae2.data.splits.groups import FOLDER_RULE, group_by_path
from videomae2.data.splits.overlap import resolve_paths

Units = list[list[str]]
"""For each list, the unit of each of its entries."""


def list_units(manifests: Sequence[Manifest]) -> Units:
    """Name the unit of each entry of each list: after its group, else its path in the list.

    Names are unique, and do not depend on where files lie or in which order they are listed; of
    several that are joined the first in the alphabet stands for all.
    """
    joined = _Joined()
    members: list[list[Hashable]] = []
    names: dict[Hashable, str] = {}
    for manifest, files in zip(manifests, _resolve_files(manifests), strict=True):
        keys: list[Hashable] = [("file", file) for file in files]
        members.append(keys)
        for key, group in zip(keys, locate_groups(manifest) or (), strict=False):
            joined.join(key, ("group", group))
    for manifest, keys in zip(manifests, members, strict=True):
        for key, name in zip(keys, manifest.groups or manifest.paths, strict=True):
            root = joined.find(key)
            names[root] = min(names.get(root, name), name)
    unique = _make_unique(names)
    return [[unique[joined.find(key)] for key in keys] for keys in members]


def with_units(manifest: Manifest) -> Manifest:
    """A list whose groups are its units; without any, if it has no groups and no file twice."""
    (units,) = list_units([manifest])
    has_units = manifest.groups is not None or len(set(units)) < len(units)
    return replace(manifest, groups=units) if has_units else manifest


def describe_joined(manifests: Sequence[Manifest]) -> str:
    """Say how many groups share videos and so are one; "" where none do."""
    groups = {name for manifest in manifests for name in locate_groups(manifest) or ()}
    if not groups:
        return ""
    count = len({unit for units in list_units(manifests) for unit in units})
    if count >= len(groups):
        return ""
    return (
        f"{format_count(len(groups), 'group')} share videos so that {count} are left to part: "
        "what shares a video is kept together"
    )


def locate_groups(manifest: Manifest) -> list[str] | None:
    """The groups of a list, as they are called in any; folders by their whole path."""
    groups = manifest.groups
    if groups and groups == group_by_path(manifest.paths, FOLDER_RULE):
        return [os.path.join(manifest.root, name) for name in groups]
    return groups


def _resolve_files(manifests: Sequence[Manifest]) -> list[list[str]]:
    """The file of each entry, by one name wherever it stands."""
    paths = [[join_path(m.root, path) for path in m.paths] for m in manifests]
    real_path_of = resolve_paths({path for one in paths for path in one})
    return [[real_path_of[path] for path in one] for one in paths]


def _make_unique(names: dict[Hashable, str]) -> dict[Hashable, str]:
    """The same names with a number behind those that come twice, as in two folders."""
    seen: dict[str, int] = {}
    unique: dict[Hashable, str] = {}
    for root, name in names.items():
        seen[name] = number = seen.get(name, 0) + 1
        unique[root] = name if number == 1 else f"{name}\0{number}"
    return unique


class _Joined:
    """Sets of keys that have been joined, each known by one of its keys."""

    def __init__(self) -> None:
        self._parents: dict[Hashable, Hashable] = {}

    def find(self, key: Hashable) -> Hashable:
        parents = self._parents
        while (parent := parents.setdefault(key, key)) != key:
            parents[key] = key = parents[parent]
        return key

    def join(self, first: Hashable, second: Hashable) -> None:
        self._parents[self.find(first)] = self.find(second)
