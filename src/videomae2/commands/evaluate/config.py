"""What can be chosen about an evaluation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.ranges import ONE_OR_MORE, Range, find_range_errors
from videomae2.commands.probe.config import Baseline
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import ListConfig
from videomae2.errors import ConfigError
from videomae2.inference.classifier import ClassifierOptions
from videomae2.inference.views import EvalViews
from videomae2.metrics.bootstrap import N_RESAMPLES

ENOUGH_RESAMPLES = Range("100 or more", minimum=100.0)
"""Two or three of a hundred are beyond each end of a 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig(ClassifierOptions):
    """How a classifier is evaluated."""

    views: EvalViews = field(default_factory=EvalViews)
    """The views of each video that are scored and averaged."""
    list: ListConfig = field(default_factory=ListConfig)
    """How the list of videos is read."""
    reading: ReadingConfig = field(default_factory=lambda: ReadingConfig(timeout_seconds=60.0))
    """How videos are read."""
    label_column: str | None = None
    """The column of labels of which any number holds, separated by semicolons; label if not
    given."""
    allow_unreadable: bool = False
    """Report on the videos that can be read, and do not fail because of the others."""
    baselines: tuple[Baseline, ...] = ()
    """What stands beside the model: ridge on the time slots of fresh weights of its architecture,
    and on small grey pictures, as they are and minus their mean over time, all learnt from the
    training videos."""
    baseline_train: Path | None = None
    """The labelled training videos that baselines learn from; those of the run if not given."""
    baseline_filter: str | None = None
    """Rows of that table, as column=value."""
    batch_size: Annotated[int, ONE_OR_MORE] = 16
    """Views on the device at once."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bf16 or not; auto does where the machine computes bf16 fast."""
    n_resamples: Annotated[int, ENOUGH_RESAMPLES] = N_RESAMPLES
    """Samples drawn for each interval; fewer for mAP and calibration of very many scores."""
    seed: int = 0
    """Draws the samples of the intervals."""

    def __post_init__(self) -> None:
        problems = [problem for _, problem in find_range_errors(self)]
        if len(set(self.baselines)) < len(self.baselines):
            problems.append("--baselines wants random, pixels or both, each once")
        if self.baseline_train is not None and not self.baselines:
            problems.append("--baseline-train has no effect without --baselines; leave it out")
        if self.baseline_filter is not None and self.baseline_train is None:
            problems.append("--baseline-filter has no effect without --baseline-train")
        if problems:
            raise ConfigError(problems)
