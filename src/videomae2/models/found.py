"""A classifier that was found: what it is, which outputs are used, its weights when needed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch

from videomae2.errors import CheckpointError
from videomae2.models.cards import ClassifierCard
from videomae2.models.chosen import Chosen
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.heads import check_names, rows_by_name
from videomae2.models.number_scale import NumberScale
from videomae2.models.released_file import ReleasedFile
from videomae2.models.saved import check_fit

Place = Chosen | ReleasedFile
"""Where weights are; both say it in the same words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundClassifier:
    """What is known about a classifier before its weights are read."""

    card: ClassifierCard
    """Of what is used: its outputs are those that were selected."""
    place: Place
    names_from: str | None = None
    """Where the names of its outputs come from; None if it says them itself, or nobody does."""
    rows: tuple[int, ...] | None = None
    """The outputs that are used, in this order; None for all."""
    whole: int = 0
    """Outputs that it has, where only some are used."""
    selection: str = ""
    """What those that are used are called, such as kinetics-400."""

    @property
    def path(self) -> Path:
        """Where its weights are."""
        return self.place.path

    def __str__(self) -> str:
        return str(self.place)

    @property
    def outputs(self) -> str:
        """How many outputs are used, in words."""
        used = self.card.model.outputs
        return f"{used} of its {self.whole}, those of {self.selection}" if self.rows else f"{used}"

    def named(self, names: Sequence[str], *, origin: str) -> "FoundClassifier":
        """Give its outputs their names; its own must be the same.

        Raises:
            CheckpointError: If they are others, or more or fewer than it has outputs.
        """
        card = self.card
        check_names(names, card.model.outputs, card.classes, where=str(self.path))
        if card.classes is not None:
            return self
        return replace(self, card=replace(card, classes=tuple(names)), names_from=origin)

    def selected(self, names: Sequence[str], *, origin: str) -> "FoundClassifier":
        """Use some of its outputs alone, by their names and in their order.

        Probabilities are then shared among these, as if the head had no others.

        Raises:
            CheckpointError: If it lacks some of them, which are named, or it has no names.
        """
        card, whole = self.card, self.card.model.outputs
        if card.classes is None:
            raise CheckpointError(f"the outputs of {self.path} have no names to select by")
        rows = rows_by_name(card.classes, names, who=f"{self.path} has {whole} outputs, and")
        card = replace(
            card,
            model=replace(card.model, outputs=len(rows)),
            classes=tuple(names),
            numbers=_some(card.numbers, rows),
            notes=card.notes | {"selected": {"outputs": len(rows), "of": whole, "as": origin}},
        )
        return replace(self, card=card, rows=tuple(rows), whole=whole, selection=origin)

    def digest(self) -> str:
        """Name it in 16 characters, with the names and outputs that others gave it.

        Reads all weights.
        """
        return self.digest_with(self.place.digest())

    def digest_with(self, content: str) -> str:
        """The same, where that of its place is known."""
        if self.names_from is None and self.rows is None:
            return content
        said = [content, self.card.classes, self.rows]
        return sha256(json.dumps(said).encode()).hexdigest()[:16]

    def load(self, device: torch.device) -> Classifier:
        """Read its weights, strictly.

        Raises:
            CheckpointError: If they do not fit.
        """
        config = self.card.model
        whole = replace(config, outputs=self.whole) if self.rows else config
        model, found = self._built(config), self.place.weights_read()
        with torch.device("meta"):
            check_fit(self._built(whole).state_dict(), found, self.place.file)
        if self.rows:
            index = torch.tensor(self.rows)
            found |= {name: found[name][index] for name in ("head.weight", "head.bias")}
        model.load_state_dict(found)
        return model.to(device).eval()

    def _built(self, config: ClassifierConfig) -> Classifier:
        try:
            return Classifier(config)
        except ValueError as error:
            raise CheckpointError(f"{self.path} describes no model: {error}") from error


def _some(numbers: NumberScale | None, rows: Sequence[int]) -> NumberScale | None:
    """The scale of some numbers."""
    if numbers is None:
        return None
    mean, std = (tuple(every[row] for row in rows) for every in (numbers.mean, numbers.std))
    return NumberScale(mean=mean, std=std)
