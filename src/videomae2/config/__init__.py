"""The complete configuration of a run: its parts put together, saved, loaded, checked, compared."""

from videomae2.config.checks import check
from videomae2.config.differences import Difference, differences
from videomae2.config.files import load, save
from videomae2.config.probing import ProbeConfig
from videomae2.config.runs import (
    DistillRun,
    FinetuneRun,
    PretrainRun,
    RecordConfig,
    Run,
    StudentConfig,
    Validated,
    ValidationConfig,
)

__all__ = [
    "Difference",
    "DistillRun",
    "FinetuneRun",
    "PretrainRun",
    "ProbeConfig",
    "RecordConfig",
    "Run",
    "StudentConfig",
    "Validated",
    "ValidationConfig",
    "check",
    "differences",
    "load",
    "save",
]
