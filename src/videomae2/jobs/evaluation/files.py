"""What an evaluation writes for machines: numbers, what was said of each video, what is unreadable.

results.json        everything but the probabilities
predictions.jsonl   a line per video, in the order of the list
probabilities.npy   float64 [videos, outputs], the same rows
    confusion.npy       int64 [classes, classes], where one class is right: row taken for column
unreadable.jsonl    path and reason of each video that could not be read; only if there are any
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.data.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.jobs.evaluation.questions import Questions
from videomae2.jobs.evaluation.results import Evaluation, VideoResult
from videomae2.jobs.whole_files import written_whole
from videomae2.tensors.intervals import Interval

RESULTS_FILE = "results.json"

_HARDEST, _BEST, _MOST_CLASSES = 20, 5, 50


def write_files(found: Evaluation, questions: Questions) -> None:
    """Write all of them, each whole or not at all."""
    folder = found.folder
    text = json.dumps(as_json(found), indent=1, ensure_ascii=False)
    _write(folder / RESULTS_FILE, text + "\n")
    rows = sorted(found.measures.videos, key=lambda video: video.row)
    lines = [json.dumps(_prediction(found, video), ensure_ascii=False) for video in rows]
    _write(folder / "predictions.jsonl", "".join(line + "\n" for line in lines))
    _save(folder / "probabilities.npy", found.probabilities)
    if found.measures.confusion is not None:
        _save(folder / "confusion.npy", found.measures.confusion)
    (folder / UNREADABLE_FILE).unlink(missing_ok=True)
    if found.unreadable:
        broken = [{"path": path, "reason": reason} for path, reason in found.unreadable.items()]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in broken)
        _write(folder / UNREADABLE_FILE, text)


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything in words that JSON has; what is not known is null."""
    measures, model = found.measures, found.model
    calibration = measures.calibration
    entry = {
        "model": asdict(model) | {"path": str(model.path)},
        "videos": found.videos,
        "origin": found.origin,
        "answers": found.answers,
        "classes": list(found.classes),
        "names_from": found.names_from,
        "views": asdict(found.views),
        "device": found.device,
        "listed": found.listed,
        "scored": len(found.identities),
        "unreadable": found.unreadable,
        "numbers": {name: _interval(one) for name, one in measures.numbers.items()},
        "outputs": [asdict(output) for output in measures.outputs],
        "confusion": _confusion(found),
        "by_views": [asdict(part) for part in measures.by_views],
        "hardest": [_video(video) for video in measures.videos[:_HARDEST]],
        "work": asdict(found.work),
        "report": str(found.report),
    }
    if calibration is not None:
        entry["calibration"] = {
            "ece": _interval(calibration.error),
            "log_loss": calibration.log_loss,
            "temperature": calibration.temperature,
            "temperature_at_limit": calibration.at_limit,
            "temperature_fitted_on": "these same videos",
            "ece_cross_fitted": calibration.error_after,
            "log_loss_cross_fitted": calibration.log_loss_after,
        }
    known: dict[str, Any] = _known(entry)
    return known


def _prediction(found: Evaluation, video: VideoResult) -> dict[str, Any]:
    line = _video(video)
    scores = found.probabilities[video.row]
    if found.answers == "numbers":
        line["numbers"] = scores.tolist()
    else:
        best = np.argsort(-scores, kind="stable")[:_BEST]
        line["best"] = {found.classes[i]: float(scores[i]) for i in best}
    known: dict[str, Any] = _known(line)
    return known


def _video(video: VideoResult) -> dict[str, Any]:
    return {name: value for name, value in asdict(video).items() if name != "row"}


def _confusion(found: Evaluation) -> list[list[int]] | None:
    """The whole table of few classes; of many it stands in a file of its own."""
    confusion = found.measures.confusion
    if confusion is None or len(confusion) > _MOST_CLASSES:
        return None
    table: list[list[int]] = confusion.tolist()
    return table


def _interval(one: Interval) -> dict[str, float]:
    return asdict(one)


def _known(value: Any) -> Any:
    """The same with null for numbers that are none, which JSON has no word for."""
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _save(path: Path, array: np.ndarray) -> None:
    with written_whole(path) as partial, partial.open("wb") as file:
        np.save(file, array)


def _write(path: Path, text: str) -> None:
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
