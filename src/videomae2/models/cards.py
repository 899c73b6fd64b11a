"""The card of a saved model: what is needed to build it again and to judge where it comes from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.entries import build
from videomae2.models.number_scale import NumberScale

FORMAT = 1
CARD_FILE = "card.json"

Answers = Literal["one-class", "many-classes", "numbers"]
"""What outputs mean: scores of which exactly one is right, of which any number is, or values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What is known about a saved autoencoder."""

    kind: ClassVar[str] = "autoencoder"

    model: AutoencoderConfig
    """Its architecture."""
    mean: tuple[float, ...]
    """Mean of each channel that its input is normalised with."""
    std: tuple[float, ...]
    """Standard deviation of each channel."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Step, masking, parents, licence and what else is worth keeping; what JSON has words for."""

    def __post_init__(self) -> None:
        _check_channels(self.mean, self.std, self.model.encoder.channels)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpan:
    """Which frames of a video made a clip in training, and so should when the model is used."""

    kind: Literal["dense", "segments"] = "dense"
    """A window of equal steps, or one frame of each equal part of the whole video."""
    stride: float = 4.0
    """Distance between the frames of a dense clip."""
    stride_unit: Literal["frames", "seconds", "per-second"] = "frames"
    """What the stride counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierCard:
    """What is known about a saved classifier."""

    kind: ClassVar[str] = "classifier"

    model: ClassifierConfig
    """Its architecture."""
    classes: tuple[str, ...] | None = None
    """The name of each output, in order; None if it has no head or they are not known."""
    answers: Answers = "one-class"
    """What the outputs mean."""
    span: ClipSpan | None = None
    """Which frames make a clip; None if it is not known, as for released weights."""
    numbers: NumberScale | None = None
    """What the outputs are counted in where they are numbers; None: the units of the data."""
    mean: tuple[float, ...]
    """Mean of each channel that its input is normalised with."""
    std: tuple[float, ...]
    """Standard deviation of each channel."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Step, sampling, parents, licence and what else is worth keeping; what JSON has words for."""

    def __post_init__(self) -> None:
        _check_channels(self.mean, self.std, self.model.encoder.channels)
        if self.classes is not None and len(self.classes) != self.model.outputs:
            raise ValueError(
                f"there are {len(self.classes)} names of classes, the model has "
                f"{self.model.outputs} outputs"
            )
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise ValueError(f"the name '{twice}' stands for more than one class")
        _check_numbers(self)


AnyCard = Card | ClassifierCard
C = TypeVar("C", Card, ClassifierCard)
KINDS: dict[str, type[AnyCard]] = {kind.kind: kind for kind in (Card, ClassifierCard)}


def write_card(folder: Path, card: AnyCard) -> None:
    """Write a card whole or not at all."""
    entry = {"format": FORMAT, "kind": card.kind, **asdict(card)}
    partial = folder / f".{CARD_FILE}.partial"
    partial.write_text(json.dumps(entry, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / CARD_FILE)


def read_card(folder: Path) -> AnyCard:
    """Read the card of a saved model of any kind.

    Raises:
        CheckpointError: If it cannot be read, is of another format, or has settings that are not
            known, missing or of the wrong kind.
    """
    path = folder / CARD_FILE
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(entry, dict):
        raise CheckpointError(f"{path} is no card: want an object, found {type(entry).__name__}")
    found, kind = entry.pop("format", None), entry.pop("kind", None)
    if found != FORMAT or kind not in KINDS:
        raise CheckpointError(
            f"{path} is of format {found!r}, kind {kind!r}; this version reads format {FORMAT}, "
            f"kinds {', '.join(KINDS)}"
        )
    return build(KINDS[kind], entry, path)


def read_card_of(kind: type[C], folder: Path) -> C:
    """Read the card of a saved model that must be of one kind.

    Raises:
        CheckpointError: As ``read_card``, and if the model is of another kind.
    """
    card = read_card(folder)
    if not isinstance(card, kind):
        article = "an" if card.kind[0] in "aeiou" else "a"
        raise CheckpointError(
            f"{folder} holds {article} {card.kind}, not the {kind.kind} that is wanted"
        )
    return card


def check_classes(data: Sequence[str], model: Sequence[str], *, where: str) -> None:
    """Hold the classes of a data set against those of a model.

    Args:
        data: Names in the order of the data's labels.
        model: Names in the order of the model's outputs.
        where: What the model is, for the message.

    Raises:
        CheckpointError: If they are not the same names in the same order; shows both lists.
    """
    if tuple(data) == tuple(model):
        return
    raise CheckpointError(
        f"the classes of the data are not those of {where}: {_difference(data, model)}"
        f"\n  data   {len(data)}: {', '.join(data)}"
        f"\n  model  {len(model)}: {', '.join(model)}"
    )


def _difference(data: Sequence[str], model: Sequence[str]) -> str:
    """Say in a few words how two lists of names differ."""
    if sorted(data) == sorted(model):
        at = next(i for i, pair in enumerate(zip(data, model, strict=True)) if len(set(pair)) > 1)
        return f"the same names in another order, from number {at} on"
    extra = [name for name in data if name not in set(model)]
    gone = [name for name in model if name not in set(data)]
    parts = [f"{len(extra)} only in the data", f"{len(gone)} only in the model"]
    return " and ".join(parts)


def _check_numbers(card: ClassifierCard) -> None:
    if card.numbers is None:
        return
    if card.answers != "numbers" or len(card.numbers.mean) != card.model.outputs:
        raise ValueError(
            f"there is a scale of {len(card.numbers.mean)} numbers, but the model has "
            f"{card.model.outputs} outputs, whose answers are '{card.answers}'"
        )


def _check_channels(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    if not len(mean) == len(std) == channels:
        raise ValueError(
            f"mean and std have {len(mean)} and {len(std)} values, the model reads {channels} "
            f"channels"
        )
