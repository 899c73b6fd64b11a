"""Evaluation as a kind of stage."""

import json
from collections.abc import Mapping
from pathlib import Path

from videomae2.base.files import path_exists, path_hint
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import (
    EvalDataset,
    check_timestamps_for_views,
    load_eval_dataset,
)
from videomae2.commands.evaluate.results import RESULTS_FILE
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.pipeline.stages import (
    Metadata,
    StageConfig,
    StageMetrics,
    StagePlan,
    StageType,
    build_pending_classifier,
)
from videomae2.commands.train.run_folder import VideoList, build_video_list
from videomae2.errors import ConfigError
from videomae2.inference.classifier import (
    apply_options,
    format_class_names_source,
    resolve_requested_classifier,
)
from videomae2.inference.views import ResolvedViews, resolve_views
from videomae2.models.weights.classifier_ref import ClassifierRef
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.pretrained import Pretrained
from videomae2.training.runtime import RuntimeConfig, resolve_runtime

_ALIASES = {
    "runtime.device": "device",
    "runtime.precision": "precision",
    "loading.num_workers": "reading.num_workers",
    "loading.timeout_seconds": "reading.timeout_seconds",
    "loading.memory_limit_gib": "reading.memory_limit_gib",
    "loading.max_short_side": "reading.max_short_side",
}


_RESUME_SAFE_FIELDS = frozenset(
    {
        # where things lie; that they are the same is seen by the digest and files of their list
        "list.root",
        "list.layout",
        "class_names",
        "classes",
        # how videos are read
        "reading.num_workers",
        "reading.timeout_seconds",
        "reading.memory_limit_gib",
        # equal up to rounding
        "batch_size",
        "device",
    }
)


_REPORT_ONLY_FIELDS = frozenset({"allow_unreadable", "n_resamples", "seed"})
"""What is made of the scores, as in ``evaluation/asked.py``."""


def build_evaluate_stage() -> StageType:
    """Many views of held-out videos; a parent gives the model. It has no recipes."""
    return StageType(
        config_type=EvaluateConfig,
        recipes={},
        inputs={"model": ""},
        required_inputs=("model",),
        tracks_file_changes=True,
        aliases=_ALIASES,
        resume_safe_fields=_RESUME_SAFE_FIELDS,
        report_only_fields=_REPORT_ONLY_FIELDS,
        check=_check_evaluation,
        plan=_plan_evaluation,
        run=_run_evaluation,
        load_metrics=_load_metrics,
    )


def _check_evaluation(stage_config: StageConfig) -> None:
    problems = [
        f"videos: {p} does not exist{path_hint(p)}"
        for p in stage_config.videos
        if not path_exists(p)
    ]
    if len(stage_config.videos) > 1:
        problems.append(f"videos: an evaluation has one list, found {len(stage_config.videos)}")
    config: EvaluateConfig = stage_config.settings
    problems += config.classifier_options.find_problems()
    sizes = config.frames, config.side
    if "model" not in stage_config.model_paths and sizes != (None, None):
        problems.append("frames and side have no effect: the model of a stage says its clips")
    if problems:
        raise ConfigError(problems)


def _plan_evaluation(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    config: EvaluateConfig = stage_config.settings
    classifier = _resolve_stage_classifier(stage_config, parents)
    if classifier is None:  # the parent has problems of its own
        return StagePlan(lists=(), summary="", produces=None)
    views = resolve_views(classifier.config.frame_sampling, config.views)
    name = classifier.path.name if "model" in parents else str(classifier.path)
    dataset = load_eval_dataset(
        stage_config.videos[0],
        classifier.config,
        config.list,
        class_names_source=format_class_names_source(classifier),
        model_name=f"the model of {name}",
    )
    check_timestamps_for_views(dataset, views, config.list)
    lists = (_build_video_list(dataset),)
    summary = _format_summary(stage_config, dataset, views)
    return StagePlan(lists=lists, summary=summary, produces=None)


def _resolve_stage_classifier(
    stage_config: StageConfig, parents: Mapping[str, Pretrained]
) -> ClassifierRef | None:
    """What is judged: a model that is there, or one that a parent will give."""
    config: EvaluateConfig = stage_config.settings
    if "model" in stage_config.model_paths:
        return resolve_requested_classifier(
            stage_config.model_paths["model"], config.classifier_options
        )
    if "model" not in parents:
        return None
    path, card = parents["model"].path, parents["model"].config
    if not isinstance(card, SavedClassifierConfig):
        raise ConfigError(f"from: {path.name} gives no classifier")
    return apply_options(build_pending_classifier(path, card), config.classifier_options)


def _format_summary(stage_config: StageConfig, dataset: EvalDataset, views: ResolvedViews) -> str:
    config: EvaluateConfig = stage_config.settings
    manifest = dataset.manifest
    device = resolve_runtime(RuntimeConfig(device=config.device, precision=config.precision))
    return "\n".join(
        [
            f"videos   {len(manifest)} ({manifest.description})",
            f"answers  {len(dataset.classes)} ({dataset.class_names_source})",
            f"views    {views}",
            f"folder   {stage_config.out}",
            f"device   {device}",
        ]
    )


def _build_video_list(dataset: EvalDataset) -> VideoList:
    manifest = dataset.manifest
    return build_video_list(Path(manifest.source).stem, manifest, dataset.compute_digest())


def _run_evaluation(stage_config: StageConfig, metadata: Metadata) -> Path:
    """Evaluate, or go on with it; no model is written that notes could go to."""
    model, videos = (
        {**stage_config.model_paths, **stage_config.weights}["model"],
        stage_config.videos[0],
    )
    return evaluate(model, videos, out=stage_config.out, config=stage_config.settings).report


def _load_metrics(stage_config: StageConfig, result: Path) -> StageMetrics:
    metrics = json.loads((stage_config.out / RESULTS_FILE).read_text(encoding="utf-8"))["metrics"]
    return {name: one["value"] for name, one in metrics.items() if one["value"] is not None}
