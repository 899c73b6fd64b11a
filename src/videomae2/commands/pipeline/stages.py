"""What a kind of stage brings to a pipeline, and what a stage will give before it has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from videomae2.base.schema import wildcard_path
from videomae2.commands.train.run_folder import VideoList
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.data.manifests.class_names import read_class_names
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.weights.classifier_ref import ClassifierRef
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.init_from import (
    InitConfig,
    LoadReport,
    check_init_options,
    load_pretrained,
)
from videomae2.models.weights.pretrained import Pretrained, load_pretrained_state, with_class_names
from videomae2.models.weights.resolve import CheckpointRef

Metadata = Mapping[str, object]


Recipes = Mapping[str, Callable[[Sequence[Path], Path], Any]]


StageMetrics = dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageConfig:
    """What a stage is made of, for the functions of its kind."""

    settings: Any
    """A complete configuration of the kind."""
    videos: tuple[Path, ...]
    """As named in the file."""
    out: Path
    """The stage's folder."""
    weights: Mapping[str, Path] = field(default_factory=dict)
    """Role → the model that a parent gave."""
    model_paths: Mapping[str, Path] = field(default_factory=dict)
    """Role → a model that no stage makes, where no setting can name it."""
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
    """Settings that whoever does it need not compare with those of what is there: they change no
    result, or were compared by content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StagePlan:
    """What was found out about a stage before it starts."""

    lists: tuple[VideoList, ...]
    summary: str
    """What it will do, in a few lines."""
    produces: Pretrained | None
    """What its model will be, its weights on the meta device; None if it gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageType:
    """What there is to know about a kind of stage. All functions take the stage's job."""

    config_type: type[Any]
    """The dataclass that the settings in the file change."""
    recipes: Recipes
    """Where a complete configuration comes from; where there are none, all settings have
    defaults."""
    inputs: Mapping[str, str]
    """What parents can be to it → the setting that can name other weights for it instead ("" where
    there is none)."""
    check: Callable[[StageConfig], None]
    """Raises ConfigError with every problem of the configuration; opens no list and no weights."""
    plan: Callable[[StageConfig, Mapping[str, Pretrained]], StagePlan]
    """Reads the lists, and holds what parents will give (by role) against what is wanted. The job
    has weights for every parent, but of those with problems of their own nothing is known."""
    run: Callable[[StageConfig, Metadata], Path]
    """Does it, or goes on with it, and gives its result: a folder or a file within its own. The
    notes go into the cards of its models."""
    load_metrics: Callable[[StageConfig, Path], StageMetrics]
    """How good the result is, in a few numbers by name."""
    required_inputs: tuple[str, ...] = ()
    """Roles that a stage cannot do without."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Common settings that have another name here → that name."""
    tracks_file_changes: bool = False
    """What it did of a file is not used when the file has changed, so it can always go on."""
    resume_safe_fields: frozenset[str] = RESUME_SAFE_FIELDS
    """Settings that do not change the result."""
    report_only_fields: frozenset[str] = frozenset()
    """Settings that change only what is made of the work: the stage goes on with what is there."""

    @property
    def ignored_fields(self) -> frozenset[str]:
        """Settings that are not compared; those that name weights are compared by content."""
        return self.resume_safe_fields | frozenset(map(wildcard_path, self.inputs.values()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage, complete."""

    name: str
    line: int
    """Of the file, for messages."""
    type_name: str
    stage_type: StageType
    recipe: str
    parents: Mapping[str, str]
    """Role → stage."""
    config: StageConfig

    @property
    def input_names(self) -> dict[str, str]:
        """Role → the stage or the path that it starts from."""
        return {
            **self.parents,
            **{role: str(path) for role, path in self.config.model_paths.items()},
        }

    @property
    def description(self) -> str:
        """What it is, in a few words."""
        input_list = ", ".join(dict.fromkeys(self.input_names.values()))
        text = f"{self.type_name} {self.recipe}".strip()
        return text + (f", from {input_list}" if input_list else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """All stages, parents before children."""

    name: str
    out: Path
    stages: tuple[Stage, ...]
    """Those that are complete."""
    path: Path
    """Of the file."""
    problems: tuple[tuple[int, str], ...]
    """Line and what is wrong there: why others are not complete, and all else of the file."""


def build_expected_model(card: ModelConfig, folder: Path) -> Pretrained:
    """The model that a card describes, its weights on the meta device."""
    with torch.device("meta"):
        model: nn.Module
        if isinstance(card, SavedClassifierConfig):
            model, classes = Classifier(card.model), card.class_names
        else:
            model, classes = Autoencoder(card.model), None
    return Pretrained(path=folder, state=model.state_dict(), class_names=classes, config=card)


def build_pending_classifier(folder: Path, card: SavedClassifierConfig) -> ClassifierRef:
    """A classifier that a stage will give, whose weights nobody reads yet."""
    checkpoint = CheckpointRef(folder, weights="raw", reason="of this pipeline")
    return ClassifierRef(config=card, weights_ref=checkpoint)


def check_init_fits(
    config: ClassifierConfig,
    init: InitConfig,
    pretrained: Pretrained | None,
    *,
    classes: Sequence[str] | None,
    flag: str = "--model",
) -> LoadReport:
    """Start a classifier as it will be started, without any data.

    Args:
        config: Of the classifier.
        init: How it starts; its own weights are read where there is no parent.
        pretrained: What another stage will give.
        classes: The names of its outputs, if they have any.
        flag: What sets the classifier on the command line, for messages.

    Raises:
        ConfigError: If a choice has no effect.
        CheckpointError: If the parent cannot be read or does not fit.
    """
    with torch.device("meta"):
        model = Classifier(config)
    if pretrained is not None:
        init = replace(init, weights=pretrained.path)
    check_init_options(model, init)
    if init.weights is None:
        return LoadReport(source="from scratch", unused={})
    pretrained = pretrained or load_pretrained_state(init.weights, model.cubes)
    if init.class_names is not None:
        pretrained = with_class_names(pretrained, read_class_names(init.class_names))
    state = {name: value.to("meta") for name, value in pretrained.state.items()}
    return load_pretrained(
        model, replace(pretrained, state=state), init, class_names=classes, flag=flag
    )
