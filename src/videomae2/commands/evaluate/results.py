"""What an evaluation writes for machines: numbers, what was said of each video, what is unreadable.

results.json        everything but the probabilities
predictions.jsonl   a line per video, in the order of the list
probabilities.npy   float64 [videos, outputs], the same rows
confusion.npy       int64 [classes, classes], where one class is right: row taken for column
unreadable.jsonl    path and reason of each video that could not be read; only if there are any
"""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.files import atomic_write, atomic_write_text
from videomae2.base.names import dump_json
from videomae2.base.text import format_count
from videomae2.data.loading.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.reports.evaluation_result import REPORT_FILE, Evaluation, VideoResult

RESULTS_FILE = "results.json"
_PREDICTIONS_FILE = "predictions.jsonl"
_PROBABILITIES_FILE, _CONFUSION_FILE = "probabilities.npy", "confusion.npy"
WRITTEN_FILES = (
    *(RESULTS_FILE, _PREDICTIONS_FILE, _PROBABILITIES_FILE, _CONFUSION_FILE),
    *(UNREADABLE_FILE, REPORT_FILE),
)
"""What an evaluation writes beside its provenance and scores."""
_NUM_HARDEST, _TOP_K, _MAX_CONFUSION_CLASSES = 20, 5, 50
_MAX_SHOWN_UNREADABLE = 5


def write_results(evaluation: Evaluation) -> None:
    """Write all of them, each whole or not at all."""
    folder = evaluation.folder
    text = dump_json(build_results_json(evaluation), indent=1)
    atomic_write_text(folder / RESULTS_FILE, text + "\n")
    rows = sorted(evaluation.metrics.videos, key=lambda video: video.row)
    lines = [dump_json(_build_prediction(evaluation, video)) for video in rows]
    atomic_write_text(folder / _PREDICTIONS_FILE, "".join(line + "\n" for line in lines))
    _save_array(folder / _PROBABILITIES_FILE, evaluation.probabilities)
    if evaluation.metrics.confusion is not None:
        _save_array(folder / _CONFUSION_FILE, evaluation.metrics.confusion)
    (folder / UNREADABLE_FILE).unlink(missing_ok=True)
    if evaluation.unreadable:
        lines = [
            dump_json({"path": path, "reason": reason})
            for path, reason in evaluation.unreadable.items()
        ]
        atomic_write_text(folder / UNREADABLE_FILE, "".join(line + "\n" for line in lines))


def build_results_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in words that JSON has; what is not known is null."""
    metrics, model = evaluation.metrics, evaluation.model
    confusion, calibration = metrics.confusion, metrics.calibration
    # the whole table of few classes; of many it stands in a file of its own
    is_small = confusion is not None and len(confusion) <= _MAX_CONFUSION_CLASSES
    entry = {
        "model": asdict(model) | {"path": str(model.path)},
        "videos": evaluation.videos,
        "description": evaluation.description,
        "task_type": evaluation.task_type,
        "classes": list(evaluation.classes),
        "class_names_source": evaluation.class_names_source,
        "views": evaluation.views.to_provenance() | {"source": evaluation.views.source},
        "device": evaluation.device,
        "num_listed": evaluation.num_listed,
        "num_scored": len(evaluation.identities),
        "unreadable": evaluation.unreadable,
        "metrics": {name: asdict(interval) for name, interval in metrics.values.items()},
        "baselines": [asdict(row) for row in evaluation.baselines],
        "outputs": [asdict(output) for output in metrics.outputs],
        "confusion": confusion.tolist() if confusion is not None and is_small else None,
        "view_ablation": [asdict(part) for part in metrics.view_ablation],
        "hardest_samples": [
            _video_to_dict(evaluation, video) for video in metrics.videos[:_NUM_HARDEST]
        ],
        "run_stats": asdict(evaluation.run_stats),
        "report": str(evaluation.report),
    }
    if calibration is not None:
        entry["calibration"] = {
            "ece": asdict(calibration.ece),
            "log_loss": calibration.log_loss,
            "temperature": calibration.temperature,
            "temperature_at_limit": calibration.is_at_limit,
            "temperature_fitted_on": "these same videos",
            "ece_cross_fitted": calibration.ece_cross_fitted,
            "log_loss_cross_fitted": calibration.log_loss_cross_fitted,
        }
    return _replace_nonfinite(entry)


def _build_prediction(evaluation: Evaluation, video: VideoResult) -> dict[str, Any]:
    line = _video_to_dict(evaluation, video)
    if evaluation.task_type != "regression":
        scores = evaluation.probabilities[video.row]
        top_indices = np.argsort(-scores, kind="stable")[:_TOP_K]
        line["best"] = {evaluation.classes[i]: float(scores[i]) for i in top_indices}
    return _replace_nonfinite(line)


def _video_to_dict(evaluation: Evaluation, video: VideoResult) -> dict[str, Any]:
    """What was said of a video; of numbers all in full and how far off they are on average."""
    if evaluation.task_type == "regression":
        return {
            "video": video.video,
            "truth": dict(zip(evaluation.classes, video.target, strict=True)),
            "predicted": dict(
                zip(evaluation.classes, evaluation.probabilities[video.row].tolist(), strict=True)
            ),
            "mean_absolute_error": video.truth_score,
        }
    return {name: value for name, value in asdict(video).items() if name not in ("row", "target")}


def _replace_nonfinite(value: Any) -> Any:
    """The same with null for numbers that are none, which JSON has no word for."""
    if isinstance(value, dict):
        return {name: _replace_nonfinite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nonfinite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _save_array(path: Path, array: np.ndarray) -> None:
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.save(file, array)


def format_unreadable(evaluation: Evaluation) -> str:
    """Say which videos cannot be read, and what can be done."""
    shown = list(evaluation.unreadable.items())[:_MAX_SHOWN_UNREADABLE]
    lines = "".join(f"\n  {path}: {reason}" for path, reason in shown)
    num_more = len(evaluation.unreadable) - len(shown)
    return (
        f"{len(evaluation.unreadable)} of {format_count(evaluation.num_listed, 'video')} cannot be "
        f"read, and the results in {evaluation.folder} are without them; repair them and start "
        "again (only they are read, and those whose views share batches with theirs), or say "
        f"--allow-unreadable:{lines}" + (f"\n  and {num_more} more" if num_more else "")
    )
