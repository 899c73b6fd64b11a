"""The complete configuration of a run of each kind, composed of those of its parts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from videomae2.base.ranges import BELOW_ONE, ONE_OR_MORE, Range
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.loading.labels import LabelConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig
from videomae2.data.manifests.layouts import Layout
from videomae2.data.manifests.read import ListConfig
from videomae2.data.splits.duplicates import DuplicateSearch
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.lora import TuningConfig
from videomae2.models.weights.init_from import InitConfig
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.distill import DistillConfig, TeacherConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig
from videomae2.training.runtime import RuntimeConfig

SEEDS = Range("a number from 0 to below 2^63", minimum=0.0, below=2.0**63)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggingConfig:
    """When a run tells how it goes."""

    interval: Annotated[int, ONE_OR_MORE] = 20
    """Steps from one log line to the next; metrics of every step are read out then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointConfig:
    """When a run writes checkpoints, and which stay."""

    interval: Annotated[int, ONE_OR_MORE] = 500
    """Steps from one checkpoint to the next."""
    keep_latest_k: Annotated[int, ONE_OR_MORE] = 2
    """Newest checkpoints that are kept."""
    keep_interval: Annotated[int | None, ONE_OR_MORE] = None
    """Checkpoints at multiples of this many steps are kept for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineProbeConfig:
    """A quick k-NN and linear probe of the encoder while it is trained; it changes no step."""

    videos: Path | None = None
    """Labelled videos: a folder per class, a list or a table; without it nothing is probed."""
    test: Path | None = None
    """Labelled videos to test on; a fifth of the others is held out if not given."""
    root: Path | None = None
    """Put before the paths that the lists name."""
    layout: Layout = "auto"
    """How to read the lists; found out if not given."""
    groups: str | None = None
    """What must not be parted, such as a person: a column of the list, folder, for the folder
    that a file lies in, or a regular expression whose parentheses match it in each path."""
    interval: Annotated[int, ONE_OR_MORE] = 500
    """Steps from one probe to the next; the first and the last weights are probed as well."""
    max_videos: Annotated[int, Range("10 or more", minimum=10.0)] = 400
    """Videos at most that are taken of each list, of each class as evenly as can be. Their clips
    stay in memory."""
    k: Annotated[int, ONE_OR_MORE] = 10
    """Neighbours that vote."""

    @property
    def is_enabled(self) -> bool:
        """Whether anything is probed."""
        return self.videos is not None

    def is_due(self, step: int, num_steps: int) -> bool:
        """Whether the weights are probed after so many steps."""
        return self.is_enabled and (step % self.interval == 0 or step == num_steps)


class HasEncoder(Protocol):
    """The configuration of a model that reads clips."""

    @property
    def encoder(self) -> EncoderConfig: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What every kind of run has, beside a model that reads clips."""

    data: DataConfig
    """Videos, clips and views."""
    optim: OptimConfig
    """Optimizer, batch and length."""
    output_dir: Path
    """The run folder. A run that is there already goes on."""
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    """When checkpoints are written, and which stay."""
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    """When a run tells how it goes."""
    max_nonfinite_steps: Annotated[int, ONE_OR_MORE] = 20
    """Stop after this many steps in a row without a finite loss and gradient."""
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    """How videos are read."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    """Device and precision."""
    seed: Annotated[int, SEEDS] = 0
    """Every draw of the run is a function of this number."""

    @property
    def model(self) -> HasEncoder:
        """Of the kind that is trained."""
        raise NotImplementedError

    def list_inputs(self) -> list[Path]:
        """The folders and lists of videos that it reads."""
        return [source.path for source in self.data.sources]


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRun(Run):
    """A complete pre-training run."""

    model: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    """Encoder and decoder."""
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    """What is hidden and rebuilt."""
    online_probe: OnlineProbeConfig = field(default_factory=OnlineProbeConfig)
    """Probes of the features during training."""

    def list_inputs(self) -> list[Path]:
        probed = (self.online_probe.videos, self.online_probe.test)
        return [*Run.list_inputs(self), *(path for path in probed if path is not None)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationConfig(ListConfig):
    """What is held out, how it is read, and how often it is looked at. The best model is kept."""

    path: Path | None = None
    """A labelled folder or list; if not given, a share of the videos is held out."""
    share: Annotated[float, BELOW_ONE] = 0.2
    """Share of the videos of each class that is held out where no path is given; 0 for none."""
    interval: Annotated[int | None, ONE_OR_MORE] = None
    """Steps from one look to the next; if not given, ten times in a run."""
    find_duplicates: DuplicateSearch = "bytes"
    """Warn of videos that are trained on and held out under two names: of the same bytes, or
    also nearly the same (encoded anew, another size, a slight cut), for which 16 frames of
    every video are read before the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierRun(Run):
    """A run that teaches a classifier and looks at held-out videos."""

    labels: LabelConfig = field(default_factory=LabelConfig)
    """Where labels and their names stand."""
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    """What is held out."""
    model: ClassifierConfig = field(default_factory=ClassifierConfig)
    """Encoder and head; 0 outputs means as many as the data, or the teacher, asks for."""
    init: InitConfig = field(default_factory=InitConfig)
    """The first weights."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How clips are changed; those of a teacher alike."""

    def list_inputs(self) -> list[Path]:
        held_out = self.validation.path
        return [*Run.list_inputs(self), *([] if held_out is None else [held_out])]


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneRun(ClassifierRun):
    """A complete run of supervised training: post-pre-training, fine-tuning, or from scratch."""

    tuning: TuningConfig = field(default_factory=TuningConfig)
    """Which weights learn."""
    task: ClassifyConfig = field(default_factory=ClassifyConfig)
    """What the outputs mean and how they are scored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillRun(ClassifierRun):
    """A complete run of distillation: a model, the student, that learns from a teacher."""

    labelled: bool = True
    """The videos have labels, whose classes are the teacher's. Without them names come from the
    teacher, and the best state is the one that agrees with it most."""
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    """Whom the student learns from."""
    task: DistillConfig = field(default_factory=DistillConfig)
    """What the student is held against."""
