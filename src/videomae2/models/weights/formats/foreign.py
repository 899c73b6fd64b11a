"""A model that was read from a format of other software, or is to be written in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.report import KeyReport


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignModel:
    """Weights of other software under our names, and all that is known of the model."""

    path: Path
    """The file or folder, as it was named."""
    files: Sequence[Path]
    """All files that decide what the model is."""
    config: ModelConfig
    """Our card."""
    says_clips: bool
    """Whether it says itself of which clips it is; else 16 frames of 224 pixels are assumed."""
    report: KeyReport
    state: dict[str, Tensor] = field(repr=False)
    """In the precision of the file, mapped from it as far as possible."""
    hints: ModelHints = field(default_factory=ModelHints)
    """What was said about it."""

    def load_state(self) -> dict[str, Tensor]:
        """Its weights in float32.

        Raises:
            CheckpointError: A number is not finite.
        """
        state = {name: value.float() for name, value in self.state.items()}
        for name, value in state.items():
            if value.device.type != "meta" and not value.isfinite().all():
                count = int((~value.isfinite()).sum())
                raise CheckpointError(
                    f"{self.path} is damaged: {count:,} numbers of {name} are not finite; fetch it "
                    "again, or take an earlier checkpoint"
                )
        return state


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignFiles:
    """A model in a format of other software, before it is written."""

    tensors: Mapping[str, Tensor]
    report: KeyReport
    """What became of our weights, and what of our card the format cannot hold."""
    json_files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Files of a folder, by name; none for a format of one file."""
    key: str | None = None
    """Of a file of PyTorch: where the weights are."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Of a file of PyTorch: what stands beside them."""
