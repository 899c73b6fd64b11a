"""Find a classifier in a run, a saved model or a released file: what it is, and its weights later.

Whoever asks a classifier finds it here: evaluation, prediction, and the students of distillation.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.base.provenance import compute_digest
from videomae2.errors import CheckpointError
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.weights.config_json import (
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    load_model_config,
)
from videomae2.models.weights.head_index import check_output_names, find_rows_by_name
from videomae2.models.weights.pretrained import OfficialWeights, resolve_official_file
from videomae2.models.weights.resolve import CheckpointRef, WeightsChoice, resolve_checkpoint
from videomae2.models.weights.saved import check_state_dict
from videomae2.models.weights.target_scaler import TargetScaler

WeightsRef = CheckpointRef | OfficialWeights
"""Where weights are; both say it in the same words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierRef:
    """What is known about a classifier before its weights are read."""

    config: SavedClassifierConfig
    """Of what is used: its outputs are those that were selected."""
    weights_ref: WeightsRef
    class_names_source: str | None = None
    """Where the names of its outputs come from; None if it says them itself, or nobody does."""
    head_index: tuple[int, ...] | None = None
    """The outputs that are used, in this order; None for all."""
    total_outputs: int = 0
    """Outputs that it has, where only some are used."""
    selection: str = ""
    """What those that are used are called, such as kinetics-400."""

    @property
    def path(self) -> Path:
        """Where its weights are."""
        return self.weights_ref.path

    def __str__(self) -> str:
        return str(self.weights_ref)

    @property
    def outputs_summary(self) -> str:
        """How many outputs are used, in words."""
        num_used = self.config.model.num_classes
        return (
            f"{num_used} of its {self.total_outputs}, those of {self.selection}"
            if self.head_index
            else f"{num_used}"
        )

    def with_class_names(self, names: Sequence[str], *, source: str) -> "ClassifierRef":
        """Give its outputs their names; its own must be the same.

        Raises:
            CheckpointError: If they are others, or more or fewer than it has outputs.
        """
        config = self.config
        check_output_names(
            names, config.model.num_classes, config.class_names, location=str(self.path)
        )
        if config.class_names is not None:
            return self
        return replace(
            self, config=replace(config, class_names=tuple(names)), class_names_source=source
        )

    def select_classes(self, names: Sequence[str], *, source: str) -> "ClassifierRef":
        """Use some of its outputs alone, by their names and in their order.

        Probabilities are then shared among these, as if the head had no others.

        Raises:
            CheckpointError: If it lacks some of them, which are named, or it has no names.
        """
        config, total = self.config, self.config.model.num_classes
        if config.class_names is None:
            raise CheckpointError(f"the outputs of {self.path} have no names to select by")
        rows = find_rows_by_name(
            config.class_names, names, subject=f"{self.path} has {total} outputs, and"
        )
        config = replace(
            config,
            model=replace(config.model, num_classes=len(rows)),
            class_names=tuple(names),
            target_scaler=_select_scaler(config.target_scaler, rows),
            metadata=config.metadata
            | {"selected": {"outputs": len(rows), "of": total, "as": source}},
        )
        return replace(
            self, config=config, head_index=tuple(rows), total_outputs=total, selection=source
        )

    def compute_digest(self) -> str:
        """Name it in 16 characters, with the names and outputs that others gave it.

        Reads all weights.
        """
        return self.combine_digest(self.weights_ref.compute_digest())

    def combine_digest(self, content: str) -> str:
        """The same, where that of its place is known."""
        if self.class_names_source is None and self.head_index is None:
            return content
        content_key = [content, self.config.class_names, self.head_index]
        return compute_digest(content_key)

    def load(self, device: torch.device) -> Classifier:
        """Read its weights, strictly.

        Raises:
            CheckpointError: If they do not fit.
        """
        config = self.config.model
        full_config = replace(config, num_classes=self.total_outputs) if self.head_index else config
        model, state_dict = self._build_model(config), self.weights_ref.load_state()
        with torch.device("meta"):
            check_state_dict(
                self._build_model(full_config).state_dict(), state_dict, self.weights_ref.file
            )
        if self.head_index:
            index = torch.tensor(self.head_index)
            state_dict |= {name: state_dict[name][index] for name in ("head.weight", "head.bias")}
        model.load_state_dict(state_dict)
        return model.to(device).eval()

    def _build_model(self, config: ClassifierConfig) -> Classifier:
        try:
            return Classifier(config)
        except ValueError as error:
            raise CheckpointError(f"{self.path} describes no model: {error}") from error


def _select_scaler(scaler: TargetScaler | None, rows: Sequence[int]) -> TargetScaler | None:
    """The scale of some numbers."""
    if scaler is None:
        return None
    mean, std = (tuple(values[row] for row in rows) for values in (scaler.mean, scaler.std))
    return TargetScaler(mean=mean, std=std)


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


def _resolve_file(
    path: Path, weights: WeightsChoice, frames: int | None, side: int | None
) -> ClassifierRef:
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
            f"{checkpoint.folder} holds an autoencoder, not the classifier that is wanted: it "
            f"knows no classes; fine-tune it on labelled videos first, or look at what it "
            f"rebuilds: videomae2 reconstruct"
        )
    return ClassifierRef(config=config, weights_ref=checkpoint)
