"""Finds a classifier wherever it is: in a run, a saved model, or a released file.

Whoever asks a classifier finds it here: evaluation, prediction, and the students of distillation.
"""

import os
from pathlib import Path

import torch

from videomae2.errors import CheckpointError
from videomae2.models.cards import SavedAutoencoderConfig, SavedClassifierConfig, load_model_config
from videomae2.models.chosen import WeightsChoice, resolve_checkpoint
from videomae2.models.classifier import Classifier
from videomae2.models.found import ClassifierRef
from videomae2.models.released_file import resolve_official_file


def resolve_classifier(
    path: Path,
    *,
    weights: WeightsChoice = "auto",
    frames: int | None = None,
    side: int | None = None,
    needs_head: bool = True,
) -> ClassifierRef:
    """Look for a classifier, and find out what it is.

    Args:
        path: A run folder (its best model by validation, else its newest checkpoint), the folder
            of a saved model, or a released file (.pth, .bin, .pt, .safetensors).
        weights: Which of the weights of a run.
        frames: Of the clips that a released file was trained on, where they are not 16.
        side: Height and width of these clips, where they are not 224.
        needs_head: Whether one that gives only features is refused.

    Raises:
        CheckpointError: If there is none, or it has no head.
    """
    path = Path(os.path.expanduser(path))
    if path.is_file():
        ref = _resolve_file(path, weights, frames, side)
    else:
        ref = _resolve_folder(path, weights, frames, side)
    if needs_head and not ref.config.model.num_classes:
        raise CheckpointError(
            f"{ref.path} has no head, so it has nothing to say about classes: it gives features; "
            f"fine-tune it on labelled videos first"
        )
    return ref


def load_classifier(path: Path, device: torch.device) -> tuple[Classifier, SavedClassifierConfig]:
    """Read a classifier, with or without a head.

    Args:
        path: As for ``resolve_classifier``.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or its weights do not fit.
    """
    ref = resolve_classifier(path, needs_head=False)
    return ref.load(device), ref.config


def _resolve_file(path: Path, weights: WeightsChoice, frames: int | None, side: int | None) -> ClassifierRef:
    if weights != "auto":
        raise CheckpointError(f"{path} is one file, of which all is used; leave --weights out")
    weights_ref, config = resolve_official_file(path, frames=frames, side=side)
    return ClassifierRef(config=config, weights_ref=weights_ref)


def _resolve_folder(
    path: Path, weights: WeightsChoice, frames: int | None, side: int | None
) -> ClassifierRef:
    if not path.exists():
        raise CheckpointError(
            f"{path} does not exist; give a run folder, one of its checkpoints, a saved model or a "
            f"released file"
        )
    if (frames, side) != (None, None):
        raise CheckpointError(
            f"{path} says itself of which clips it is; leave --frames and --side out"
        )
    checkpoint = resolve_checkpoint(path, weights)
    config = load_model_config(checkpoint.folder)
    if isinstance(config, SavedAutoencoderConfig):
        raise CheckpointError(
            f"{checkpoint.folder} holds an autoencoder, not the classifier that is wanted: it knows no "
            f"classes; fine-tune it on labelled videos first, or look at what it rebuilds: "
            f"videomae2 reconstruct"
        )
    return ClassifierRef(config=config, weights_ref=checkpoint)
