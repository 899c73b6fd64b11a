"""The complete configuration of a run, composed of the configurations of its parts."""

from dataclasses import dataclass, field
from pathlib import Path

from videomae2.data.sources import DataConfig, LoadingConfig
from videomae2.engine.optim import OptimConfig
from videomae2.engine.runtime import RuntimeConfig
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.tasks.pretrain import MaskingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordConfig:
    """What a run writes, and when."""

    out: Path
    """The run folder."""
    log_every: int = 20
    """Steps from one log line to the next; metrics of every step are read out then."""
    save_every: int = 500
    """Steps from one checkpoint to the next."""
    keep: int = 2
    """Newest checkpoints that are kept."""
    keep_every: int | None = None
    """Checkpoints at multiples of this many steps are kept for good."""
    max_bad_steps: int = 20
    """Stop after this many steps in a row without a finite loss and gradient."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRun:
    """A complete pre-training run."""

    data: DataConfig
    """Videos, clips and views."""
    model: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    """Encoder and decoder."""
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    """What is hidden and rebuilt."""
    optim: OptimConfig
    """Optimizer, batch and length."""
    record: RecordConfig
    """Run folder, log and checkpoints."""
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    """How videos are read."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    """Device and precision."""
    seed: int = 0
    """Every draw of the run is a function of this number."""
