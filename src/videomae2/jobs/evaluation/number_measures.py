"""How far off predicted numbers are.

Axes: videos; outputs = numbers of a video.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from videomae2.jobs.evaluation.gathering import Gathered
from videomae2.jobs.evaluation.results import ByViews, Draw, Measures, OutputResult, VideoResult
from videomae2.tensors.intervals import Interval, bootstrap, bootstrap_mean


def number_measures(
    gathered: Gathered,
    targets: Float64[np.ndarray, "videos outputs"],
    names: Sequence[str],
    identities: Sequence[str],
    draw: Draw,
) -> Measures:
    """Mean absolute error, root of the mean square, and the share of the variance explained.

    Args:
        gathered: What was predicted.
        targets: The right numbers.
        names: Of the outputs.
        identities: Of the videos.
        draw: The samples of the intervals.
    """
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
        outputs=tuple(_outputs(np.abs(off), names, draw)),
        confusion=None,
        calibration=None,
        by_views=tuple(
            ByViews(*part, float(value))
            for part, value in zip(gathered.parts, by_part, strict=True)
        ),
        videos=tuple(_videos(gathered.merged, targets, wide, identities)),
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


def _videos(
    predicted: np.ndarray, targets: np.ndarray, wide: np.ndarray, identities: Sequence[str]
) -> list[VideoResult]:
    """The worst first; the half that is better than the median counts as right."""
    return [
        VideoResult(
            video=identities[row],
            row=row,
            truth=_text(targets[row]),
            predicted=_text(predicted[row]),
            truth_score=float(wide[row]),
            predicted_score=float("nan"),
            right=bool(wide[row] < np.median(wide)),
        )
        for row in np.argsort(-wide, kind="stable").tolist()
    ]


def _text(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:4])
    return shown + (", …" if len(values) > 4 else "")
