"""What an evaluation asks, and the folder where its answer belongs: never over that of another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

from videomae2.errors import ConfigError
from videomae2.jobs.evaluation.files import RESULTS_FILE
from videomae2.jobs.evaluation.questions import Questions
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.view_settings import ViewSettings
from videomae2.jobs.whole_files import written_whole
from videomae2.models.found import FoundClassifier

QUESTION_FILE = "question.json"

Asked = dict[str, str]
"""Everything that the numbers depend on, in words or as digests, by the names of settings."""


def what_is_asked(
    content: str,
    found: FoundClassifier,
    questions: Questions,
    views: ViewSettings,
    config: EvaluateConfig,
    *,
    precision: str,
) -> Asked:
    """Which model is judged on which videos, and how.

    How many samples are drawn for intervals, the device, and what is done about unreadable videos
    are no other question.

    Args:
        content: The digest of the place of the model: its weights, without what others say of it.
        found: The model, with what they say: the names of its outputs, and which of them are used.
        questions: The videos, and the right answers.
        views: The views of each video.
        config: How the list and the videos are read.
        precision: In which the model computes.
    """
    encoder = found.card.model.encoder
    return {
        "model": content,
        "outputs": found.digest_with(""),
        "clip": f"{encoder.frames}x{encoder.height}x{encoder.width}",
        "videos": str(Path(questions.manifest.source).resolve()),
        "list.root": str(Path(questions.manifest.root).resolve()),
        "list.keep": config.list.keep or "all",
        "list": questions.digest(),
        "views": json.dumps(asdict(replace(views, origin="")), sort_keys=True),
        "list.frame-rate": f"{config.list.frame_rate}",
        "reading.shrink-side": f"{config.reading.shrink_side}",
        "precision": precision,
    }


def free_folder(usual: Path, asked: Asked) -> tuple[Path, str]:
    """The usual folder or that with a number where this was asked before, or nothing was.

    Returns:
        The folder, and why it is not the usual one; nothing if it is.
    """
    names = (usual.name if n == 1 else f"{usual.name}-{n}" for n in count(1))
    folder = next(f for f in map(usual.with_name, names) if _asked_in(f) in (None, asked))
    there = _asked_in(usual)
    other = "" if there is None or folder == usual else _differing(there, asked)
    return folder, other and f"{usual.name} holds another evaluation: {other}"


def check_folder(folder: Path, asked: Asked) -> None:
    """Refuse a folder that was named and holds the results of something else.

    Raises:
        ConfigError: Says what differs.
    """
    there = _asked_in(folder)
    if there in (None, asked) or not (folder / RESULTS_FILE).exists():
        return
    raise ConfigError(
        f"{folder} holds the results of another evaluation: {_differing(there or {}, asked)}; "
        f"choose another --out, or move them away"
    )


def claim(folder: Path, asked: Asked) -> None:
    """Write down what is asked, for whoever comes later.

    Raises:
        ConfigError: Somebody was quicker.
    """
    check_folder(folder, asked)
    with written_whole(folder / QUESTION_FILE) as partial:
        partial.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _asked_in(folder: Path) -> Asked | None:
    """What was asked in a folder; None if nothing was, nothing known if no version says it."""
    try:
        found: Asked = json.loads((folder / QUESTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {} if (folder / RESULTS_FILE).exists() else None
    return found


def _differing(old: Mapping[str, str], new: Asked) -> str:
    if not old:
        return "of a version that does not say which"
    return "other " + ", ".join(name for name in new if old.get(name) != new[name])
