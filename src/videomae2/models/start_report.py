"""What the first weights of a model are, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        """Say it in a few lines."""
        if not self.loaded:
            return f"start    {self.source}"
        unused = ", ".join(f"{part} ({count})" for part, count in self.unused.items())
        lines = [f"start    {self.loaded} weights of {self.source}"]
        lines += [f"         norm: {self.norm}; head: {self.head}"]
        lines += [f"         no use for {unused}"] if unused else []
        return "\n".join([*lines, *(f"         {note}" for note in self.notes)])
