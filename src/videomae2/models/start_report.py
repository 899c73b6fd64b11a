"""What the first weights of a model are, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class StartReport:
    """What the first weights are."""

    source: str
    taken: int = 0
    """Weights that come from the parent."""
    norm: str = "fresh"
    head: str = "fresh"
    left: Mapping[str, int]
    """Parts of the parent that have no use here, and how many weights each has."""
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        """Say it in a few lines."""
        if not self.taken:
            return f"start    {self.source}"
        left = ", ".join(f"{part} ({count})" for part, count in self.left.items())
        lines = [f"start    {self.taken} weights of {self.source}"]
        lines += [f"         norm: {self.norm}; head: {self.head}"]
        lines += [f"         no use for {left}"] if left else []
        return "\n".join([*lines, *(f"         {note}" for note in self.notes)])
