"""The kinds of stages: pre-training and supervised training (post-pre-training, fine-tuning)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config import FinetuneRun, PretrainRun, check_run
from videomae2.data.loading import load_manifests
from videomae2.engine.runlog import METRICS_FILE
from videomae2.jobs import finetune, pretrain
from videomae2.jobs.labelled_videos import load_train_val_data
from videomae2.jobs.pipeline.promises import check_init_fits, build_expected_model
from videomae2.jobs.pipeline.stages import StageConfig, StageMetrics, Recipes, StagePlan, StageType
from videomae2.jobs.video_lists import build_labelled_lists, build_unlabelled_lists
from videomae2.models.cards import SavedAutoencoderConfig, SavedClassifierConfig, load_model_config_of
from videomae2.models.parents import Pretrained

_FINAL_LOSS_STEPS = 50


def build_pretrain_stage(recipes: Recipes) -> StageType:
    """Dual-masked pre-training; it starts from nothing."""
    return StageType(
        config_type=PretrainRun,
        recipes=recipes,
        inputs={},
        check=lambda job: check_run(job.settings),
        plan=_plan_pretrain,
        run=lambda job, notes, say: pretrain.pretrain(
            job.settings, metadata=notes, log=say, ignored_fields=job.ignored_fields
        ),
        load_metrics=_compute_final_loss,
    )


def build_finetune_stage(recipes: Recipes) -> StageType:
    """Supervised training; a parent gives the first weights."""
    return StageType(
        config_type=FinetuneRun,
        recipes=recipes,
        inputs={"weights": "init.weights"},
        check=lambda job: check_run(_with_init_weights(job)),
        plan=_plan_finetune,
        run=lambda job, notes, say: finetune.finetune(
            _with_init_weights(job), metadata=notes, log=say, ignored_fields=job.ignored_fields
        ),
        load_metrics=_load_validation_metrics,
    )


def _plan_pretrain(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    run: PretrainRun = stage_config.settings
    manifests = load_manifests(run.data)
    lists = build_unlabelled_lists(run, manifests)
    card = SavedAutoencoderConfig(model=run.model, mean=run.data.mean, std=run.data.std)
    summary = pretrain.summarize(run, manifests)
    return StagePlan(lists=lists, summary=summary, produces=build_expected_model(card, stage_config.out))


def _plan_finetune(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    requested: FinetuneRun = stage_config.settings
    pretrained, parents_known = parents.get("weights"), stage_config.weights.keys() <= parents.keys()
    if not parents_known:  # the parent has problems of its own; the one of the recipe has no say
        requested = replace(requested, init=replace(requested.init, weights=None))
    videos = load_train_val_data(requested)
    run = finetune.resolve_config(requested, videos, pretrained)
    class_names = videos.train.class_names
    card = SavedClassifierConfig(
        model=run.model,
        class_names=class_names,
        task_type=run.task.task_type,
        frame_sampling=finetune.get_frame_sampling(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    summary = finetune.summarize(run, videos)
    if parents_known:
        summary += f"\n{check_init_fits(run.model, run.init, pretrained, classes=class_names)}"
    return StagePlan(
        lists=build_labelled_lists(run, videos),
        summary=summary,
        produces=build_expected_model(card, stage_config.out),
    )


def _with_init_weights(stage_config: StageConfig) -> FinetuneRun:
    """The run, with the weights of its parent if it has one."""
    run: FinetuneRun = stage_config.settings
    if "weights" not in stage_config.weights:
        return run
    return replace(run, init=replace(run.init, weights=stage_config.weights["weights"]))


def _compute_final_loss(stage_config: StageConfig, result: Path) -> StageMetrics:
    """The mean of the last steps."""
    lines = (stage_config.out / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    step_losses = [json.loads(line).get("loss") for line in lines]
    losses = [loss for loss in step_losses if loss is not None][-_FINAL_LOSS_STEPS:]
    return {"loss": sum(losses) / len(losses)} if losses else {}


def _load_validation_metrics(stage_config: StageConfig, result: Path) -> StageMetrics:
    """What the best model reached on held-out videos; nothing where none were held out."""
    metrics: StageMetrics = load_model_config_of(SavedClassifierConfig, result).metadata.get("validation", {})
    return dict(metrics)
