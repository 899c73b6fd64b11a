"""What a stage will give before it has, and whether it fits those that start from it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from videomae2.data.class_names import read_class_names
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import AnyCard, ClassifierCard
from videomae2.models.chosen import Chosen
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.found import FoundClassifier
from videomae2.models.parents import Parent, named, read_parent
from videomae2.models.start_report import StartReport
from videomae2.models.starting import StartConfig, check_choices, take_over


def promise(card: AnyCard, folder: Path) -> Parent:
    """The model that a card describes, its weights on the meta device."""
    with torch.device("meta"):
        model: nn.Module
        if isinstance(card, ClassifierCard):
            model, classes = Classifier(card.model), card.classes
        else:
            model, classes = Autoencoder(card.model), None
    return Parent(path=folder, state=model.state_dict(), classes=classes, card=card)


def to_come(folder: Path, card: ClassifierCard) -> FoundClassifier:
    """A classifier that a stage will give, whose weights nobody reads yet."""
    place = Chosen(folder, weights="raw", why="of this pipeline")
    return FoundClassifier(card=card, place=place)


def check_start(
    config: ClassifierConfig,
    start: StartConfig,
    parent: Parent | None,
    *,
    classes: Sequence[str] | None,
    flag: str = "--model",
) -> StartReport:
    """Start a classifier as it will be started, without any data.

    Args:
        config: Of the classifier.
        start: How it starts; its own weights are read where there is no parent.
        parent: What another stage will give.
        classes: The names of its outputs, if they have any.
        flag: What sets the classifier on the command line, for messages.

    Raises:
        ConfigError: If a choice has no effect.
        CheckpointError: If the parent cannot be read or does not fit.
    """
    with torch.device("meta"):
        model = Classifier(config)
    if parent is not None:
        start = replace(start, weights=parent.path)
    check_choices(model, start)
    if start.weights is None:
        return StartReport(source="from scratch", left={})
    parent = parent or read_parent(start.weights, model.cubes)
    if start.names is not None:
        parent = named(parent, read_class_names(start.names))
    state = {name: value.to("meta") for name, value in parent.state.items()}
    return take_over(model, replace(parent, state=state), start, classes=classes, flag=flag)
