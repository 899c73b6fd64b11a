"""How far off predicted numbers are.

Axes: videos; outputs = numbers of a video.
"""

from collections.abc import Sequence

import numpy as np

from videomae2.jobs.evaluation.gathering import Gathered
from videomae2.jobs.evaluation.results import ByViews, Draw, Measures, OutputResult
from videomae2.jobs.evaluation.video_results import Right, videos_of
from videomae2.tensors.intervals import Interval, bootstrap, bootstrap_mean


def number_measures(gathered: Gathered, right: Right, draw: Draw) -> Measures:
    """Mean absolute error, root of the mean square, and the share of the variance explained.

    Args:
        gathered: What was predicted.
        right: The right numbers.
        draw: The samples of the intervals.
    """
    targets = right.targets
    off = gathered.merged - targets
    wide = np.abs(off).mean(axis=1)

    def root(rows: np.ndarray) -> float:
        return float(np.sqrt(np.square(off[rows]).mean()))

    def explained(rows: np.ndarray) -> float:
        return _explained(off[rows], targets[rows])

    videos = len(targets)
    numbers = {
        "mean absolute error": bootstrap_mean(wide, rounds=draw.rounds, seed=draw.seed),
        "root mean square error": bootstrap(root, videos, rounds=draw.rounds, seed=draw.seed),
        "explained variance (R2)": bootstrap(explained, videos, rounds=draw.rounds, seed=draw.seed),
    }
    by_part = gathered.by_part.mean(axis=(1, 2))
    return Measures(
        numbers=numbers,
        outputs=tuple(_outputs(np.abs(off), right.classes, draw)),
        confusion=None,
        calibration=None,
        by_views=tuple(
            ByViews(*part, float(value))
            for part, value in zip(gathered.parts, by_part, strict=True)
        ),
        videos=tuple(videos_of(gathered.merged, right)),
    )


def _explained(off: np.ndarray, targets: np.ndarray) -> float:
    """One minus error over variance, the mean over outputs that vary; NaN where none does."""
    spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    varies = spread > 0
    if not varies.any():
        return float("nan")
    return float((1 - np.square(off).sum(axis=0)[varies] / spread[varies]).mean())


def _outputs(off: np.ndarray, names: Sequence[str], draw: Draw) -> list[OutputResult]:
    found: list[Interval] = [
        bootstrap_mean(column, rounds=draw.rounds, seed=draw.seed) for column in off.T
    ]
    return [
        OutputResult(name=name, videos=len(off), value=one.value, low=one.low, high=one.high)
        for name, one in zip(names, found, strict=True)
    ]
