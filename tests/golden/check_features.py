"""Checks of feature_times.json: windows of features, their times, features of a fixed length."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.golden.verdict import Check, failed, result
from videomae2.data.views.window_grid import (
    WindowGrid,
    center_seconds,
    resize_in_time,
    window_number,
)

FAMILIES = ("feature_windows", "resized_to_fixed_length", "linear_resize_align_corners_false")
_BOUND = 1e-6


def check_features(families: dict[str, list[dict[str, Any]]]) -> Iterator[Check]:
    """Run every check that the file holds."""
    checks = (_check_windows, _check_resized, _check_linear)
    for family, check in zip(FAMILIES, checks, strict=True):
        for number, case in enumerate(families.get(family, ())):
            yield from check(f"{family}: {number}", case)


def _check_windows(title: str, case: dict[str, Any]) -> Iterator[Check]:
    count, stride, window, fps = (case[n] for n in ("n_frames", "stride", "window", "fps"))
    grid = WindowGrid(frames=window, stride=stride, short="skip")
    seconds = np.arange(count) / fps
    try:
        frames, windows = grid.place(count, seconds, 0.0)
    except ValueError:
        frames, windows = np.zeros((0, window), np.int64), None
    starts = frames[:, 0].tolist()
    exact = {
        "n_features": len(frames),
        "first_starts": starts[: len(case["first_starts"])],
        "last_start": starts[-1] if starts else None,
        "last_frame_used": int(frames.max()) if starts else None,
        "unused_tail_frames": count - (int(frames.max()) + 1 if starts else 0),
    }
    for name, value in exact.items():
        same = value == case[name]
        found = f"{value}, want {case[name]}"
        yield (
            result(f"{title}: {name}", 0.0, 0.0) if same else failed(f"{title}: {name}", 0.0, found)
        )
    if windows is not None:
        centers = (windows.starts + windows.stops) / 2
        want = [*case["centre_time_s"], case["centre_time_last_s"]]
        got = [*centers[: len(case["centre_time_s"])], centers[-1]]
        yield _compare(f"{title}: centre_time_s", got, want)
        by_number = [
            center_seconds(number, stride=stride, window=window, fps=fps)
            for number in [*range(len(want) - 1), len(centers) - 1]
        ]
        yield _compare(f"{title}: by number", by_number, want)
    for segment, want in zip(
        case.get("segments_s", ()), case.get("segments_on_feature_grid", ()), strict=True
    ):
        got = [window_number(at, stride=stride, window=window, fps=fps) for at in segment]
        yield _compare(f"{title}: segment {segment}", got, want)


def _check_resized(title: str, case: dict[str, Any]) -> Iterator[Check]:
    """Both rules spread a fixed number of positions, whose window is as long as their stride."""
    count = case["max_seq_len"]
    rule, fps = case["rule_fineaction_feat_stride_minus_one"], case["default_fps"]
    stride = case["duration_s"] * fps / count
    yield _compare(f"{title}: stride", [stride], [rule["feat_stride"]])
    got = [center_seconds(i, stride=stride, window=stride, fps=fps) for i in (0, 1, count - 1)]
    want = [
        rule["first_centre_s"],
        rule["first_centre_s"] + rule["step_s"],
        rule["last_centre_s"],
    ]
    yield _compare(f"{title}: centres", got, want)
    rule = case["rule_activitynet_stride_positive"]
    covered = (case["n_features_in_file"] - 1) * case["extract_stride"] + case["window"]
    yield _compare(f"{title}: positive stride", [covered / count], [rule["feat_stride"]])


def _check_linear(title: str, case: dict[str, Any]) -> Iterator[Check]:
    got = resize_in_time(np.array(case["input"]).T, case["size"]).T
    yield _compare(title, got.ravel(), np.array(case["output"]).ravel())


def _compare(title: str, got: Any, want: Any) -> Check:
    """The largest difference, relative to numbers above 1."""
    values, wanted = np.asarray(got, np.float64), np.asarray(want, np.float64)
    differences = np.abs(values - wanted) / np.maximum(1, np.abs(wanted))
    return result(title, float(differences.max(initial=0.0)), _BOUND)
