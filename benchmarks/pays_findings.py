"""What the comparison asks, and what it found, as values."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pays_lists import DataSplit
from pays_runs import ComparisonSettings

from videomae2.commands.train.validation import ValidationMetrics
from videomae2.metrics.bootstrap import Interval

SCRATCH, PRETRAINED = "from scratch", "pre-trained"
ARMS = (SCRATCH, PRETRAINED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonPlan:
    """What is compared."""

    protocol: DataSplit
    settings: ComparisonSettings
    out: Path
    seeds: Sequence[int]
    shares: Sequence[int]
    """Labelled videos of each class; 0 for all."""
    rates: Sequence[float]
    """Peak learning rates that are tried, for 256 views, rising."""
    mixed: dict[str, Path]
    """Other videos for pre-training."""

    @property
    def steps(self) -> int:
        """How many there are."""
        searched = len(self.rates) if len(self.rates) > 1 else 0
        each = len(ARMS) * (searched + len(self.seeds))
        return len(self.seeds) + len(self.shares) * each


@dataclass(frozen=True, slots=True)
class RateSearch:
    """How well each rate did on the validation speakers."""

    share: int
    arm: str
    metrics: dict[float, ValidationMetrics]
    best: float

    @property
    def at_edge(self) -> bool:
        """The best rate is the lowest or highest tried, so a better one may lie beyond."""
        return self.best in (min(self.metrics), max(self.metrics))


@dataclass(frozen=True, slots=True)
class TestResult:
    """How well a classifier did on the test."""

    share: int
    arm: str
    seed: int
    rate: float
    accuracy: Interval
    hits: dict[Hashable, float]
    """1 or 0 by the path of the video, as the evaluation names it."""


@dataclass(slots=True)
class Findings:
    """All that was found."""

    losses: dict[int, float] = field(default_factory=dict)
    """Mean pre-training loss of the last steps, by seed."""
    searches: list[RateSearch] = field(default_factory=list)
    test_results: list[TestResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """What each step took, by its name; over all calls."""
