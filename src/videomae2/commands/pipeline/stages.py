"""What every stage of a pipeline is: a configuration, a folder, parents; and what it will give."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch

from videomae2.base.schema import wildcard_path
from videomae2.base.summary import Summary
from videomae2.commands.pipeline.file import is_path
from videomae2.commands.train.video_lists import VideoList
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.errors import ConfigError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.model_ref import ClassifierRef, ModelRef
from videomae2.models.weights.pretrained import Pretrained

C = TypeVar("C")
StageMetrics = dict[str, float]
Recipes = Mapping[str, Mapping[str, Callable[[Sequence[Path], Path], Any]]]
"""Kind of stage → the recipes that its complete configurations come from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StagePlan:
    """What was found out about a stage before it starts."""

    lists: tuple[VideoList, ...]
    summary: str
    """What it will do, in a few lines."""
    preview_cost: Callable[[], Summary] = lambda: Summary(())
    """Says what it will read and cost, where somebody wants to know."""
    produces: Pretrained | None = None
    """What its model will be, its weights on the meta device; None if it gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage(ABC, Generic[C]):
    """One stage, complete; its class is its kind."""

    name: str
    line: int
    """Of the file, for messages."""
    recipe: str
    videos: tuple[Path, ...]
    """As named in the file."""
    out: Path
    """Its folder."""
    sources: Mapping[str, str]
    """Role → the stage or the path that it starts from."""
    config: C

    kind: ClassVar[str]
    config_type: ClassVar[type[Any]]
    """The dataclass that the settings in the file change."""
    inputs: ClassVar[Mapping[str, str]] = {}
    """What a parent can be to it → the setting that can name other weights for it instead; ""
    where there is none, and a parent is needed."""
    resume_safe_fields: ClassVar[frozenset[str]] = RESUME_SAFE_FIELDS
    """Settings that do not change the result."""
    report_only_fields: ClassVar[frozenset[str]] = frozenset()
    """Settings that change only what is made of the work: the stage goes on with what is there."""
    tracks_file_changes: ClassVar[bool] = False
    """What it did of a file is not used when the file has changed, so it can always go on."""

    @abstractmethod
    def plan(self, parents: Mapping[str, Pretrained | None]) -> StagePlan | None:
        """Check the configuration, read the lists, hold what parents will give against it.

        Args:
            parents: What they will give, by role; None of those with problems of their own.

        Returns:
            What was found out; None where that depends on a parent of which nothing is known.

        Raises:
            ConfigError, DataError, CheckpointError: With what is wrong.
        """

    @abstractmethod
    def run(
        self, weights: Mapping[str, Path], metadata: Mapping[str, object]
    ) -> tuple[Path, StageMetrics]:
        """Do it, or go on with it.

        Args:
            weights: The models that parents gave, by role.
            metadata: Goes into the cards of its models.

        Returns:
            Its result, a folder or a file within its own, and how good that is.
        """

    @property
    def input_stages(self) -> dict[str, str]:
        """Role → stage, for what other stages give."""
        return {role: word for role, word in self.sources.items() if not is_path(word)}

    @property
    def model_paths(self) -> dict[str, Path]:
        """Role → path, for what no stage makes and no setting can name."""
        return {role: Path(word) for role, word in self.sources.items() if is_path(word)}

    @property
    def description(self) -> str:
        """What it is, in a few words."""
        text = f"{self.kind} {self.recipe}".strip()
        return (
            f"{text}, from {', '.join(dict.fromkeys(self.sources.values()))}"
            if self.sources
            else text
        )

    @property
    def ignored_fields(self) -> frozenset[str]:
        """Settings that are not compared; those that name weights are compared by content."""
        return self.resume_safe_fields | frozenset(map(wildcard_path, self.inputs.values()))

    def to_dict(self) -> dict[str, Any]:
        """What it is, for ``--json``."""
        return {
            "stage": self.name,
            "kind": self.kind,
            "recipe": self.recipe,
            "parents": dict(self.sources),
            "folder": str(self.out),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """All stages, complete and checked, parents before children."""

    name: str
    out: Path
    stages: tuple[Stage[Any], ...]
    plans: Mapping[str, StagePlan]
    """What was found out about each stage, by its name."""


def build_expected_model(card: ModelConfig, folder: Path) -> Pretrained:
    """The model that a card describes, its weights on the meta device."""
    with torch.device("meta"):
        if isinstance(card, SavedClassifierConfig):
            state, classes = Classifier(card.model).state_dict(), card.class_names
        else:
            state, classes = Autoencoder(card.model).state_dict(), None
    return Pretrained(path=folder, state=state, class_names=classes, config=card)


def build_expected_classifier(parent: Pretrained) -> ClassifierRef:
    """A classifier that a stage will give, whose weights nobody reads yet.

    Raises:
        ConfigError: It will be no classifier.
    """
    if not isinstance(parent.config, SavedClassifierConfig):
        raise ConfigError(f"from: {parent.path.name} gives no classifier")
    return ModelRef(path=parent.path, config=parent.config, reason="of this pipeline")
