"""From the scores of views to what each video's answer is, with all views and with some of them.

Axes: videos; views = clips x crops; outputs; parts = ways to take some clips and some crops; kept =
numbers kept of a video and a part.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from videomae2.data.view_grid import ViewGridConfig
from videomae2.jobs.scoring import ViewScores
from videomae2.models.cards import TaskType
from videomae2.tensors.merging import choose_evenly, compute_probabilities


@dataclass(frozen=True, slots=True, eq=False)
class MergedViews:
    """Answers of videos."""

    outputs: Float64[np.ndarray, "videos outputs"]
    """Mean of the probabilities (or numbers) of all views."""
    view_subsets: tuple[tuple[int, int], ...]
    """(clips, crops) of each part; the last is all of them."""
    subset_metrics: Float32[np.ndarray, "parts videos kept"]
    """What `judge` kept of the same mean over the views of each part."""


MetricFn = Callable[[Float64[np.ndarray, "parts outputs"], int], Float64[np.ndarray, "parts kept"]]
"""Takes the answers of a video by parts of its views, and its row; gives what is worth keeping."""


def merge_views(
    scores: Iterable[ViewScores],
    grid: ViewGridConfig,
    task_type: TaskType,
    *,
    metric_fn: MetricFn,
) -> MergedViews:
    """Average the views of every video; the views of one video are in memory at a time.

    Args:
        scores: Of every video, before softmax or sigmoid.
        grid: What the views are.
        task_type: What the outputs mean.
        metric_fn: Keeps little of each part, for of many classes and videos all would be too much.

    Source: engine_for_finetuning.py of the released code: softmax of each view, then the mean.
    """
    view_subsets = list_view_subsets(grid)
    merged: list[np.ndarray] = []
    subset_metrics: list[np.ndarray] = []
    for row, view_scores in enumerate(scores):
        outputs = view_scores.astype(np.float64)
        if task_type != "regression":
            outputs = compute_probabilities(view_scores, task_type)
        merged.append(outputs.mean(axis=0))
        cube = outputs.reshape(grid.clips, grid.crops, -1)
        subset_means = [_average_subset(cube, clips, crops) for clips, crops in view_subsets]
        subset_metrics.append(metric_fn(np.stack(subset_means), row).astype(np.float32))
    return MergedViews(np.stack(merged), view_subsets, np.stack(subset_metrics, axis=1))


def _average_subset(
    cube: Float64[np.ndarray, "clips crops outputs"], clips: int, crops: int
) -> Float64[np.ndarray, " outputs"]:
    selected = cube[choose_evenly(cube.shape[0], clips)][:, choose_evenly(cube.shape[1], crops)]
    mean: Float64[np.ndarray, " outputs"] = selected.mean(axis=(0, 1))
    return mean


def list_view_subsets(grid: ViewGridConfig, max_per_axis: int = 6) -> tuple[tuple[int, int], ...]:
    """(clips, crops) for 1 … all of both; of many, a few spread evenly, all of them included."""
    clips, crops = (_spread_counts(count, max_per_axis) for count in (grid.clips, grid.crops))
    return tuple((one, other) for one in clips for other in crops)


def _spread_counts(count: int, max_counts: int) -> list[int]:
    if count <= max_counts:
        return list(range(1, count + 1))
    return sorted({round(1 + i * (count - 1) / (max_counts - 1)) for i in range(max_counts)})
