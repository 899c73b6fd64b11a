"""The complete configuration of a run: its parts put together, saved, loaded, checked, compared."""

from videomae2.config.checks import check
from videomae2.config.differences import Difference, differences
from videomae2.config.files import load, save
from videomae2.config.probing import ProbeConfig
from videomae2.config.runs import FinetuneRun, PretrainRun, RecordConfig, Run, ValidationConfig

__all__ = [
    "Difference",
    "FinetuneRun",
    "PretrainRun",
    "ProbeConfig",
    "RecordConfig",
    "Run",
    "ValidationConfig",
    "check",
    "differences",
    "load",
    "save",
]
