"""Int8 weights of an ONNX file for CPUs, and what they cost in accuracy and gain in speed.

Weights are int8 with a scale for each column, activations are quantised as they come (onnxruntime's
dynamic quantisation); PyTorch's own is deprecated.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.progress import track
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import EvalDataset, load_dataset_and_views
from videomae2.commands.export.graphs import draw_clips, open_graph
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import read_videos
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.predictor import Predictor
from videomae2.inference.views import EvalViews, bind_views

INT8_FILE = "model.int8.onnx"
_TIMED_RUNS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Int8Report:
    """What int8 weights are worth."""

    bytes: tuple[int, int]
    """Of the file, before and after."""
    seconds: tuple[float, float]
    """For a clip on this CPU, before and after: medians."""
    num_videos: int = 0
    """That accuracy was measured of."""
    accuracy: tuple[float, float] | None = None
    """Share of videos whose best class is right, before and after."""
    changed: float | None = None
    """Share of videos whose best class is another one."""


@dataclass(frozen=True, slots=True)
class LabelledVideos:
    """Videos with their classes, and the view of each that is shown."""

    dataset: EvalDataset
    views: ViewSpec


def load_labelled(predictor: Predictor, videos: Path) -> LabelledVideos:
    """List the videos that accuracy is measured of; the clip in the middle of each is shown.

    Raises:
        ConfigError: The model does not choose one class.
        ManifestError, CheckpointError: As in evaluation.
    """
    ref = predictor.classifier.ref
    if ref.config.task_type != "multiclass":
        raise ConfigError(
            f"--videos measures how often the best class is right, and {ref.path} does not choose "
            "one class; leave it out"
        )
    config = EvaluateConfig(views=EvalViews(clips=1, crops=1))
    dataset, views = load_dataset_and_views(ref, videos, config, model_name=str(ref.path))
    return LabelledVideos(dataset, bind_views(views, dataset.manifest))


def write_int8(path: Path) -> Path:
    """Write a file of int8 weights beside an ONNX file."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    out, logger = path.with_name(INT8_FILE), logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises those who quantise activations beforehand
    try:
        # of 7 bits: with 8, sums of two products overflow on CPUs without VNNI
        quantize_dynamic(
            path,
            out,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            use_external_data_format=_build_data_path(path).exists(),
        )
    finally:
        logger.setLevel(level)
    return out


def measure_int8(
    paths: Sequence[Path],
    clip_shape: tuple[int, ...],
    predictor: Predictor | None,
    labelled: LabelledVideos | None,
) -> Int8Report:
    """Compare the files before and after, in size, speed, and accuracy if there are videos."""
    sizes, seconds = [_count_bytes(path) for path in paths], _time_clips(paths, clip_shape)
    report: dict[str, Any] = {}
    if labelled is not None and predictor is not None:
        answers, labels = _answer(paths, predictor, labelled)
        report["num_videos"] = len(labels)
        report["accuracy"] = tuple((row == labels).mean().item() for row in answers)
        report["changed"] = (answers[0] != answers[1]).mean().item()
    return Int8Report(bytes=(sizes[0], sizes[1]), seconds=seconds, **report)


def _build_data_path(path: Path) -> Path:
    """Where the weights of a model lie that is too large for one file."""
    return path.with_name(f"{path.name}.data")


def _count_bytes(path: Path) -> int:
    files = [file for file in (path, _build_data_path(path)) if file.exists()]
    return sum(file.stat().st_size for file in files)


def _time_clips(paths: Sequence[Path], clip_shape: tuple[int, ...]) -> tuple[float, float]:
    runs, clip = [open_graph(path) for path in paths], draw_clips(clip_shape, 1)
    times: list[list[float]] = [[], []]
    for number in range(_TIMED_RUNS + 1):  # side by side, for the machine has other work as well
        for run, found in zip(runs, times, strict=True):
            started = time.perf_counter()
            run(clip)
            found += [time.perf_counter() - started] if number else []
    before, after = (float(np.median(found)) for found in times)
    return before, after


def _answer(
    paths: Sequence[Path], predictor: Predictor, labelled: LabelledVideos
) -> tuple[list[np.ndarray], np.ndarray]:
    """The best class of each video that can be read, before and after, and the right one."""
    runs, cubes = [open_graph(path) for path in paths], predictor.classifier.task.model.cubes
    manifest, labels = labelled.dataset.manifest, labelled.dataset.truth.labels
    requests = (ViewsRequest(manifest[row], labelled.views) for row in range(len(manifest)))
    answers: list[list[int]] = [[], []]
    kept = []
    device = predictor.classifier.runtime.device
    with predictor.scorer.make_pool() as pool, track("int8", total=len(manifest)) as progress:
        size = cubes.height, cubes.width
        for row, clips in enumerate(read_videos(requests, pool, size, device)):
            progress.advance()
            if isinstance(clips, VideoError):
                continue
            kept.append(row)
            for run, found in zip(runs, answers, strict=True):
                found.append(int(run(clips)[0].argmax()))
    if not kept:
        raise ConfigError("--videos has no video that can be read")
    return [np.array(found) for found in answers], labels[kept]
