"""The kinds of stages: pre-training and supervised training (post-pre-training, fine-tuning)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config import FinetuneRun, PretrainRun, check
from videomae2.data.loading import read_sources
from videomae2.engine.runlog import METRICS_FILE
from videomae2.jobs import finetune, pretrain
from videomae2.jobs.labelled_videos import read_videos
from videomae2.jobs.pipeline.promises import check_start, promise
from videomae2.jobs.pipeline.stages import Job, Numbers, Recipes, Seen, StageKind
from videomae2.jobs.video_lists import labelled_lists, plain_lists
from videomae2.models.cards import Card, ClassifierCard, read_card_of
from videomae2.models.parents import Parent

_LAST_STEPS = 50


def pretrain_stage(recipes: Recipes) -> StageKind:
    """Dual-masked pre-training; it starts from nothing."""
    return StageKind(
        settings=PretrainRun,
        recipes=recipes,
        roles={},
        check=lambda job: check(job.settings),
        look=_look_at_pretraining,
        do=lambda job, notes, say: pretrain.pretrain(
            job.settings, notes=notes, say=say, compared=job.compared
        ),
        numbers=_last_loss,
    )


def finetune_stage(recipes: Recipes) -> StageKind:
    """Supervised training; a parent gives the first weights."""
    return StageKind(
        settings=FinetuneRun,
        recipes=recipes,
        roles={"weights": "start.weights"},
        check=lambda job: check(_started(job)),
        look=_look_at_finetuning,
        do=lambda job, notes, say: finetune.finetune(
            _started(job), notes=notes, say=say, compared=job.compared
        ),
        numbers=_validation,
    )


def _look_at_pretraining(job: Job, parents: Mapping[str, Parent]) -> Seen:
    run: PretrainRun = job.settings
    manifests = read_sources(run.data)
    lists = plain_lists(run, manifests)
    card = Card(model=run.model, mean=run.data.mean, std=run.data.std)
    lines = pretrain.describe(run, manifests)
    return Seen(lists=lists, lines=lines, gives=promise(card, job.out))


def _look_at_finetuning(job: Job, parents: Mapping[str, Parent]) -> Seen:
    asked: FinetuneRun = job.settings
    parent, known = parents.get("weights"), job.weights.keys() <= parents.keys()
    if not known:  # the parent has problems of its own; the one of the recipe has no say
        asked = replace(asked, start=replace(asked.start, weights=None))
    videos = read_videos(asked)
    run = finetune.complete(asked, videos, parent)
    names = videos.training.names
    card = ClassifierCard(
        model=run.model,
        classes=names,
        answers=run.task.answers,
        span=finetune.span(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    lines = finetune.describe(run, videos)
    if known:
        lines += f"\n{check_start(run.model, run.start, parent, classes=names)}"
    return Seen(
        lists=labelled_lists(run, videos),
        lines=lines,
        gives=promise(card, job.out),
    )


def _started(job: Job) -> FinetuneRun:
    """The run, with the weights of its parent if it has one."""
    run: FinetuneRun = job.settings
    if "weights" not in job.weights:
        return run
    return replace(run, start=replace(run.start, weights=job.weights["weights"]))


def _last_loss(job: Job, result: Path) -> Numbers:
    """The mean of the last steps."""
    lines = (job.out / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    found = [json.loads(line).get("loss") for line in lines]
    losses = [loss for loss in found if loss is not None][-_LAST_STEPS:]
    return {"loss": sum(losses) / len(losses)} if losses else {}


def _validation(job: Job, result: Path) -> Numbers:
    """What the best model reached on held-out videos; nothing where none were held out."""
    found: Numbers = read_card_of(ClassifierCard, result).notes.get("validation", {})
    return dict(found)
