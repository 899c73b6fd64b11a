"""VideoMAE V2: dual-masked pre-training of video transformers, and everything after it.

Names are imported when they are first used, so that ``import videomae2`` costs nothing and a
reading process never loads torch.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from videomae2.commands.evaluate.config import EvaluateConfig
    from videomae2.commands.evaluate.run import evaluate
    from videomae2.commands.predict import predict
    from videomae2.commands.train.distill import distill
    from videomae2.commands.train.finetune import finetune
    from videomae2.commands.train.pretrain import pretrain
    from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
    from videomae2.data.video.reader import open_reader
    from videomae2.errors import (
        CheckpointError,
        ConfigError,
        DataError,
        ManifestError,
        VideoError,
        VideoMAE2Error,
    )
    from videomae2.inference.predictor import Predictor
    from videomae2.models.weights.resolve import load_autoencoder, load_classifier
    from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library says nothing unasked

_MODULES = {
    "CheckpointError": "videomae2.errors",
    "ConfigError": "videomae2.errors",
    "DISTILL_RECIPES": "videomae2.recipes.table",
    "DataError": "videomae2.errors",
    "DistillRun": "videomae2.config.runs",
    "EvaluateConfig": "videomae2.commands.evaluate.config",
    "FINETUNE_RECIPES": "videomae2.recipes.table",
    "FinetuneRun": "videomae2.config.runs",
    "ManifestError": "videomae2.errors",
    "Predictor": "videomae2.inference.predictor",
    "PretrainRun": "videomae2.config.runs",
    "RECIPES": "videomae2.recipes.table",
    "VideoError": "videomae2.errors",
    "VideoMAE2Error": "videomae2.errors",
    "distill": "videomae2.commands.train.distill",
    "evaluate": "videomae2.commands.evaluate.run",
    "finetune": "videomae2.commands.train.finetune",
    "load_autoencoder": "videomae2.models.weights.resolve",
    "load_classifier": "videomae2.models.weights.resolve",
    "open_reader": "videomae2.data.video.reader",
    "predict": "videomae2.commands.predict",
    "pretrain": "videomae2.commands.train.pretrain",
}

__all__ = [
    "DISTILL_RECIPES",
    "FINETUNE_RECIPES",
    "RECIPES",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DistillRun",
    "EvaluateConfig",
    "FinetuneRun",
    "ManifestError",
    "Predictor",
    "PretrainRun",
    "VideoError",
    "VideoMAE2Error",
    "distill",
    "evaluate",
    "finetune",
    "load_autoencoder",
    "load_classifier",
    "open_reader",
    "predict",
    "pretrain",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'videomae2' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
