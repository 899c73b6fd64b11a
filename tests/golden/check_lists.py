"""Checks of a .json: frame indices, masks and schedules, whose parameters stand in the keys."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.golden.check_classifier import check_groups
from tests.golden.check_features import FAMILIES, check_features
from tests.golden.strides import USUAL, Table, clips_of, numbers, strides
from tests.golden.verdict import Check, absolute, failed, guarded, result, skipped
from videomae2.data.views.sampling import (
    dense_clips,
    dense_indices,
    pretrain_indices,
    segment_clips,
    window_indices,
)
from videomae2.tensors.masks import build_running_cell_maps
from videomae2.training.schedules import CosineSchedule

_NUMBER = r"(\d*\.?\d+(?:e[-+]?\d+)?)"
_RATE_BOUND = 1e-12  # relative to the peak

Indices = np.ndarray


def check_lists(path: Path) -> Iterator[Check]:
    """Run every check that the file holds."""
    families = json.loads(path.read_text())
    if FAMILIES[0] in families:
        yield from check_features({name: families[name] for name in FAMILIES if name in families})
        return
    indices = {n: cases for n, cases in families.items() if n.startswith("frame_indices")}
    known = strides({f"{f}.{name}": t for f, cases in indices.items() for name, t in cases.items()})
    for family, cases in families.items():
        check = next((check for word, check in _FAMILIES.items() if family.startswith(word)), None)
        if family in indices:
            for name, table in cases.items():
                title = f"{family}.{name}"
                found = _check_indices(title, table, known.get(title, USUAL))
                yield from guarded(title, found)
        elif check is None:
            yield skipped(family, f"no such family here; known are frame_indices, {_NAMED}")
        else:
            for name, want in cases.items():
                title = f"{family}: {name}"
                yield from guarded(title, check(title, f"{family} {name}", want))


def _check_indices(title: str, table: Table, stride: int) -> Iterator[Check]:
    indices = next((make for word, make in _INDICES.items() if word in title), None)
    if indices is None:
        yield skipped(title, f"no clips by that name here; known are {', '.join(_INDICES)}")
        return
    for case, values in table.items():
        want = np.array(values)
        got = indices(title, numbers(case), want, stride)
        if got.shape != want.shape:
            yield failed(f"{title}: {case}", 0.0, f"shape {got.shape}, want {want.shape}")
        else:
            yield result(f"{title}: {case}", float(np.abs(got - want).max()), 0.0)


def _pretrain(name: str, case: list[int], want: Indices, stride: int) -> Indices:
    return pretrain_indices(case[0], len(want), stride, first=case[1])


def _validation(name: str, case: list[int], want: Indices, stride: int) -> Indices:
    return dense_indices(case[0], len(want), stride, uniform=None)


def _training(name: str, case: list[int], want: Indices, stride: int) -> Indices:
    return window_indices(len(want), stride, stop=case[1])


def _test_dense(name: str, case: list[int], want: Indices, stride: int) -> Indices:
    return dense_clips(case[0], want.shape[1], stride, clips=clips_of(name))


def _test_sparse(name: str, case: list[int], want: Indices, stride: int) -> Indices:
    return segment_clips(case[0], want.shape[1], clips=clips_of(name))


_INDICES = {
    "pretrain": _pretrain,
    "validation_dense": _validation,
    "train_dense": _training,
    "test_dense": _test_dense,
    "test_sparse": _test_sparse,
}
"""What computes the indices of a table, by a word of its key."""


def _check_maps(title: str, name: str, want: list[Any]) -> Iterator[Check]:
    found = re.search(r"(\d+)x(\d+)x(\d+)", name)
    if found is None:
        raise ValueError(f"no grid like 8x4x4 in the key {name}")
    time, row, col = (int(n) for n in found.groups())
    share = re.search(_NUMBER, name[found.end() :])
    if share is None:
        raise ValueError(f"no ratio in the key {name}")
    maps = build_running_cell_maps((time, row, col), float(share[1]))
    yield absolute(title, maps.long(), torch.tensor(want).long().flatten(1), 0.0)


def _check_schedule(title: str, name: str, want: list[float]) -> Iterator[Check]:
    steps_each = int(_number(r"(\d+) steps?\b", name))
    epochs = int(_number(r"(\d+) epochs?\b", name))
    warmup = re.search(r"(\d+) warm-?up (epoch|step)", name)
    warmup_steps = 0 if warmup is None else int(warmup[1])
    if warmup is not None and warmup[2] == "epoch":
        warmup_steps *= steps_each
    schedule = CosineSchedule(
        peak=_number(rf"base[a-z =:]*{_NUMBER}", name),
        final=_number(rf"final[a-z =:]*{_NUMBER}", name),
        steps=epochs * steps_each,
        warmup_steps=warmup_steps,
    )
    if len(want) != schedule.steps:
        yield failed(title, _RATE_BOUND, f"{schedule.steps} steps, want {len(want)}")
        return
    error = max(abs(schedule(step) - rate) for step, rate in enumerate(want))
    yield result(title, error / (schedule.peak or 1.0), _RATE_BOUND)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.IGNORECASE)
    if found is None:
        raise ValueError(f"no {pattern} in the key '{text}'")
    return float(found[1])


_FAMILIES: dict[str, Callable[[str, str, Any], Iterator[Check]]] = {
    "running_cell": _check_maps,
    "learning_rate_schedule": _check_schedule,
    "parameter_groups": check_groups,
}
"""What checks a case of a family, by the beginning of its key."""
_NAMED = ", ".join(_FAMILIES)
