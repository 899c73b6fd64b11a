"""What can be chosen about an evaluation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from videomae2.base.ranges import find_range_errors
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import ListConfig
from videomae2.errors import ConfigError
from videomae2.inference.classifier import ClassifierOptions
from videomae2.inference.views import EvalViews
from videomae2.metrics.bootstrap import N_RESAMPLES
from videomae2.models.weights.resolve import WeightsChoice

MIN_RESAMPLES = 100
"""Of which two or three are beyond each end of a 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig:
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
    class_names: Path | None = None
    """What the model's outputs are called where it does not say, as released files: a file of names
    (one a line, JSON, or a table of id,name), or a public data set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710. The
    others get no probability."""
    frames: int | None = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: int | None = None
    """Height and width of these clips in pixels; 224 if not given."""
    weights: WeightsChoice = "auto"
    """The running mean of the weights (ema) where the model has it, or the weights as saved
    (raw)."""
    allow_unreadable: bool = False
    """Report on the videos that can be read, and do not fail because of the others."""
    batch_size: int = 16
    """Views on the device at once."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bf16 or not; auto does where the machine computes bf16 fast."""
    n_resamples: int = N_RESAMPLES
    """Samples drawn for each interval; fewer for mAP and calibration of very many scores."""
    seed: int = 0
    """Draws the samples of the intervals."""

    @property
    def classifier_options(self) -> ClassifierOptions:
        """What is said of the model."""
        return ClassifierOptions(
            class_names=self.class_names,
            classes=self.classes,
            frames=self.frames,
            side=self.side,
            weights=self.weights,
        )

    def __post_init__(self) -> None:
        minimums = {
            "batch-size": (self.batch_size, 1),
            "n-resamples": (self.n_resamples, MIN_RESAMPLES),
        }
        problems = [
            f"--{name} is {value}, wanted {minimum} or more"
            for name, (value, minimum) in minimums.items()
            if value < minimum
        ]
        problems += [problem for _, problem in find_range_errors(self)]
        if problems:
            raise ConfigError(problems)
