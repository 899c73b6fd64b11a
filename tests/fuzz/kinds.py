"""A kind of file: valid ones to damage, a grammar of more, and what lies beside them.

Every kind has a file of a few KB that is damaged, in a folder with a FIFO that would block whoever
opens it. Its reader stands in ``readers.py`` under the same name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import mutate

FIFO = "f"


@dataclass(frozen=True)
class Kind:
    name: str
    file: str
    """The name of what is damaged."""
    valid: Callable[[], Sequence[bytes]]
    made: st.SearchStrategy[bytes]
    beside: Callable[[Path], None] = lambda folder: None
    """Puts what lies in the folder, too."""
    is_text: bool = False
    fifos: tuple[str, ...] = ()
    """Names of more FIFOs."""

    def draw(self, count: int) -> Iterator[bytes]:
        """So many inputs, the same every time: some valid files, half or more of them damaged."""
        valid = list(self.valid())
        whole, made = valid[: max(2, count // 5)], _draw(self.made, max(1, count * 2 // 5))
        yield from whole
        yield from made
        for number in range(count - len(made) - len(whole)):
            random = Random(f"{self.name} {number}")
            yield mutate(random, random.choice(valid), valid, is_text=self.is_text)


def _draw(strategy: st.SearchStrategy[bytes], count: int) -> list[bytes]:
    drawn: list[bytes] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        deadline=None,
    )
    @given(strategy)
    def collect(value: bytes) -> None:
        drawn.append(value[:100_000])

    collect()
    return drawn[:count]
