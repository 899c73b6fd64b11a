"""Finds a classifier wherever it is: in a run, a saved model, or a released file.

Whoever asks a classifier finds it here: evaluation, prediction, and the students of distillation.
"""

import os
from pathlib import Path

import torch

from videomae2.errors import CheckpointError
from videomae2.models.cards import Card, ClassifierCard, read_card
from videomae2.models.chosen import Weights, find_best
from videomae2.models.classifier import Classifier
from videomae2.models.found import FoundClassifier
from videomae2.models.released_file import read_released_file


def find_classifier(
    path: Path,
    *,
    weights: Weights = "auto",
    frames: int | None = None,
    side: int | None = None,
    needs_head: bool = True,
) -> FoundClassifier:
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
        found = _in_file(path, weights, frames, side)
    else:
        found = _in_folder(path, weights, frames, side)
    if needs_head and not found.card.model.outputs:
        raise CheckpointError(
            f"{found.path} has no head, so it has nothing to say about classes: it gives features; "
            f"fine-tune it on labelled videos first"
        )
    return found


def load_classifier(path: Path, device: torch.device) -> tuple[Classifier, ClassifierCard]:
    """Read a classifier, with or without a head.

    Args:
        path: As for ``find_classifier``.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or its weights do not fit.
    """
    found = find_classifier(path, needs_head=False)
    return found.load(device), found.card


def _in_file(path: Path, weights: Weights, frames: int | None, side: int | None) -> FoundClassifier:
    if weights != "auto":
        raise CheckpointError(f"{path} is one file, of which all is used; leave --weights out")
    place, card = read_released_file(path, frames=frames, side=side)
    return FoundClassifier(card=card, place=place)


def _in_folder(
    path: Path, weights: Weights, frames: int | None, side: int | None
) -> FoundClassifier:
    if not path.exists():
        raise CheckpointError(
            f"{path} does not exist; give a run folder, one of its checkpoints, a saved model or a "
            f"released file"
        )
    if (frames, side) != (None, None):
        raise CheckpointError(
            f"{path} says itself of which clips it is; leave --frames and --side out"
        )
    chosen = find_best(path, weights)
    card = read_card(chosen.folder)
    if isinstance(card, Card):
        raise CheckpointError(
            f"{chosen.folder} holds an autoencoder, not the classifier that is wanted: it knows no "
            f"classes; fine-tune it on labelled videos first, or look at what it rebuilds: "
            f"videomae2 reconstruct"
        )
    return FoundClassifier(card=card, place=chosen)
