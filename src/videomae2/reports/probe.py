"""The report of a probe, for people and for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.metrics.probe import BaselineResult, ProbeResult
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling
from videomae2.tensors.grid import Grid


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReport:
    """What was probed, with which videos, and what came out."""

    weights: Path
    digest: str
    encoder: str
    frame_sampling: FrameSampling
    clips: int
    clip_description: str
    """In place of both, where features were extracted before; "" else."""
    stored_grid: Grid | None
    """Grid of the tokens of a clip that the attentive probe saw."""
    grid: Grid
    """Grid of the encoder."""
    train: str
    test: str
    classes: tuple[str, ...]
    num_train_videos: int
    num_test_videos: int
    unreadable: dict[str, str]
    """Path of each video that was left out, and why."""
    majority_accuracy: float
    """Accuracy of always naming the most frequent class of the training videos."""
    results: tuple[ProbeResult, ...]
    baselines: tuple[BaselineResult, ...] = ()
    """What stands beside them."""
    cache_dir: Path
    test_videos: tuple[str, ...] = ()
    """Names of the test videos that can be read, in the order of hits."""


def format_encoder(config: EncoderConfig) -> str:
    """Which encoder it is."""
    return f"{config.size}, clips of {config.clip_dimensions}"


def format_grid(grid: Grid) -> str:
    """A grid in words."""
    return "x".join(map(str, grid))


def format_sampling(sampling: FrameSampling) -> str:
    """Which frames make a clip."""
    if sampling.kind == "whole":
        return "frames over the whole video"
    if sampling.kind == "tsn":
        return "one frame of each equal part"
    return f"every {sampling.frame_interval:g} {sampling.interval_unit}"


_METHOD_NAMES = {"knn": "k-NN", "ridge": "ridge", "linear": "linear", "attentive": "attentive"}
_HEADER = (
    "probe", "features", "top-1", "95 % interval", "top-5", "mean class", "validation", "chosen",
)  # fmt: skip
_BASELINE_HEADER = (
    "beside", "features", "probe", "top-1", "held against", "difference", "95 % interval",
)  # fmt: skip
TEXT_COLUMNS = {"probe", "features", "chosen", "beside", "held against"}
"""Of the tables; all others are numbers."""


def summarize_probe(report: ProbeReport) -> Summary:
    """What was probed, on what."""
    train = (
        f"{format_count(report.num_train_videos, 'video')} of "
        f"{format_count(len(report.classes), 'class')}: {report.train}"
    )
    rows = [
        ("weights", f"{report.weights} ({report.encoder})"),
        (
            "clips",
            report.clip_description
            or f"{report.clips} of each video, {format_sampling(report.frame_sampling)}",
        ),
        ("train", train),
        ("test", f"{format_count(report.num_test_videos, 'video')}: {report.test}"),
    ]
    if report.unreadable:
        text = f"{format_count(len(report.unreadable), 'video')} that cannot be read (--json)"
        rows.append(("skipped", text))
    return Summary(tuple(rows))


def tabulate_results(report: ProbeReport) -> list[tuple[str, ...]]:
    """Columns and rows: each probe, and what always saying the most frequent class would reach."""
    chance = _format_percent(report.majority_accuracy)
    return [
        _HEADER,
        *map(_format_row, report.results),
        ("chance", "", chance, "", "", "", "", "the most frequent class"),
    ]


def tabulate_baselines(baselines: Sequence[BaselineResult]) -> list[tuple[str, ...]]:
    """What the same probes reach without what was learnt, and how much more the weights do."""
    return [_BASELINE_HEADER, *map(_format_baseline, baselines)]


def list_remarks(report: ProbeReport) -> list[str]:
    """What must be known of single probes, such as a setting at the end of what was tried."""
    remarks = [
        f"{_METHOD_NAMES[result.method]} {result.pooling}: {note}"
        for result in report.results
        for note in result.remarks
    ]
    by_k = [_format_accuracy_by_k(result) for result in report.results if result.method == "knn"]
    return [*remarks, *by_k]


def _format_baseline(baseline: BaselineResult) -> tuple[str, ...]:
    result, difference = baseline.result, baseline.comparison.difference
    low, high = (f"{100 * value:+.1f}" for value in (difference.low, difference.high))
    return (
        baseline.baseline,
        result.pooling,
        _METHOD_NAMES[result.method],
        _format_percent(result.accuracy.value),
        f"{_METHOD_NAMES[baseline.compared_method]} {baseline.compared_pooling} of the weights",
        f"{100 * difference.value:+.1f}",
        f"{low} to {high}",
    )


def _format_row(result: ProbeResult) -> tuple[str, ...]:
    accuracy = result.accuracy
    params = [
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in result.best_params.items()
    ]
    return (
        _METHOD_NAMES[result.method],
        result.pooling,
        _format_percent(accuracy.value),
        f"{_format_percent(accuracy.low)} to {_format_percent(accuracy.high)}",
        _format_percent(result.top5_accuracy),
        _format_percent(result.mean_class_accuracy),
        _format_percent(result.val_accuracy),
        ", ".join(params),
    )


def _format_accuracy_by_k(knn: ProbeResult) -> str:
    """Test accuracy of every k, with the features and the vote that were chosen."""
    values = [
        f"{trial.params['k']}: {_format_percent(trial.test_accuracy or 0.0)}"
        for trial in knn.trials
        if all(trial.params[name] == knn.best_params[name] for name in ("features", "vote"))
    ]
    return f"k-NN {knn.pooling} by k: {', '.join(values)}"


def _format_percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def format_json(report: ProbeReport) -> str:
    """Everything, on one line."""
    return json.dumps(asdict(report), default=str)
