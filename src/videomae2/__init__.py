"""VideoMAE V2: dual-masked pre-training of video transformers, and everything after it.

Names are imported when they are first used, so that ``import videomae2`` costs nothing and a
reading process never loads torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from videomae2 import recipes
    from videomae2.config import DistillRun, FinetuneRun, PretrainRun
    from videomae2.data.readers import open_reader
    from videomae2.jobs.distill import distill
    from videomae2.jobs.evaluate import EvaluateConfig, evaluate
    from videomae2.jobs.finetune import finetune
    from videomae2.jobs.predict import Predictor, predict
    from videomae2.jobs.pretrain import pretrain
    from videomae2.models.finding import load_classifier
    from videomae2.models.saved import load_autoencoder

__version__ = "0.1.0"

_PLACES = {
    "DistillRun": "videomae2.config",
    "EvaluateConfig": "videomae2.jobs.evaluate",
    "FinetuneRun": "videomae2.config",
    "Predictor": "videomae2.jobs.predict",
    "PretrainRun": "videomae2.config",
    "distill": "videomae2.jobs.distill",
    "evaluate": "videomae2.jobs.evaluate",
    "finetune": "videomae2.jobs.finetune",
    "load_autoencoder": "videomae2.models.saved",
    "load_classifier": "videomae2.models.finding",
    "open_reader": "videomae2.data.readers",
    "predict": "videomae2.jobs.predict",
    "pretrain": "videomae2.jobs.pretrain",
}

__all__ = [
    "DistillRun",
    "EvaluateConfig",
    "FinetuneRun",
    "Predictor",
    "PretrainRun",
    "distill",
    "evaluate",
    "finetune",
    "load_autoencoder",
    "load_classifier",
    "open_reader",
    "predict",
    "pretrain",
    "recipes",
]


def __getattr__(name: str) -> Any:
    if name == "recipes":
        return import_module("videomae2.recipes")
    if name not in _PLACES:
        raise AttributeError(f"module 'videomae2' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
