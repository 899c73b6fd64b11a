"""The card of a saved model: what is needed to build it again and to judge where it comes from."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from videomae2.base.files import atomic_write_text
from videomae2.base.json_files import read_json
from videomae2.base.names import dump_json
from videomae2.base.ranges import BITS, find_out_of_range
from videomae2.base.schema import from_dict, repr_value
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.task_type import TaskType
from videomae2.models.weights.head import TargetScaler
from videomae2.tensors.normalization import Normalization

FORMAT_VERSION = 1
CONFIG_FILE = "config.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameSampling:
    """Which frames of a video made a clip in training, and so should when the model is used."""

    kind: Literal["strided", "tsn", "whole"] = "strided"
    """A window of equal steps (training took it strided or dense), one frame of each equal part of
    the whole video, or frames at even distances over it."""
    frame_interval: float = 4.0
    """Distance between the frames of a strided clip."""
    interval_unit: Literal["frames", "seconds", "per-second"] = "frames"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedAutoencoderConfig(Normalization):
    """What is known about a saved autoencoder."""

    kind: ClassVar[str] = "autoencoder"

    model: AutoencoderConfig
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of each channel: what the input is normalised with."""
    frame_sampling: FrameSampling | None = None
    """Which frames make a clip; None if its sources took them differently."""
    bits: Annotated[int | None, BITS] = None
    """Bits that were used of images and arrays of 16; None if there were none, or several."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Step, masking, parents, licence and what else is worth keeping; what JSON has words for."""

    def __post_init__(self) -> None:
        _check_channels(self.mean, self.std, self.model.encoder.channels)


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedClassifierConfig(Normalization):
    """What is known about a saved classifier."""

    kind: ClassVar[str] = "classifier"

    model: ClassifierConfig
    class_names: tuple[str, ...] | None = None
    """The name of each output, in order; None if it has no head or they are not known."""
    task_type: TaskType = "multiclass"
    frame_sampling: FrameSampling | None = None
    """Which frames make a clip; None if it is not known, as for released weights."""
    bits: Annotated[int | None, BITS] = None
    """Bits that were used of images and arrays of 16; None if there were none, or several."""
    target_scaler: TargetScaler | None = None
    """What the outputs are counted in where they are numbers; None: the units of the data."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of each channel: what the input is normalised with."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Step, sampling, parents, licence and what else is worth keeping; what JSON has words for."""

    def __post_init__(self) -> None:
        _check_channels(self.mean, self.std, self.model.encoder.channels)
        names, outputs, scaler = self.class_names, self.model.num_classes, self.target_scaler
        if names is not None and len(names) != outputs:
            raise ValueError(
                f"there are {len(names)} names of classes, the model has {outputs} outputs"
            )
        if names is not None and len(set(names)) != len(names):
            duplicate = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the name '{duplicate}' stands for more than one class")
        if scaler and (self.task_type != "regression" or len(scaler.mean) != outputs):
            raise ValueError(
                f"there is a scale of {len(scaler.mean)} numbers, but the model has {outputs} "
                f"outputs of task_type '{self.task_type}'"
            )


ModelConfig = SavedAutoencoderConfig | SavedClassifierConfig
C = TypeVar("C", SavedAutoencoderConfig, SavedClassifierConfig)
MODEL_KINDS: dict[str, type[ModelConfig]] = {
    kind.kind: kind for kind in (SavedAutoencoderConfig, SavedClassifierConfig)
}


def save_model_config(folder: Path, config: ModelConfig) -> None:
    """Write a card whole or not at all."""
    entry = {"format": FORMAT_VERSION, "kind": config.kind, **asdict(config)}
    text = dump_json(entry, indent=1)
    atomic_write_text(folder / CONFIG_FILE, text + "\n")


def load_model_config(folder: Path) -> ModelConfig:
    """Read the card of a saved model of any kind.

    Raises:
        CheckpointError: If it cannot be read, is of another format, or has settings that are not
            known, missing or of the wrong kind.
    """
    path = folder / CONFIG_FILE
    try:
        entry = read_json(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"cannot read {path}: it does not exist") from error
    except ValueError as error:
        raise CheckpointError(f"cannot read {path}: it {error}") from error
    if not isinstance(entry, dict):
        raise CheckpointError(f"{path} is no card: want an object, found {type(entry).__name__}")
    version, kind = entry.pop("format", None), entry.pop("kind", None)
    if version != FORMAT_VERSION or not isinstance(kind, str) or kind not in MODEL_KINDS:
        raise CheckpointError(
            f"{path} is of format {repr_value(version)}, kind {repr_value(kind)}; this version "
            f"reads format "
            f"{FORMAT_VERSION}, kinds {', '.join(MODEL_KINDS)}"
        )
    config = from_dict(MODEL_KINDS[kind], entry, path)
    problems = [
        f"{name} is {' '.join(map(str, numbers))}, wanted {allowed.description}"
        for name, numbers, allowed in find_out_of_range(config)
    ]
    if problems:
        raise CheckpointError(f"{path}: {'; '.join(problems)}")
    return config


def load_model_config_of(kind: type[C], folder: Path) -> C:
    """Read the card of a saved model that must be of one kind; raises as ``load_model_config``."""
    return check_kind(load_model_config(folder), kind, folder)


def check_kind(config: ModelConfig, kind: type[C], folder: Path) -> C:
    """A card that must be of one kind; a ``CheckpointError`` if it is of the other."""
    if not isinstance(config, kind):
        article = "an" if config.kind[0] in "aeiou" else "a"
        raise CheckpointError(
            f"{folder} holds {article} {config.kind}, not the {kind.kind} that is wanted"
        )
    return config


def _check_channels(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    if not len(mean) == len(std) == channels:
        raise ValueError(
            f"mean and std have {len(mean)} and {len(std)} values, the model reads {channels} "
            f"channels"
        )
    if min(std, default=1.0) <= 0:
        raise ValueError("std has a value that is not above 0")
