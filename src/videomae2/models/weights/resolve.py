"""Which weights of a run are used: its best model by validation, running means where there are."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    SavedAutoencoderConfig,
    load_model_config,
    load_model_config_of,
)
from videomae2.models.weights.saved import MODEL_FILE, load_saved_state, load_weights

_CHECKPOINT_PATTERN = re.compile(r"step-(\d+)")


def load_autoencoder(
    path: Path, device: torch.device
) -> tuple[Autoencoder, SavedAutoencoderConfig]:
    """Read a model.

    Args:
        path: A folder of a saved model, or a run folder, of which the newest checkpoint is taken.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or it does not fit its card.
    """
    folder = find_saved_model(path)
    config = load_model_config_of(SavedAutoencoderConfig, folder)
    try:
        model = Autoencoder(config.model)
    except ValueError as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no model: {error}") from error
    load_weights(model, folder)
    return model.to(device).eval(), config


def find_saved_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, or the newest checkpoint of a run.

    Raises:
        CheckpointError: If the path holds none.
    """
    if (path / CONFIG_FILE).is_file():
        return path
    checkpoints = {
        int(match[1]): folder
        for folder in (path / "checkpoints").glob("step-*")
        if (match := _CHECKPOINT_PATTERN.fullmatch(folder.name))
        and (folder / CONFIG_FILE).is_file()
    }
    if checkpoints:
        return checkpoints[max(checkpoints)]
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; give a run folder or one of its checkpoints")
    reason = "holds neither a model nor checkpoints" if path.is_dir() else "is a file"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


BEST_FOLDER = "best"
"""Of a run: the saved model that did best in validation."""


PREVIOUS_BEST_FOLDER = ".best.bak"
"""The one before, for the moment in which the two change places: a kill may leave only this."""


EMA_FILE = "ema.safetensors"
"""Of a saved model: the running means of its weights."""


ADAPTERS_FILE = "adapters.safetensors"
"""Of a checkpoint: adapters that its weights hold merged, to go on training them."""


WeightsChoice = Literal["auto", "ema", "raw"]
"""The running means (EMA), the weights themselves, or the means where there are some."""


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A saved model, which of its weights are used, and why it was taken."""

    folder: Path
    weights: Literal["ema", "raw"]
    """Running means may stand beside the weights, or be all that was saved (its card says so)."""
    reason: str
    """Such as "best by validation"."""

    def __str__(self) -> str:
        kind = "running mean of the weights (EMA)" if self.weights == "ema" else "weights as saved"
        return f"{self.folder} ({self.reason}; {kind})"

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder

    @property
    def file(self) -> Path:
        """The file that decides what the weights are."""
        return self.folder / (EMA_FILE if self.has_ema_file else MODEL_FILE)

    @property
    def run(self) -> Path | None:
        """The folder of the run that it belongs to."""
        return find_run_folder(self.folder)

    @property
    def has_ema_file(self) -> bool:
        """Whether the running means are to be read from a file of their own."""
        return self.weights == "ema" and (self.folder / EMA_FILE).is_file()

    def load_state(self) -> dict[str, Tensor]:
        """Read the weights under our names, running means laid over them where those are used.

        Raises:
            CheckpointError: If they cannot be read.
        """
        state_dict = load_saved_state(self.folder)
        if not self.has_ema_file:
            return state_dict
        try:
            return state_dict | load_file(self.folder / EMA_FILE)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"cannot read {self.folder / EMA_FILE}: {error}") from error

    def compute_digest(self) -> str:
        """Name card and weights in 16 characters: other models have others."""
        hasher = sha256(self.weights.encode())
        for name in (CONFIG_FILE, MODEL_FILE, *([EMA_FILE] if self.has_ema_file else [])):
            with (self.folder / name).open("rb") as file:
                while block := file.read(1 << 20):
                    hasher.update(block)
        return hasher.hexdigest()[:16]


def resolve_checkpoint(path: Path, weights: WeightsChoice = "auto") -> CheckpointRef:
    """Choose the model of a run that is to be used or judged.

    Args:
        path: A run folder: its ``best`` if there is one, else its newest checkpoint; or the folder
            of a saved model, which is taken as it is.
        weights: Which of its weights.

    Raises:
        CheckpointError: There is no model, or it has not the weights that are wanted.
    """
    if (path / CONFIG_FILE).is_file():
        folder, reason = path, "as named"
    elif folders := [
        name
        for name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER)
        if (path / name / CONFIG_FILE).is_file()
    ]:
        folder, reason = path / folders[0], "best by validation"
    else:
        folder, reason = find_saved_model(path), "newest checkpoint"
    return CheckpointRef(folder, _resolve_weights(folder, weights), reason)


def _resolve_weights(folder: Path, weights: WeightsChoice) -> Literal["ema", "raw"]:
    if load_model_config(folder).metadata.get("ema") is True:
        if weights == "raw":
            raise CheckpointError(
                f"{folder} holds running means only; leave --weights raw out, or name a checkpoint"
            )
        return "ema"
    # means of adapters cannot be laid over weights that they are merged into
    has_ema = (folder / EMA_FILE).is_file() and not (folder / ADAPTERS_FILE).is_file()
    if weights == "ema" and not has_ema:
        raise CheckpointError(f"{folder} has no {EMA_FILE} to use; leave --weights ema out")
    return "ema" if has_ema and weights != "raw" else "raw"


def find_run_folder(model: Path) -> Path:
    """The run that a saved model belongs to; one that belongs to none stands for itself."""
    model = model.absolute()
    if model.name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER):
        return model.parent
    return model.parent.parent if model.parent.name == "checkpoints" else model
