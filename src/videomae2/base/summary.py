"""What a command will do or has done, as rows of a label and a text: printed once, or JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

LABEL_WIDTH = 9
"""Of the labels with the blanks behind them, at least."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows in the order in which they are read; a text may have several lines."""

    rows: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join(self._format_lines())

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(self.rows + other.rows)

    def to_dict(self) -> dict[str, list[str]]:
        """The texts of each label, for ``--json``."""
        texts: dict[str, list[str]] = {}
        for label, text in self.rows:
            texts.setdefault(label, []).extend(text.split("\n"))
        return texts

    def _format_lines(self) -> Iterable[str]:
        width = max([LABEL_WIDTH, *(len(label) + 1 for label, _ in self.rows)])
        for label, text in self.rows:
            for number, line in enumerate(text.split("\n")):
                yield f"{label if number == 0 else '':<{width}}{line}".rstrip()
