"""Which videos of labelled lists are held out for validation, and which few are learnt from."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
from jaxtyping import Bool, Int

from videomae2.base.text import format_count
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.splits.units import list_units
from videomae2.tensors import rng

_STREAM = 61
_MIN_CLASS_GROUPS = 3  # groups of a class from which on one is held out


def validation_split(
    manifests: Sequence[Manifest],
    labels: Sequence[Int[np.ndarray, " _"]],
    fraction: float,
    *,
    seed: int,
) -> list[Bool[np.ndarray, " _"]]:
    """Choose a share of the units of every class, at random; without labels they are of one class.

    A unit is what the lists say belongs together, else all windows of a video, over all lists. The
    choice depends on the names in the lists, not on where files lie or in which order. A class in
    one or two units gives none, else it gives one at least; every class keeps one at least. Gives
    for each list which of its entries are held out.
    """
    units = list_units(manifests)
    labels_of: dict[str, set[int]] = defaultdict(set)
    for names, rows in zip(units, labels, strict=True):
        for name, label in zip(names, rows.tolist(), strict=True):
            labels_of[name].add(label)
    groups_of: dict[int, list[str]] = defaultdict(list)
    for name in sorted(labels_of, key=lambda name: _draw_sort_key(name, seed)):
        for label in labels_of[name]:
            groups_of[label].append(name)
    held_out: set[str] = set()
    num_left = Counter({label: len(groups) for label, groups in groups_of.items()})
    # the rarest first, since its groups hold others, too
    for label, groups in sorted(groups_of.items(), key=lambda item: (len(item[1]), item[0])):
        num_wanted = _count_validation_groups(len(groups), fraction)
        for name in groups:
            if len(groups) - num_left[label] >= num_wanted:
                break
            if name not in held_out and all(num_left[other] > 1 for other in labels_of[name]):
                held_out.add(name)
                num_left.subtract(labels_of[name])
    return [np.array([name in held_out for name in names], dtype=bool) for names in units]


def explain_no_split(manifests: Sequence[Manifest]) -> str:
    """Say why a share of some lists comes to nothing, and what helps."""
    has_groups = any(manifest.groups for manifest in manifests)
    total = len(set(chain.from_iterable(list_units(manifests))))
    noun = "group" if has_groups else "video"
    reason = "; --labels.groups says that no group is parted" if has_groups else ""
    return (
        f"nothing can be held out of {format_count(total, noun)}: a class gives one where it is in "
        f"{_MIN_CLASS_GROUPS} or more{reason}. Nothing will judge this model; give "
        "--validation.path, or --validation.share 0 if that is meant"
    )


def limit_per_class(
    manifests: Sequence[Manifest], labels: Sequence[Int[np.ndarray, " _"]], count: int,
    *, seed: int,
) -> list[Bool[np.ndarray, " _"]]:  # fmt: skip
    """Choose so many entries of each class at most, at random, of each of its groups as evenly.

    Gives for each list which of its entries are chosen.
    """
    candidates: dict[int, list[tuple[int, int, str, int, int]]] = defaultdict(list)
    units = list_units(manifests)
    for source, (manifest, names, rows) in enumerate(zip(manifests, units, labels, strict=True)):
        taken: Counter[tuple[str, int]] = Counter()
        order = sorted(
            range(len(manifest)),
            key=lambda row: _draw_sort_key(
                manifest.paths[row] + manifest[row].format_window(), seed
            ),
        )
        for row in order:
            name, label = names[row], int(rows[row])
            taken[name, label] += 1
            key = _draw_sort_key(name, seed)
            candidates[label].append((taken[name, label], *key, source, row))
    chosen = [np.zeros(len(manifest), dtype=bool) for manifest in manifests]
    for label_candidates in candidates.values():
        for *_, source, row in sorted(label_candidates)[:count]:
            chosen[source][row] = True
    return chosen


def _count_validation_groups(num_groups: int, fraction: float) -> int:
    if num_groups < _MIN_CLASS_GROUPS or fraction == 0:
        return 0
    return min(num_groups - 1, max(1, round(fraction * num_groups)))


def _draw_sort_key(name: str, seed: int) -> tuple[int, str]:
    name_bytes = name.encode("utf-8", "surrogatepass")
    return rng.make_key(seed, _STREAM, *name_bytes), name
