"""What the first weights of a model are, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from videomae2.base.summary import Summary
from videomae2.models.weights.hub.licence import Parents


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What the first weights are."""

    source: str
    loaded: int = 0
    """Weights that come from the parent."""
    norm: str = "fresh"
    head: str = "fresh"
    unused: Mapping[str, int]
    """Parts of the parent that have no use here, and how many weights each has."""
    remarks: Sequence[str] = ()
    parents: Parents = field(default_factory=dict)
    """The parent, for the card."""

    def __str__(self) -> str:
        return str(self.summarize())

    def summarize(self, hint: str = "") -> Summary:
        """Say it in a few lines; the hint follows the last."""
        if not self.loaded:
            return Summary((("start", f"{self.source}{hint}"),))
        unused = ", ".join(f"{part} ({count})" for part, count in self.unused.items())
        lines = [
            f"{self.loaded} weights of {self.source}",
            f"norm: {self.norm}; head: {self.head}",
            *([f"no use for {unused}"] if unused else []),
            *self.remarks,
        ]
        return Summary((("start", "\n".join(lines) + hint),))
