"""A model on disk before its weights are read: what it is, and which of its weights are used."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor

from videomae2.base.provenance import compute_digest
from videomae2.errors import CheckpointError
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import CONFIG_FILE, ModelConfig, SavedClassifierConfig
from videomae2.models.weights.formats.foreign import ForeignModel
from videomae2.models.weights.formats.read import read_foreign
from videomae2.models.weights.head import check_output_names, find_rows_by_name
from videomae2.models.weights.hub.cache import find_snapshot
from videomae2.models.weights.saved import MODEL_FILE, build_matching
from videomae2.tensors.files import load_tensors

BEST_FOLDER = "best"
"""Of a run: the saved model that did best in validation."""
PREVIOUS_BEST_FOLDER = ".best.bak"
"""The one before, for the moment in which the two change places: a kill may leave only this."""
EMA_FILE = "ema.safetensors"
"""Of a saved model: the running means of its weights."""
_BLOCK_BYTES = 1 << 20

C_co = TypeVar("C_co", bound=ModelConfig, covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRef(Generic[C_co]):
    """A saved model, or one of other software, and what was chosen about it."""

    path: Path
    """The folder of a saved model, or the file or folder of other software."""
    config: C_co
    """Of what is used: the outputs of a classifier are those that were selected."""
    reason: str
    """Why it was taken, such as "best by validation"."""
    weights: Literal["ema", "raw"] = "raw"
    """Running means may stand beside the weights, or be all that was saved (its card says so)."""
    clip_size: tuple[int | None, int | None] = (None, None)
    """Frames and side of the clips of foreign weights, where somebody said them."""
    class_names_source: str | None = None
    """Where the names of its outputs come from; None if it says them itself, or nobody does."""
    head_index: tuple[int, ...] | None = None
    """The outputs that are used, in this order; None for all."""
    total_outputs: int = 0
    """Outputs that it has, where only some are used."""
    selection: str = ""
    """What those that are used are called, such as kinetics-400."""
    foreign: ForeignModel | None = field(default=None, repr=False, compare=False)
    """What was read of weights of other software."""

    def __str__(self) -> str:
        if self.foreign is not None:
            return f"{self.path} ({self.reason})"
        kind = "running mean of the weights (EMA)" if self.weights == "ema" else "weights as saved"
        return f"{self.path} ({self.reason}; {kind})"

    @property
    def file(self) -> Path:
        """The file that decides what the weights are."""
        if self.foreign is not None:
            return self.path
        return self.path / (EMA_FILE if self.has_ema_file else MODEL_FILE)

    @property
    def files(self) -> Sequence[Path]:
        """All files that decide what the model is."""
        if self.foreign is not None:
            return self.foreign.files
        means = [self.path / EMA_FILE] if self.has_ema_file else []
        return [self.path / CONFIG_FILE, self.path / MODEL_FILE, *means]

    @property
    def has_ema_file(self) -> bool:
        """Whether the running means are to be read from a file of their own."""
        return self.weights == "ema" and (self.path / EMA_FILE).is_file()

    @property
    def run(self) -> Path | None:
        """The folder of the run that it belongs to; what is foreign or of the hub is of none."""
        is_of_others = self.foreign is not None or find_snapshot(self.path) is not None
        return None if is_of_others else find_run_folder(self.path)

    @property
    def outputs_summary(self: "ModelRef[SavedClassifierConfig]") -> str:
        """How many outputs are used, in words."""
        text = str(self.config.model.num_classes)
        if self.head_index is not None:
            text += f" of its {self.total_outputs}, those of {self.selection}"
        return text

    def load_state(self) -> dict[str, Tensor]:
        """Read the weights under our names, running means laid over them where those are used."""
        if self.foreign is not None:
            # read to tell what it is, and kept for the first who loads it
            foreign = self.foreign
            if not foreign.state:
                foreign = read_foreign(self.path, foreign.hints)
            state = foreign.load_state()
            foreign.state.clear()
            return state
        state = load_tensors(self.path / MODEL_FILE)
        return state | load_tensors(self.path / EMA_FILE) if self.has_ema_file else state

    def compute_digest(self, *, weights_only: bool = False) -> str:
        """Name it in 16 characters: its weights, card, and the names and outputs that were chosen.

        Reads all weights. ``weights_only`` leaves out what others say of its outputs.
        """
        said = repr(self.clip_size) if any(self.clip_size) else ""
        hasher = sha256((self.weights if self.foreign is None else said).encode())
        for path in self.files:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    hasher.update(block)
        digest = hasher.hexdigest()[:16]
        return digest if weights_only else self.combine_digest(digest)

    def combine_digest(self, weights_digest: str) -> str:
        """The digest of all of it, where that of its weights is known."""
        if self.class_names_source is None and self.head_index is None:
            return weights_digest
        names = getattr(self.config, "class_names", None)
        return compute_digest([weights_digest, names, self.head_index])

    def with_class_names(
        self: "ModelRef[SavedClassifierConfig]", names: Sequence[str], *, source: str
    ) -> "ModelRef[SavedClassifierConfig]":
        """Give the outputs of a classifier their names; its own must be the same.

        Raises:
            CheckpointError: If they are others, or more or fewer than it has outputs.
        """
        config = self.config
        check_output_names(
            names, config.model.num_classes, config.class_names, location=str(self.path)
        )
        if config.class_names is not None:
            return self
        named = replace(config, class_names=tuple(names))
        return replace(self, config=named, class_names_source=source)

    def select_classes(
        self: "ModelRef[SavedClassifierConfig]", names: Sequence[str], *, source: str
    ) -> "ModelRef[SavedClassifierConfig]":
        """Use some outputs of a classifier alone, by their names and in their order.

        Probabilities are then shared among these, as if the head had no others.

        Raises:
            CheckpointError: If it lacks some of them, which are named, or it has no names.
        """
        config, scaler = self.config, self.config.target_scaler
        total = config.model.num_classes
        if config.class_names is None:
            raise CheckpointError(f"the outputs of {self.path} have no names to select by")
        rows = find_rows_by_name(
            config.class_names, names, subject=f"{self.path} has {total} outputs, and"
        )
        selected = {"outputs": len(rows), "of": total, "as": source}
        config = replace(
            config,
            model=replace(config.model, num_classes=len(rows)),
            class_names=tuple(names),
            target_scaler=scaler and scaler.select(rows),
            metadata=config.metadata | {"selected": selected},
        )
        return replace(
            self, config=config, head_index=tuple(rows), total_outputs=total, selection=source
        )

    def load(self: "ModelRef[SavedClassifierConfig]", device: torch.device) -> Classifier:
        """Read the weights of a classifier; a ``CheckpointError`` if they do not fit."""
        config = self.config.model
        full_config = replace(config, num_classes=self.total_outputs) if self.head_index else config
        state_dict = self.load_state()
        model = build_matching(lambda: Classifier(full_config), state_dict, self.file)
        if self.head_index:
            index = torch.tensor(self.head_index)
            state_dict |= {name: state_dict[name][index] for name in ("head.weight", "head.bias")}
            model = Classifier(config)
        model.load_state_dict(state_dict)
        return model.to(device).eval()


ClassifierRef = ModelRef[SavedClassifierConfig]


def find_run_folder(model: Path) -> Path:
    """The run that a saved model belongs to; one that belongs to none stands for itself."""
    model = model.absolute()
    if model.name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER):
        return model.parent
    return model.parent.parent if model.parent.name == "checkpoints" else model
