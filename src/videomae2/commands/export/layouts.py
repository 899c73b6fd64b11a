"""A model in a format of other software, and how far its outputs are off once it is read again."""

import logging
import math
from pathlib import Path

import torch
from torch import Tensor

from videomae2.base.files import remove_dir
from videomae2.commands.convert import ConvertConfig, ConvertPlan, convert, prepare_conversion
from videomae2.commands.export.config import ExportConfig
from videomae2.commands.export.graphs import MAX_DIFFERENCE, check_difference
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import VideoEncoder
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.resolve import resolve_checkpoint

_logger = logging.getLogger(__name__)
_CLIPS, _SEED = 2, 1


def prepare_layout(model: Path, out: Path, config: ExportConfig) -> ConvertPlan:
    """Read a model and translate it, as ``convert`` does; raises as that."""
    assert config.to != "onnx"
    assert config.to != "torch"
    return prepare_conversion(
        model,
        out,
        ConvertConfig(
            to=config.to,
            class_names=config.class_names,
            classes=config.classes,
            frames=config.frames,
            side=config.side,
        ),
    )


def write_layout(plan: ConvertPlan) -> float:
    """Write it, and give the largest difference of what it computes of the same cubes.

    Raises:
        CheckpointError: It reads otherwise, or its outputs are off.
    """
    convert(plan)
    encoder = plan.config.model.encoder
    hints = ModelHints()
    if plan.out.is_file():  # which says neither clips nor heads
        hints = ModelHints(
            frames=encoder.frames,
            side=encoder.height,
            num_heads=encoder.shape.num_heads,
            decoder_num_heads=getattr(plan.config.model, "decoder_num_heads", None),
        )
    ref = resolve_checkpoint(plan.out, hints=hints)
    theirs, ours = _build(ref.load_state(), ref.config), _build(dict(plan.state), plan.config)
    cubes = encoder.cubes
    generator = torch.Generator().manual_seed(_SEED)
    values = torch.randn(_CLIPS, cubes.tokens, cubes.values, generator=generator)
    return _judge(_compare(ours, theirs, values), plan)


def _judge(largest: float, plan: ConvertPlan) -> float:
    """Refuse other outputs, and take them with a word where the format has no room for epsilon."""
    reason = plan.written and plan.written.left_out.get("card: layer_norm_eps")
    if reason and MAX_DIFFERENCE < largest < math.inf:
        _logger.warning("%s: outputs differ by %.2g; epsilon is %s", plan.out, largest, reason)
        return largest
    try:
        return check_difference(largest, plan.out.name)
    except CheckpointError:
        remove = remove_dir if plan.out.is_dir() else Path.unlink
        remove(plan.out)
        raise


def _build(state: dict[str, Tensor], card: ModelConfig) -> Classifier | VideoEncoder:
    if isinstance(card, SavedClassifierConfig):
        classifier = Classifier(card.model)
        classifier.load_state_dict(state)
        return classifier.eval()
    autoencoder = Autoencoder(card.model)
    autoencoder.load_state_dict(state)
    return autoencoder.encoder.eval()


@torch.no_grad()
def _compare(
    ours: Classifier | VideoEncoder, theirs: Classifier | VideoEncoder, values: Tensor
) -> float:
    """Scores, or what is there of both: formats of encoders have no head."""
    if isinstance(ours, Classifier) and isinstance(theirs, Classifier):
        difference = ours.forward_features(values) - theirs.forward_features(values)
        if theirs.head is not None:
            difference = ours(values) - theirs(values)
        return float(difference.abs().max())
    tokens = [
        (model.encoder if isinstance(model, Classifier) else model)(values)
        for model in (ours, theirs)
    ]
    return float((tokens[0] - tokens[1]).abs().max())
