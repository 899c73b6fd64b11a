"""What a stage will give before it has, and whether it fits those that start from it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from videomae2.data.class_names import read_class_names
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import ModelConfig, SavedClassifierConfig
from videomae2.models.chosen import CheckpointRef
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.found import ClassifierRef
from videomae2.models.parents import Pretrained, with_class_names, load_pretrained_state
from videomae2.models.start_report import LoadReport
from videomae2.models.starting import InitConfig, check_init_options, load_pretrained


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
    return load_pretrained(model, replace(pretrained, state=state), init, class_names=classes, flag=flag)
