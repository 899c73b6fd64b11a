"""A model of other software, read or to be written, and what became of every key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from videomae2.base.summary import Summary
from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig
from videomae2.models.weights.formats.architecture import ModelHints

_MAX_SHOWN = 4


@dataclass(kw_only=True, slots=True)
class KeyReport:
    """What became of every key: theirs are used or left out, ours are of theirs or made."""

    format: str
    """What the format is called."""
    used: dict[str, str] = field(default_factory=dict)
    """Their key, and ours."""
    reshaped: dict[str, str] = field(default_factory=dict)
    """Our key, and what was done to its numbers."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What is not taken over, and why."""
    made: dict[str, str] = field(default_factory=dict)
    """What stands in no file, and why it is right."""
    remarks: list[str] = field(default_factory=list)
    """What had to be assumed."""

    @property
    def renamed(self) -> dict[str, str]:
        """Keys with another name here, and theirs here."""
        return {theirs: ours for theirs, ours in self.used.items() if theirs != ours}

    def summarize(self) -> Summary:
        """Say it in a few lines."""
        counts = f"{len(self.used)} used, of them {len(self.renamed)} renamed"
        rows = [("format", self.format), ("keys", counts)]
        for label, entries in (
            ("reshaped", self.reshaped), ("left out", self.left_out), ("made", self.made)
        ):  # fmt: skip
            if entries:
                rows.append((label, "\n".join(_group(entries))))
        if self.remarks:
            rows.append(("remarks", "\n".join(self.remarks)))
        return Summary(tuple(rows))

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {
            "format": self.format,
            "used": self.used,
            "renamed": self.renamed,
            "reshaped": self.reshaped,
            "left_out": self.left_out,
            "made": self.made,
            "remarks": self.remarks,
        }


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


def _group(entries: dict[str, str]) -> list[str]:
    """One line for each reason, with the first keys that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in entries.items():
        by_reason.setdefault(reason, []).append(key)
    return [
        f"{', '.join(keys[:_MAX_SHOWN])}"
        f"{f' and {len(keys) - _MAX_SHOWN} more' if len(keys) > _MAX_SHOWN else ''}: {reason}"
        for reason, keys in by_reason.items()
    ]
