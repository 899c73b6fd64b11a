"""Which weights of a run are used: its best model by validation, running means where there are."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.cards import CARD_FILE, read_card
from videomae2.models.saved import MODEL_FILE, STUDENTS, find_model, read_weights

BEST_FOLDER = "best"
"""Of a run: the saved model that did best in validation."""
BEFORE_BEST = ".best.old"
"""The one before, for the moment in which the two change places: a kill may leave only this."""
MEAN_FILE = "ema.safetensors"
"""Of a saved model: the running means of its weights."""

ADAPTERS_FILE = "adapters.safetensors"
"""Of a checkpoint: adapters that its weights hold merged, to go on training them."""

Weights = Literal["auto", "ema", "raw"]
"""The running means (EMA), the weights themselves, or the means where there are some."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A saved model, which of its weights are used, and why it was taken."""

    folder: Path
    weights: Literal["ema", "raw"]
    """Running means may stand beside the weights, or be all that was saved (its card says so)."""
    why: str
    """Such as "best by validation"."""

    def __str__(self) -> str:
        kind = "running mean of the weights (EMA)" if self.weights == "ema" else "weights as saved"
        return f"{self.folder} ({self.why}; {kind})"

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder

    @property
    def file(self) -> Path:
        """The file that decides what the weights are."""
        return self.folder / (MEAN_FILE if self.beside else MODEL_FILE)

    @property
    def run(self) -> Path | None:
        """The folder of the run that it belongs to."""
        return run_folder(self.folder)

    @property
    def beside(self) -> bool:
        """Whether the running means are to be read from a file of their own."""
        return self.weights == "ema" and (self.folder / MEAN_FILE).is_file()

    def weights_read(self) -> dict[str, Tensor]:
        """Read the weights under our names, running means laid over them where those are used.

        Raises:
            CheckpointError: If they cannot be read.
        """
        found = read_weights(self.folder)
        if not self.beside:
            return found
        try:
            return found | load_file(self.folder / MEAN_FILE)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"cannot read {self.folder / MEAN_FILE}: {error}") from error

    def digest(self) -> str:
        """Name card and weights in 16 characters: other models have others."""
        content = sha256(self.weights.encode())
        for name in (CARD_FILE, MODEL_FILE, *([MEAN_FILE] if self.beside else [])):
            with (self.folder / name).open("rb") as file:
                while block := file.read(1 << 20):
                    content.update(block)
        return content.hexdigest()[:16]


def find_best(path: Path, weights: Weights = "auto") -> Chosen:
    """Choose the model of a run that is to be used or judged.

    Args:
        path: A run folder: its ``best`` if there is one, else its newest checkpoint, else its only
            student; or the folder of a saved model, which is taken as it is.
        weights: Which of its weights.

    Raises:
        CheckpointError: There is no model, or it has not the weights that are wanted.
    """
    if (path / CARD_FILE).is_file():
        folder, why = path, "as named"
    elif saved := [
        name for name in (BEST_FOLDER, BEFORE_BEST) if (path / name / CARD_FILE).is_file()
    ]:
        folder, why = path / saved[0], "best by validation"
    else:
        folder = find_model(path)
        why = _of_student(folder) if folder.parent.name == STUDENTS else "newest checkpoint"
    return Chosen(folder, _kind(folder, weights), why)


def _of_student(folder: Path) -> str:
    """Why a student is as it is: where nothing was held out it is that of the last step."""
    judged = "validation" in read_card(folder).notes
    return f"the only student, {'best by validation' if judged else 'as of its last step'}"


def _kind(folder: Path, weights: Weights) -> Literal["ema", "raw"]:
    if read_card(folder).notes.get("ema") is True:
        if weights == "raw":
            raise CheckpointError(
                f"{folder} holds running means only; leave --weights raw out, or name a checkpoint"
            )
        return "ema"
    # means of adapters cannot be laid over weights that they are merged into
    there = (folder / MEAN_FILE).is_file() and not (folder / ADAPTERS_FILE).is_file()
    if weights == "ema" and not there:
        raise CheckpointError(f"{folder} has no {MEAN_FILE} to use; leave --weights ema out")
    return "ema" if there and weights != "raw" else "raw"


def run_folder(model: Path) -> Path:
    """The run that a saved model belongs to; one that belongs to none stands for itself.

    A student in a folder of its own, or in a checkpoint, belongs to the run that taught it: its
    folder is replaced while that goes on, with all that others put there.
    """
    model = model.absolute()
    if model.name in (BEST_FOLDER, BEFORE_BEST):
        return model.parent
    if model.parent.name in ("checkpoints", STUDENTS):
        return model.parent.parent
    steps = model.parent
    if steps.parent.name == "checkpoints" and steps.name.startswith("step-"):
        return steps.parent.parent
    return model
