"""Evaluation as a kind of stage."""

import json
from collections.abc import Mapping
from pathlib import Path

from videomae2.config.common_checks import exists, there
from videomae2.engine.runtime import RuntimeConfig, resolve
from videomae2.errors import ConfigError
from videomae2.jobs.asked_classifier import as_asked, asked_classifier, names_origin
from videomae2.jobs.evaluate import EvaluateConfig, evaluate
from videomae2.jobs.evaluation.files import RESULTS_FILE
from videomae2.jobs.evaluation.questions import Questions, check_clock, read_questions
from videomae2.jobs.pipeline.promises import to_come
from videomae2.jobs.pipeline.stages import Job, Notes, Numbers, Seen, StageKind
from videomae2.jobs.video_lists import VideoList, late_files, video_list
from videomae2.jobs.view_settings import ViewSettings, settle_views
from videomae2.jobs.work import Say
from videomae2.models.cards import ClassifierCard
from videomae2.models.found import FoundClassifier
from videomae2.models.parents import Parent

_CALLED = {
    "runtime.device": "device",
    "runtime.precision": "precision",
    "loading.workers": "reading.workers",
    "loading.deadline_seconds": "reading.deadline_seconds",
    "loading.memory_gib": "reading.memory_gib",
    "loading.shrink_side": "reading.shrink_side",
}

_SAME_RESULTS = frozenset(
    {
        # where things lie; that they are the same is seen by the digest and files of their list
        "list.root",
        "list.layout",
        "names",
        "select",
        # how videos are read
        "reading.workers",
        "reading.deadline_seconds",
        "reading.memory_gib",
        # equal up to rounding
        "batch",
        "device",
    }
)

_SAME_WORK = frozenset({"allow_unreadable", "rounds", "seed"})
"""What is made of the scores, as in ``evaluation/asked.py``."""


def evaluate_stage() -> StageKind:
    """Many views of held-out videos; a parent gives the model. It has no recipes."""
    return StageKind(
        settings=EvaluateConfig,
        recipes={},
        roles={"model": ""},
        needs=("model",),
        sees_changed_files=True,
        called=_CALLED,
        same_results=_SAME_RESULTS,
        same_work=_SAME_WORK,
        check=_check,
        look=_look,
        do=_do,
        numbers=_numbers,
    )


def _check(job: Job) -> None:
    problems = [f"videos: {p} does not exist{there(p)}" for p in job.videos if not exists(p)]
    if len(job.videos) > 1:
        problems.append(f"videos: an evaluation has one list, found {len(job.videos)}")
    problems += job.settings.asked.problems()
    sizes = job.settings.frames, job.settings.side
    if "model" not in job.given and sizes != (None, None):
        problems.append("frames and side have no effect: the model of a stage says its clips")
    if problems:
        raise ConfigError(problems)


def _look(job: Job, parents: Mapping[str, Parent]) -> Seen:
    config: EvaluateConfig = job.settings
    found = _found(job, parents)
    if found is None:  # the parent has problems of its own
        return Seen(lists=(), lines="", gives=None)
    views = settle_views(found.card.span, config.views)
    name = found.path.name if "model" in parents else str(found.path)
    questions = read_questions(
        job.videos[0],
        found.card,
        config.list,
        names_from=names_origin(found),
        where=f"the model of {name}",
    )
    check_clock(questions, views, config.list)
    lists = (_list(questions),)
    lines = "\n".join([_lines(job, questions, views), *late_files(lists)])
    return Seen(lists=lists, lines=lines, gives=None)


def _found(job: Job, parents: Mapping[str, Parent]) -> FoundClassifier | None:
    """What is judged: a model that is there, or one that a parent will give."""
    config: EvaluateConfig = job.settings
    if "model" in job.given:
        return asked_classifier(job.given["model"], config.asked)
    if "model" not in parents:
        return None
    path, card = parents["model"].path, parents["model"].card
    if not isinstance(card, ClassifierCard):
        raise ConfigError(f"from: {path.name} gives no classifier")
    return as_asked(to_come(path, card), config.asked)


def _lines(job: Job, questions: Questions, views: ViewSettings) -> str:
    config, manifest = job.settings, questions.manifest
    device = resolve(RuntimeConfig(device=config.device, precision=config.precision))
    return "\n".join(
        [
            f"videos   {len(manifest)} ({manifest.origin})",
            f"answers  {len(questions.classes)} ({questions.names_from})",
            f"views    {views}",
            f"folder   {job.out}",
            f"device   {device}",
        ]
    )


def _list(questions: Questions) -> VideoList:
    manifest = questions.manifest
    return video_list(Path(manifest.source).stem, manifest, questions.digest())


def _do(job: Job, notes: Notes, say: Say) -> Path:
    """Evaluate, or go on with it; no model is written that notes could go to."""
    model, videos = {**job.given, **job.weights}["model"], job.videos[0]
    return evaluate(model, videos, out=job.out, config=job.settings, say=say).report


def _numbers(job: Job, result: Path) -> Numbers:
    found = json.loads((job.out / RESULTS_FILE).read_text(encoding="utf-8"))["numbers"]
    return {name: one["value"] for name, one in found.items() if one["value"] is not None}
