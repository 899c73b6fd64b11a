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
    from videomae2.data.views.clip import read_clip
    from videomae2.errors import (
        CheckpointError,
        ConfigError,
        DataError,
        Interrupted,
        ManifestError,
        NonFiniteLossError,
        TooManyUnreadableError,
        VideoError,
        VideoMAE2Error,
        VideoTimeoutError,
    )
    from videomae2.inference.encoder import Encoder, load
    from videomae2.inference.prediction import Prediction
    from videomae2.inference.predictor import Predictor, load_classifier
    from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library says nothing unasked

_MODULES = {
    "CheckpointError": "videomae2.errors",
    "ConfigError": "videomae2.errors",
    "DISTILL_RECIPES": "videomae2.recipes.table",
    "DataError": "videomae2.errors",
    "DistillRun": "videomae2.config.runs",
    "Encoder": "videomae2.inference.encoder",
    "EvaluateConfig": "videomae2.commands.evaluate.config",
    "FINETUNE_RECIPES": "videomae2.recipes.table",
    "FinetuneRun": "videomae2.config.runs",
    "Interrupted": "videomae2.errors",
    "ManifestError": "videomae2.errors",
    "NonFiniteLossError": "videomae2.errors",
    "Prediction": "videomae2.inference.prediction",
    "Predictor": "videomae2.inference.predictor",
    "PretrainRun": "videomae2.config.runs",
    "RECIPES": "videomae2.recipes.table",
    "TooManyUnreadableError": "videomae2.errors",
    "VideoError": "videomae2.errors",
    "VideoMAE2Error": "videomae2.errors",
    "VideoTimeoutError": "videomae2.errors",
    "distill": "videomae2.commands.train.distill",
    "evaluate": "videomae2.commands.evaluate.run",
    "finetune": "videomae2.commands.train.finetune",
    "load": "videomae2.inference.encoder",
    "load_classifier": "videomae2.inference.predictor",
    "open_reader": "videomae2.data.video.reader",
    "predict": "videomae2.commands.predict",
    "pretrain": "videomae2.commands.train.pretrain",
    "read_clip": "videomae2.data.views.clip",
}

__all__ = [
    "DISTILL_RECIPES",
    "FINETUNE_RECIPES",
    "RECIPES",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DistillRun",
    "Encoder",
    "EvaluateConfig",
    "FinetuneRun",
    "Interrupted",
    "ManifestError",
    "NonFiniteLossError",
    "Prediction",
    "Predictor",
    "PretrainRun",
    "TooManyUnreadableError",
    "VideoError",
    "VideoMAE2Error",
    "VideoTimeoutError",
    "distill",
    "evaluate",
    "finetune",
    "load",
    "load_classifier",
    "open_reader",
    "predict",
    "pretrain",
    "read_clip",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'videomae2' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
