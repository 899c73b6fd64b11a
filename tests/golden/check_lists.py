"""Checks of a .json: frame indices, masks and schedules, whose parameters stand in the keys."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.golden.check_classifier import check_groups
from tests.golden.verdict import Check, absolute, failed, guarded, result, skipped
from videomae2.data.labelled_sampling import dense_indices, window_indices
from videomae2.data.sampling import pretrain_indices
from videomae2.data.view_grid import dense_clips, segment_clips
from videomae2.engine.schedules import CosineSchedule
from videomae2.tensors.masks import running_cell_maps

_NUMBER = r"(\d*\.?\d+(?:e[-+]?\d+)?)"
_UNKNOWN = "nothing by that name is known here"
_LATER = "supervised training is not built yet"
_RATE_BOUND = 1e-12  # relative to the peak
_STRIDE = 4  # of the released code's scripts; said in the README beside the fixtures

Table = dict[str, Any]  # a case in words and numbers -> a clip, or several
Indices = np.ndarray


def check_lists(path: Path) -> Iterator[Check]:
    """Run every check that the file holds."""
    for family, cases in json.loads(path.read_text()).items():
        if family.startswith("frame_indices"):
            for name, table in cases.items():
                title = f"{family}.{name}"
                yield from guarded(title, _check_indices(title, name, table))
        elif family.startswith("running_cell"):
            for ratio, want in cases.items():
                title = f"{family}: {ratio}"
                yield from guarded(title, _check_maps(title, family, ratio, want))
        elif family.startswith("learning_rate_schedule"):
            for name, want in cases.items():
                title = f"{family}: {name}"
                yield from guarded(title, _check_schedule(title, name, want))
        elif family.startswith("parameter_groups"):
            for name, want in cases.items():
                title = f"{family}: {name}"
                yield from guarded(title, check_groups(title, name, want))
        else:
            yield skipped(family, _UNKNOWN)


def _check_indices(title: str, name: str, table: Table) -> Iterator[Check]:
    indices = next((make for word, make in _INDICES.items() if word in name), None)
    if indices is None:
        yield skipped(title, _LATER)
        return
    for case, values in table.items():
        want = np.array(values)
        got = indices(name, table, [int(part) for part in re.findall(r"\d+", case)], want)
        if got.shape != want.shape:
            yield failed(f"{title}: {case}", 0.0, f"shape {got.shape}, want {want.shape}")
        else:
            yield result(f"{title}: {case}", float(np.abs(got - want).max()), 0.0)


def _pretrain(name: str, table: Table, case: list[int], want: Indices) -> Indices:
    return pretrain_indices(case[0], len(want), _stride(name, table), first=case[1])


def _validation(name: str, table: Table, case: list[int], want: Indices) -> Indices:
    return dense_indices(case[0], len(want), _stride(name, table), uniform=None)


def _training(name: str, table: Table, case: list[int], want: Indices) -> Indices:
    return window_indices(len(want), _stride(name, table), stop=case[1])


def _test_dense(name: str, table: Table, case: list[int], want: Indices) -> Indices:
    clips = int(_number(r"(\d+) clips?\b", name.replace("_", " ")))
    return dense_clips(case[0], want.shape[1], _stride(name, table), clips=clips)


def _test_sparse(name: str, table: Table, case: list[int], want: Indices) -> Indices:
    clips = int(_number(r"(\d+) clips?\b", name.replace("_", " ")))
    return segment_clips(case[0], want.shape[1], clips=clips)


_INDICES = {
    "pretrain": _pretrain,
    "validation_dense": _validation,
    "train_dense": _training,
    "test_dense": _test_dense,
    "test_sparse": _test_sparse,
}
"""What computes the indices of a table, by a word of its key."""


def _stride(name: str, table: Table) -> int:
    """The stride that the key says, or else the one that a long video shows, or else 4.

    On a linear grid the frames of a long video run from the first to the last of its window.
    """
    words = name.replace("_", " ")
    if found := re.search(r"stride (?:of )?(\d+)|(\d+) (?:frames? )?stride", words):
        return int(found[1] or found[2])
    clips = [np.atleast_2d(np.array(want)) for want in table.values()]
    if "validation" in name or "train_dense" in name:
        shown = [int(np.ptp(i)) + 1 for i in clips if i.size > 1 and (np.diff(i) > 0).all()]
        return max(shown, default=0) // clips[0].size or _STRIDE
    return max(int(np.diff(index, axis=1).max(initial=0)) for index in clips) or _STRIDE


def _check_maps(title: str, family: str, ratio: str, want: list[Any]) -> Iterator[Check]:
    found = re.search(r"(\d+)x(\d+)x(\d+)", family)
    if found is None:
        raise ValueError(f"no grid like 8x4x4 in the key {family}")
    time, row, col = (int(n) for n in found.groups())
    share = re.search(_NUMBER, ratio)
    if share is None:
        raise ValueError(f"no ratio in the key {ratio}")
    maps = running_cell_maps((time, row, col), float(share[1]))
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
        last=_number(rf"final[a-z =:]*{_NUMBER}", name),
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
