"""The complete configuration of a run: its parts put together, saved, loaded, checked, compared."""

from videomae2.config.checks import check_run
from videomae2.config.differences import Difference, diff_configs
from videomae2.config.files import load_config, save_config
from videomae2.config.probing import OnlineProbeConfig
from videomae2.config.runs import (
    DistillRun,
    FinetuneRun,
    PretrainRun,
    CheckpointConfig,
    Run,
    StudentConfig,
    ValidatedRun,
    ValidationConfig,
)

__all__ = [
    "Difference",
    "DistillRun",
    "FinetuneRun",
    "PretrainRun",
    "OnlineProbeConfig",
    "CheckpointConfig",
    "Run",
    "StudentConfig",
    "ValidatedRun",
    "ValidationConfig",
    "check_run",
    "diff_configs",
    "load_config",
    "save_config",
]
