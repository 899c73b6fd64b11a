"""The JSON files of the Hugging Face hub: names of outputs, and how pixels are normalised."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.containers.find_files import PROCESSOR_FILES
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.foreign import KeyReport
from videomae2.tensors.normalization import Normalization

PROCESSOR_FILE = PROCESSOR_FILES[0]
_RESCALE = 1 / 255
_TOO_MANY = 2**31
_UNSAID = "it does not say how pixels are normalised: taken with ImageNet's mean and deviation"


def get_count(stated: Mapping[str, Any], key: str, path: Path) -> int | None:
    """A whole number above 0 that config.json says; None if it does not.

    Raises:
        CheckpointError: It says something else.
    """
    value = stated.get(key)
    if value is not None and (type(value) is not int or not 0 < value < _TOO_MANY):
        raise CheckpointError(f"{path} is damaged: its config.json says {key} {value!r:.40}")
    return value


def get_epsilon(stated: Mapping[str, Any], usual: float, path: Path) -> float:
    """What LayerNorm adds to the variance; raises as ``get_count``."""
    value = stated.get("layer_norm_eps", usual)
    if not _are_numbers([value]) or not 0 < value < 1:
        raise CheckpointError(
            f"{path} is damaged: its config.json says layer_norm_eps {value!r:.40}"
        )
    return float(value)


def read_normalization(source: Source, report: KeyReport) -> Normalization | None:
    """Mean and deviation of pixels in [0, 1]; None if nobody says them.

    Raises:
        CheckpointError: Pixels are prepared in a way that models here do not know.
    """
    stated = source.processor
    if not stated:
        report.remarks.append(_UNSAID)
        return None
    factor = stated.get("rescale_factor", _RESCALE) if stated.get("do_rescale", True) else 1.0
    mean: Any = [0.0]
    std: Any = [1.0]
    if stated.get("do_normalize", True):
        mean, std = stated.get("image_mean"), stated.get("image_std")
    if not (_are_numbers(mean) and _are_numbers(std) and _are_numbers([factor]) and factor > 0):
        raise CheckpointError(
            f"{source.path} is damaged: image_mean, image_std and rescale_factor are no numbers"
        )
    channels = get_count(source.config, "num_channels", source.path) or 3
    scale = _RESCALE / float(factor)
    if abs(scale - 1) < 1e-9:  # written with more or fewer digits
        scale = 1.0
    mean, std = (
        tuple(float(v) * scale for v in (values * channels if len(values) == 1 else values))
        for values in (mean, std)
    )
    return Normalization(mean=mean, std=std)


def build_processor(config: ModelConfig) -> dict[str, Any]:
    """How pixels are prepared, for ``preprocessor_config.json``."""
    encoder = config.model.encoder
    return {
        "image_processor_type": "VideoMAEImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": min(encoder.height, encoder.width)},
        "resample": 2,
        "do_center_crop": True,
        "crop_size": {"height": encoder.height, "width": encoder.width},
        "do_rescale": True,
        "rescale_factor": _RESCALE,
        "do_normalize": True,
        "image_mean": list(config.mean),
        "image_std": list(config.std),
    }


def read_labels(config: Mapping[str, Any]) -> Sequence[str] | None:
    """Names of the outputs, in order; None if there are none, or those that are made up."""
    labels = config.get("id2label")
    if not isinstance(labels, Mapping):
        return None
    try:
        names = [labels[str(number)] for number in range(len(labels))]
    except KeyError:
        return None
    return None if all(n == f"LABEL_{i}" for i, n in enumerate(names)) else names


def build_labels(card: SavedClassifierConfig) -> dict[str, Any]:
    """Names of the outputs for config.json; numbers of labels where they have none."""
    count, names = card.model.num_classes, card.class_names
    if not count:
        return {}
    names = names or tuple(f"LABEL_{number}" for number in range(count))
    return {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
    }


def check_stated(stated: Mapping[str, Any], expected: Mapping[str, Any], path: Path) -> None:
    """Hold what config.json says against what the weights are.

    Raises:
        CheckpointError: They do not agree.
    """
    wrong = [
        f"{key} {stated[key]!r:.40}, and its weights {value!r:.40}"
        for key, value in expected.items()
        if key in stated and stated[key] != value and (stated[key] or value)
    ]
    if wrong:
        raise CheckpointError(f"{path} is damaged: its config.json says {'; '.join(wrong)}")


def _are_numbers(values: Any) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(type(v) in (int, float) and abs(v) < _TOO_MANY for v in values)
    )
