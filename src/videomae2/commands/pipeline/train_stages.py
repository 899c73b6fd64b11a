"""The kinds of stages that train: pre-training, supervised training and distillation."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.commands.pipeline.stages import (
    Metadata,
    Recipes,
    StageConfig,
    StageMetrics,
    StagePlan,
    StageType,
    build_expected_model,
    build_pending_classifier,
    check_init_fits,
)
from videomae2.commands.train import distill, finetune, pretrain
from videomae2.commands.train.datasets import load_train_val_data
from videomae2.commands.train.distill_data import load_distill_data, resolve_class_names
from videomae2.commands.train.run_folder import build_labelled_lists, build_unlabelled_lists
from videomae2.commands.train.setup import get_frame_sampling
from videomae2.commands.train.students import resolve_students
from videomae2.commands.train.teacher import check_same_clips
from videomae2.config.checks import check_run
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.data.loading.sources import load_manifests
from videomae2.errors import ConfigError
from videomae2.models.weights.classifier_ref import ClassifierRef, resolve_classifier
from videomae2.models.weights.config_json import (
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    load_model_config_of,
)
from videomae2.models.weights.pretrained import Pretrained
from videomae2.training.logger import METRICS_FILE

_FINAL_LOSS_STEPS = 50


def build_pretrain_stage(recipes: Recipes) -> StageType:
    """Dual-masked pre-training; it starts from nothing."""
    return StageType(
        config_type=PretrainRun,
        recipes=recipes,
        inputs={},
        check=lambda job: check_run(job.settings),
        plan=_plan_pretrain,
        run=lambda job, notes: pretrain.pretrain(
            job.settings, metadata=notes, ignored_fields=job.ignored_fields
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
        run=lambda job, notes: finetune.finetune(
            _with_init_weights(job), metadata=notes, ignored_fields=job.ignored_fields
        ),
        load_metrics=_load_validation_metrics,
    )


def _plan_pretrain(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    run: PretrainRun = stage_config.settings
    manifests = load_manifests(run.data)
    lists = build_unlabelled_lists(run, manifests)
    card = SavedAutoencoderConfig(model=run.model, mean=run.data.mean, std=run.data.std)
    summary = pretrain.PretrainJob(run=run, manifests=manifests).summarize()
    return StagePlan(
        lists=lists, summary=str(summary), produces=build_expected_model(card, stage_config.out)
    )


def _plan_finetune(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    requested: FinetuneRun = stage_config.settings
    pretrained, parents_known = (
        parents.get("weights"),
        stage_config.weights.keys() <= parents.keys(),
    )
    if not parents_known:  # the parent has problems of its own; the one of the recipe has no say
        requested = replace(requested, init=replace(requested.init, weights=None))
    videos = load_train_val_data(requested)
    run = finetune.resolve_config(requested, videos, pretrained)
    class_names = videos.train.class_names
    card = SavedClassifierConfig(
        model=run.model,
        class_names=class_names,
        task_type=run.task.task_type,
        frame_sampling=get_frame_sampling(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    job = finetune.FinetuneJob(run=run, manifests=videos.train.manifests, videos=videos)
    summary = job.summarize()
    if parents_known:
        report = check_init_fits(run.model, run.init, pretrained, classes=class_names)
        summary += report.summarize()
    return StagePlan(
        lists=build_labelled_lists(run, videos),
        summary=str(summary),
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
    metrics: StageMetrics = load_model_config_of(SavedClassifierConfig, result).metadata.get(
        "validation", {}
    )
    return dict(metrics)


def build_distill_stage(recipes: Recipes) -> StageType:
    """Students of a teacher; parents give the teacher and the first student's first weights."""
    return StageType(
        config_type=DistillRun,
        recipes=recipes,
        inputs={"teacher": "teacher.weights", "student": "students.0.init.weights"},
        check=lambda job: check_run(_with_parents(job)),
        plan=_plan_distill,
        run=_run_distill,
        load_metrics=_load_student_metrics,
    )


def _with_parents(stage_config: StageConfig) -> DistillRun:
    run: DistillRun = stage_config.settings
    if "teacher" in stage_config.weights:
        run = replace(run, teacher=replace(run.teacher, weights=stage_config.weights["teacher"]))
    if "student" in stage_config.weights and run.students:
        first, *remaining_students = run.students
        first = replace(first, init=replace(first.init, weights=stage_config.weights["student"]))
        run = replace(run, students=(first, *remaining_students))
    return run


def _plan_distill(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    if not stage_config.weights.keys() <= parents.keys():  # a parent has problems of its own
        return StagePlan(lists=(), summary="", produces=None)
    parent_paths = {role: parent.path for role, parent in parents.items()}
    requested = _with_parents(replace(stage_config, weights=parent_paths))
    teacher = _resolve_teacher(requested, parents)
    for student in requested.students:
        check_same_clips(student.model.encoder, teacher, name=student.name)
    videos = load_distill_data(requested, teacher)
    pending_models = (
        {requested.students[0].name: parents["student"]} if "student" in parents else {}
    )
    run = resolve_students(requested, teacher, pending_models)
    output_names = resolve_class_names(videos, teacher)
    job = distill.DistillJob(
        run=run, manifests=videos.train.manifests, teacher=teacher, videos=videos
    )
    summary = [str(job.summarize())]
    for number, student in enumerate(run.students):
        flag, parent = f"--students.{number}.model", pending_models.get(student.name)
        report = check_init_fits(
            student.model, student.init, parent, classes=output_names, flag=flag
        )
        summary.append(f"start of {student.name}\n{report}")
    card = SavedClassifierConfig(
        model=run.model,
        class_names=output_names,
        task_type=teacher.config.task_type,
        frame_sampling=get_frame_sampling(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    return StagePlan(
        lists=build_labelled_lists(run, videos),
        summary="\n".join(summary),
        produces=build_expected_model(card, stage_config.out) if len(run.students) == 1 else None,
    )


def _resolve_teacher(run: DistillRun, parents: Mapping[str, Pretrained]) -> ClassifierRef:
    """What is known about the teacher."""
    if "teacher" in parents:
        parent = parents["teacher"]
        if not isinstance(parent.config, SavedClassifierConfig):
            raise ConfigError(f"from: {parent.path.name} gives no classifier to learn from")
        return build_pending_classifier(parent.path, parent.config)
    assert run.teacher.weights is not None
    return resolve_classifier(run.teacher.weights)


def _run_distill(stage_config: StageConfig, metadata: Metadata) -> Path:
    """Distill; the result is the only student, or the folder of all."""
    run = _with_parents(stage_config)
    students = distill.distill(run, metadata=metadata, ignored_fields=stage_config.ignored_fields)
    return students / run.students[0].name if len(run.students) == 1 else students


def _load_student_metrics(stage_config: StageConfig, result: Path) -> StageMetrics:
    """How good the student is; of several, the first number of each."""
    students = stage_config.settings.students
    if len(students) == 1:
        return _load_student_validation(result)
    metrics = {one.name: _load_student_validation(result / one.name) for one in students}
    return {f"{n} {key}": values[key] for n, values in metrics.items() for key in list(values)[:1]}


def _load_student_validation(folder: Path) -> StageMetrics:
    metrics: StageMetrics = load_model_config_of(SavedClassifierConfig, folder).metadata.get(
        "validation", {}
    )
    return dict(metrics)
