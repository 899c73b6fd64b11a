"""The kinds of stages that train: pre-training, supervised training and distillation."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

import torch

from videomae2.base.file_kinds import read_regular_file
from videomae2.commands.pipeline.stages import (
    Stage,
    StageMetrics,
    StagePlan,
    build_expected_classifier,
    build_expected_model,
)
from videomae2.commands.train import distill, finetune, pretrain
from videomae2.commands.train.datasets import load_train_val_data
from videomae2.commands.train.distill_data import (
    check_same_clips,
    load_distill_data,
    resolve_class_names,
)
from videomae2.commands.train.dry_run import preview_cost, summarize_job
from videomae2.commands.train.setup import build_model_config, resolve_model
from videomae2.config.checks import check_run
from videomae2.config.runs import ClassifierRun, DistillRun, FinetuneRun, PretrainRun
from videomae2.data.loading.sources import with_found_bits
from videomae2.data.manifests.class_names import read_class_names
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import (
    SavedClassifierConfig,
    load_model_config_of,
)
from videomae2.models.weights.init_from import (
    check_init_options,
    load_pretrained,
)
from videomae2.models.weights.load_report import LoadReport
from videomae2.models.weights.pretrained import Pretrained, load_pretrained_state, with_class_names
from videomae2.models.weights.resolve import resolve_classifier
from videomae2.training.logger import METRICS_FILE

R = TypeVar("R", PretrainRun, FinetuneRun, DistillRun)
_FINAL_LOSS_STEPS = 50
_EXISTING_PATH = Path()
"""Stands for weights that a parent has still to make, where only the name of a file is checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainStage(Stage[R]):
    """A stage that trains; a parent's weights take the place of what a setting names."""

    train: ClassVar[Callable[..., Path]]

    def run(
        self, weights: Mapping[str, Path], metadata: Mapping[str, object]
    ) -> tuple[Path, StageMetrics]:
        result = self.train(
            self.with_weights(weights), metadata=metadata, ignored_fields=self.ignored_fields
        )
        return result, self.load_metrics(result)

    def load_metrics(self, result: Path) -> StageMetrics:
        """How good it is: on held-out videos, and nothing where none were held out."""
        metadata = load_model_config_of(SavedClassifierConfig, result).metadata
        return dict(metadata.get("validation", {}))

    def with_weights(self, weights: Mapping[str, Path]) -> R:
        """The run with weights by role."""
        run = self.config
        for role, path in weights.items():
            section, name = self.inputs[role].split(".")
            run = replace(run, **{section: replace(getattr(run, section), **{name: path})})
        return run


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainStage(TrainStage[PretrainRun]):
    """Dual-masked pre-training; it starts from nothing."""

    kind: ClassVar = "pretrain"
    train: ClassVar = staticmethod(pretrain.pretrain)
    config_type: ClassVar = PretrainRun

    def plan(self, parents: Mapping[str, Pretrained | None]) -> StagePlan:
        run = self.config
        check_run(run)
        job = pretrain.load_job(run)
        return StagePlan(
            lists=job.build_lists(),
            summary=str(summarize_job(job)),
            preview_cost=partial(preview_cost, job),
            produces=build_expected_model(pretrain.build_autoencoder_config(run), self.out),
        )

    def load_metrics(self, result: Path) -> StageMetrics:
        lines = read_regular_file(self.out / METRICS_FILE).splitlines()
        losses = [step["loss"] for step in map(json.loads, lines) if step.get("loss") is not None]
        losses = losses[-_FINAL_LOSS_STEPS:]
        return {"loss": sum(losses) / len(losses)} if losses else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneStage(TrainStage[FinetuneRun]):
    """Supervised training; a parent gives the first weights."""

    kind: ClassVar = "finetune"
    train: ClassVar = staticmethod(finetune.finetune)
    config_type: ClassVar = FinetuneRun
    inputs: ClassVar = {"weights": "init.weights"}

    def plan(self, parents: Mapping[str, Pretrained | None]) -> StagePlan:
        check_run(self.with_weights(dict.fromkeys(parents, _EXISTING_PATH)))
        parent, requested = parents.get("weights"), self.config
        is_pending = "weights" in parents and parent is None
        if is_pending:  # the parent has problems of its own; the one of the recipe has no say
            requested = replace(requested, init=replace(requested.init, weights=None))
        videos = load_train_val_data(requested)
        requested = replace(requested, data=with_found_bits(requested.data, videos.train.manifests))
        run = resolve_model(requested, len(videos.train.class_names), parent)
        job = finetune.FinetuneJob(run=run, manifests=videos.train.manifests, videos=videos)
        class_names, summary = videos.train.class_names, summarize_job(job)
        if not is_pending:
            report = check_init_fits(run, parent, classes=class_names)
            summary += report.summarize()
        card = build_model_config(run, class_names, run.task.task_type)
        return StagePlan(
            lists=job.build_lists(),
            summary=str(summary),
            preview_cost=partial(preview_cost, job),
            produces=build_expected_model(card, self.out),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillStage(TrainStage[DistillRun]):
    """A student of a teacher; parents give the teacher and the student's first weights."""

    kind: ClassVar = "distill"
    train: ClassVar = staticmethod(distill.distill)
    config_type: ClassVar = DistillRun
    inputs: ClassVar = {"teacher": "teacher.weights", "student": "init.weights"}

    def plan(self, parents: Mapping[str, Pretrained | None]) -> StagePlan | None:
        requested = self.with_weights(dict.fromkeys(parents, _EXISTING_PATH))
        check_run(requested)
        if None in parents.values():
            return None
        if teacher_model := parents.get("teacher"):
            teacher = build_expected_classifier(teacher_model)
        else:
            assert requested.teacher.weights is not None
            teacher = resolve_classifier(requested.teacher.weights)
        requested = self.with_weights({role: p.path for role, p in parents.items() if p})
        check_same_clips(requested.model.encoder, teacher)
        videos, parent = load_distill_data(requested, teacher), parents.get("student")
        requested = replace(requested, data=with_found_bits(requested.data, videos.train.manifests))
        run = distill.resolve_config(requested, teacher, parent)
        class_names = resolve_class_names(videos, teacher)
        job = distill.DistillJob(
            run=run, manifests=videos.train.manifests, teacher=teacher, videos=videos
        )
        report = check_init_fits(run, parent, classes=class_names)
        card = build_model_config(run, class_names, teacher.config.task_type)
        return StagePlan(
            lists=job.build_lists(),
            summary=str(summarize_job(job) + report.summarize()),
            preview_cost=partial(preview_cost, job),
            produces=build_expected_model(card, self.out),
        )


def check_init_fits(
    run: ClassifierRun, parent: Pretrained | None, *, classes: Sequence[str] | None
) -> LoadReport:
    """Start a classifier as it will be started, without any data.

    Its own first weights are read where there is no parent.

    Raises:
        ConfigError: If a choice has no effect.
        CheckpointError: If the parent cannot be read or does not fit.
    """
    with torch.device("meta"):
        model = Classifier(run.model)
    init = run.init if parent is None else replace(run.init, weights=parent.path)
    check_init_options(model, init)
    if init.weights is None:
        return LoadReport(source="from scratch", unused={})
    parent = parent or load_pretrained_state(init.weights, run.model.encoder)
    if init.class_names is not None:
        parent = with_class_names(parent, read_class_names(init.class_names))
    state = {name: value.to("meta") for name, value in parent.state.items()}
    return load_pretrained(
        model,
        replace(parent, state=state),
        init,
        class_names=classes,
        subtract=run.data.subtract,
        bits=run.data.bits,
    )
