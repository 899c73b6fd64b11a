"""What an evaluation asks, and the folder where its answer belongs: never over that of another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

from videomae2.errors import ConfigError
from videomae2.jobs.evaluation.files import RESULTS_FILE
from videomae2.jobs.evaluation.questions import EvalDataset
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.view_settings import ResolvedViews
from videomae2.jobs.whole_files import atomic_write
from videomae2.models.found import ClassifierRef

EVAL_CONFIG_FILE = "eval_config.json"

EvalKey = dict[str, str]
"""Everything that the numbers depend on, in words or as digests, by the names of settings."""


def compute_eval_fingerprint(
    weights_digest: str,
    classifier: ClassifierRef,
    dataset: EvalDataset,
    views: ResolvedViews,
    config: EvaluateConfig,
    *,
    precision: str,
) -> EvalKey:
    """Which model is judged on which videos, and how.

    How many samples are drawn for intervals, the device, and what is done about unreadable videos
    are no other question.

    Args:
        weights_digest: The digest of the place of the model: its weights, without what others say of it.
        classifier: The model, with what they say: the names of its outputs, and which of them are used.
        dataset: The videos, and the right answers.
        views: The views of each video.
        config: How the list and the videos are read.
        precision: In which the model computes.
    """
    encoder = classifier.config.model.encoder
    return {
        "model": weights_digest,
        "outputs": classifier.combine_digest(""),
        "clip": f"{encoder.frames}x{encoder.height}x{encoder.width}",
        "videos": str(Path(dataset.manifest.source).resolve()),
        "list.root": str(Path(dataset.manifest.root).resolve()),
        "list.filter": config.list.filter or "all",
        "list": dataset.compute_digest(),
        "views": json.dumps(asdict(replace(views, source="")), sort_keys=True),
        "list.frame-rate": f"{config.list.frame_rate}",
        "reading.max-short-side": f"{config.reading.max_short_side}",
        "precision": precision,
    }


def choose_folder(default_folder: Path, eval_key: EvalKey) -> tuple[Path, str]:
    """The usual folder or that with a number where this was asked before, or nothing was.

    Returns:
        The folder, and why it is not the usual one; nothing if it is.
    """
    names = (default_folder.name if n == 1 else f"{default_folder.name}-{n}" for n in count(1))
    folder = next(f for f in map(default_folder.with_name, names) if _read_eval_key(f) in (None, eval_key))
    existing_key = _read_eval_key(default_folder)
    difference = "" if existing_key is None or folder == default_folder else _format_difference(existing_key, eval_key)
    return folder, difference and f"{default_folder.name} holds another evaluation: {difference}"


def check_folder(folder: Path, eval_key: EvalKey) -> None:
    """Refuse a folder that was named and holds the results of something else.

    Raises:
        ConfigError: Says what differs.
    """
    existing_key = _read_eval_key(folder)
    if existing_key in (None, eval_key) or not (folder / RESULTS_FILE).exists():
        return
    raise ConfigError(
        f"{folder} holds the results of another evaluation: {_format_difference(existing_key or {}, eval_key)}; "
        f"choose another --out, or move them away"
    )


def reserve_folder(folder: Path, eval_key: EvalKey) -> None:
    """Write down what is asked, for whoever comes later.

    Raises:
        ConfigError: Somebody was quicker.
    """
    check_folder(folder, eval_key)
    with atomic_write(folder / EVAL_CONFIG_FILE) as partial:
        partial.write_text(json.dumps(eval_key, indent=1) + "\n", encoding="utf-8")


def _read_eval_key(folder: Path) -> EvalKey | None:
    """What was asked in a folder; None if nothing was, nothing known if no version says it."""
    try:
        eval_key: EvalKey = json.loads((folder / EVAL_CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {} if (folder / RESULTS_FILE).exists() else None
    return eval_key


def _format_difference(old: Mapping[str, str], new: EvalKey) -> str:
    if not old:
        return "of a version that does not say which"
    return "other " + ", ".join(name for name in new if old.get(name) != new[name])
