"""The report of an evaluation: one page, complete in itself."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write_text
from videomae2.base.names import dump_json
from videomae2.inference.views import format_views
from videomae2.metrics.bootstrap import Interval
from videomae2.models.task_type import TaskType
from videomae2.reports.curves import draw_training_curves
from videomae2.reports.evaluation_result import Evaluation, VideoResult
from videomae2.reports.evaluation_sections import (
    show_baselines,
    show_calibration,
    show_classes,
    show_confusions,
    show_numbers,
    show_views,
)
from videomae2.reports.html import render
from videomae2.training.logger import METRICS_FILE

SHEET_SIZE = 12
"""Videos on a sheet."""
MAX_PER_CLASS = 2
"""Of one class on a sheet before all other classes have had their turn."""

_NUM_HARDEST, _MAX_UNREADABLE, _MAX_METADATA = 20, 200, 60


def write_report(evaluation: Evaluation, run: Path | None) -> Path:
    """Write the page, whole or not at all; it shows the training curve of ``run`` if it has one."""
    metrics = None if run is None else run / METRICS_FILE
    return atomic_write_text(evaluation.report, build_page(evaluation, metrics))


def build_page(evaluation: Evaluation, metrics: Path | None) -> str:
    """Put the page together; ``metrics`` is the log of training."""
    task_type, model = evaluation.task_type, evaluation.model
    videos = evaluation.metrics.videos
    misses, hits = select_shown(videos, task_type)
    training = [] if metrics is None else draw_training_curves(metrics)
    return render(
        "evaluation.html",
        evaluation=evaluation,
        views=format_views(evaluation.views),
        metrics=evaluation.metrics,
        folder="/".join(Path(evaluation.videos).absolute().parts[-2:]),
        unreadable_rows=list(evaluation.unreadable.items())[:_MAX_UNREADABLE],
        tiles=[
            (name, *_format_interval(interval, task_type))
            for name, interval in evaluation.metrics.values.items()
        ],
        **(show_numbers if task_type == "regression" else show_classes)(evaluation),
        **show_baselines(evaluation),
        **show_confusions(evaluation),
        **show_calibration(evaluation),
        **show_views(evaluation),
        misses=misses,
        hits=hits,
        hardest=videos[:_NUM_HARDEST],
        training_plots=training,
        metadata_rows=list(_flatten(model.metadata)),
        max_metadata=_MAX_METADATA,
    )


def select_shown(
    videos: Sequence[VideoResult], task_type: TaskType
) -> tuple[list[VideoResult], list[VideoResult]]:
    """The misses, the hardest first, and the hits, the surest first: few of one class."""
    misses = [video for video in videos if not video.is_correct]
    hits = [video for video in reversed(videos) if video.is_correct]
    return _limit_per_class(misses, task_type), _limit_per_class(hits, task_type)


def _limit_per_class(videos: Sequence[VideoResult], task_type: TaskType) -> list[VideoResult]:
    """The first ones; of a class no more than two before all other classes have had their turn."""
    if task_type != "multiclass":
        return list(videos[:SHEET_SIZE])
    first: list[VideoResult] = []
    later: list[VideoResult] = []
    count: Counter[str] = Counter()
    for video in videos:
        count[video.truth] += 1
        (first if count[video.truth] <= MAX_PER_CLASS else later).append(video)
    return [*first, *later][:SHEET_SIZE]


def _format_interval(interval: Interval, task_type: TaskType) -> tuple[str, str]:
    """The value of a head number, and between which values it may lie."""
    is_percent, name = task_type != "regression", f"{interval.confidence:.0%} interval"
    value = f"{interval.value:.1%}" if is_percent else f"{interval.value:.4g}"
    ends = f"{interval.low:.4g} to {interval.high:.4g}"
    if is_percent:
        ends = f"{100 * interval.low:.1f} to {interval.high:.1%}"
    return (
        "not known" if math.isnan(interval.value) else value,
        "no interval: no video tells" if math.isnan(interval.low) else f"{name} {ends}",
    )


def _flatten(metadata: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a tree of notes, with their dotted places."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else dump_json(value)
            yield f"{prefix}{key}", text
