"""Scores of views → what was predicted of each video, and numbers with intervals.

Axes: videos; views = clips x crops; outputs = classes, labels or numbers; parts = ways to take some
clips and some crops.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from videomae2.commands.evaluate.dataset import GroundTruth
from videomae2.commands.evaluate.task_metrics import TASK_METRICS, VideoOutputs
from videomae2.data.views.requests import ViewSpec
from videomae2.inference.classifier import ViewScores, interpret_scores
from videomae2.metrics.bootstrap import Bootstrap
from videomae2.metrics.classification import choose_evenly
from videomae2.reports.evaluation_result import EvalMetrics, ViewAblation

_MAX_PER_AXIS = 6  # counts of clips, and of crops, that are compared


def compute_metrics(
    scores: Iterable[ViewScores], views: ViewSpec, truth: GroundTruth, resampling: Bootstrap
) -> tuple[VideoOutputs, EvalMetrics]:
    """Average the views of every video, and compute every metric.

    Source: engine_for_finetuning.py of the released code: softmax of each view, then the mean.
    """
    keep, compute = TASK_METRICS[truth.task_type]
    subsets = list_view_subsets(views)
    merged: list[np.ndarray] = []
    kept: list[np.ndarray] = []
    for row, view_scores in enumerate(scores):  # those of one video are in memory at a time
        outputs = interpret_scores(view_scores, truth.task_type)
        merged.append(outputs.mean(axis=0))
        cube = outputs.reshape(views.clips, views.crops, -1)
        means = [
            cube[choose_evenly(views.clips, clips)][:, choose_evenly(views.crops, crops)].mean(
                axis=(0, 1)
            )
            for clips, crops in subsets
        ]
        kept.append(keep(truth, np.stack(means), row).astype(np.float32))
    outputs = np.stack(merged)
    metrics, ablation = compute(outputs, np.stack(kept, axis=1), truth, resampling)
    pairs = zip(subsets, ablation, strict=True)
    view_ablation = tuple(ViewAblation(clips, crops, value) for (clips, crops), value in pairs)
    return outputs, replace(metrics, view_ablation=view_ablation)


def list_view_subsets(views: ViewSpec) -> list[tuple[int, int]]:
    """(clips, crops) for 1 … all of both; of many, a few spread evenly, all of them included."""
    counts = []
    for count in (views.clips, views.crops):
        steps = min(count, _MAX_PER_AXIS)
        spread = (round(1 + i * (count - 1) / max(1, steps - 1)) for i in range(steps))
        counts.append(sorted({*spread, count}))
    return [(clips, crops) for clips in counts[0] for crops in counts[1]]
