"""Weights from any format that is known to one of one's choice, with what became of every key."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from videomae2.base.files import atomic_replace_dir
from videomae2.base.summary import Summary
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.classifier import ClassifierOptions, apply_options
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.foreign import ForeignFiles, KeyReport
from videomae2.models.weights.formats.read import is_foreign
from videomae2.models.weights.formats.write import build_foreign, check_name, write_foreign
from videomae2.models.weights.hub.licence import describe_licence, get_licence
from videomae2.models.weights.model_ref import ModelRef
from videomae2.models.weights.resolve import locate_model, resolve_checkpoint
from videomae2.models.weights.saved import load_saved_state, save_model
from videomae2.tensors.normalization import Normalization

FormatName = Literal["videomae2", "official", "videomaev2-hf", "transformers", "mmaction2", "ava"]
OURS: FormatName = "videomae2"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertConfig(ClassifierOptions):
    """What is written, and what is said of weights that do not say it."""

    to: FormatName = OURS
    """The format: ours, that of the released code (a file), of VideoMAE V2 on the Hugging Face hub
    (a folder), of transformers (a folder), of mmaction2 and OpenTAD (a file), or of detectors on
    AVA (a file)."""
    num_heads: int | None = None
    """Attention heads, at widths of no released model."""
    decoder_num_heads: int | None = None
    """Attention heads of the decoder, likewise."""
    mean: tuple[float, ...] | None = None
    """Mean of each channel, of pixels in [0, 1], where the weights do not say it; ImageNet's if not
    given."""
    std: tuple[float, ...] | None = None
    """Standard deviation of each channel, likewise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertPlan:
    """A model that was read, and how it will be written."""

    ref: ModelRef[ModelConfig]
    config: ModelConfig
    state: Mapping[str, Tensor]
    out: Path
    files: ForeignFiles | None
    """None for our own format."""

    @property
    def read(self) -> KeyReport | None:
        """What became of the keys that were read; None for a model of ours."""
        return self.ref.foreign.report if self.ref.foreign else None

    @property
    def written(self) -> KeyReport | None:
        """What becomes of ours; None for our own format."""
        return self.files.report if self.files else None

    def summarize(self) -> Summary:
        """What was read and what is written, in a few lines."""
        model = self.config.model.encoder
        name = f"{self.config.kind}, {model.size}, clips of {model.clip_dimensions}"
        summary = Summary((("model", f"{self.ref}: {name}"),))
        for report in (self.read, self.written):
            summary += report.summarize() if report else Summary(())
        licence = describe_licence(self.config.metadata)
        return summary + Summary((("licence", licence),) if licence else ())

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {
            "model": str(self.ref.path),
            "kind": self.config.kind,
            "read": self.read.to_dict() if self.read else None,
            "written": self.written.to_dict() if self.written else None,
            "licence": get_licence(self.config.metadata),
            "out": str(self.out),
        }


def prepare_conversion(model: Path, out: Path, config: ConvertConfig) -> ConvertPlan:
    """Read a model and translate it, without writing.

    Raises:
        ConfigError: A choice has no effect.
        CheckpointError: The model cannot be read, or the format cannot hold it.
    """
    if problems := config.find_problems():
        raise ConfigError(problems)
    model = locate_model(model)
    _logger.info("reading  %s", model)
    ref, state = _read(model, config)
    card = replace(ref.config, metadata=_describe_origin(ref))
    files = None if config.to == OURS else build_foreign(state, card, config.to)
    if files is not None:
        check_name(out, files)
    elif out.exists():
        raise CheckpointError(f"{out} is there already; choose another name, or delete it")
    return ConvertPlan(ref=ref, config=card, state=state, out=out, files=files)


def convert(plan: ConvertPlan) -> None:
    """Write what was planned, read it back and compare it.

    Raises:
        CheckpointError: It reads otherwise.
        OSError: It cannot be written.
    """
    _logger.info("writing  %s, and reading it back", plan.out)
    if plan.files is not None:
        write_foreign(plan.out, plan.files, plan.state, plan.config)
        return

    def write(folder: Path) -> None:
        save_model(folder, plan.state, plan.config)
        again = load_saved_state(folder)
        if any(not torch.equal(again[name], value) for name, value in plan.state.items()):
            raise CheckpointError("what was written reads otherwise: please report it")

    plan.out.parent.mkdir(parents=True, exist_ok=True)
    atomic_replace_dir(plan.out, write)


def _read(model: Path, config: ConvertConfig) -> tuple[ModelRef[ModelConfig], dict[str, Tensor]]:
    hints = _collect_hints(config)
    if hints != ModelHints() and not is_foreign(model):
        raise ConfigError(
            f"{model} says itself what it is: --frames, --side, --num-heads, --decoder-num-heads, "
            "--mean and --std have no effect; leave them out"
        )
    ref = resolve_checkpoint(model, config.weights, hints)
    if not isinstance(ref.config, SavedClassifierConfig):
        if config.class_names or config.classes:
            raise ConfigError(f"{model} has no head, so names of its outputs have no effect")
        return ref, ref.load_state()
    classifier = apply_options(ref, config)  # type: ignore[arg-type]
    return classifier, classifier.load(torch.device("cpu")).state_dict()


def _collect_hints(config: ConvertConfig) -> ModelHints:
    if (config.mean is None) != (config.std is None):
        raise ConfigError("--mean and --std go together; give both")
    pixels = None
    if config.mean is not None and config.std is not None:
        pixels = Normalization(mean=config.mean, std=config.std)
    return ModelHints(
        frames=config.frames,
        side=config.side,
        num_heads=config.num_heads,
        decoder_num_heads=config.decoder_num_heads,
        normalization=pixels,
    )


def _describe_origin(ref: ModelRef[ModelConfig]) -> dict[str, object]:
    """What was known of the model, and which files it was read from."""
    metadata = dict(ref.config.metadata)
    if ref.foreign is not None:
        metadata["converted_from"] = {"path": str(ref.path), "format": ref.foreign.report.format}
    return metadata
