"""Backbones of detection on AVA: released names, a norm of every token, a head that reads boxes.

AlphAction's head of 80 actions reads boxes of people, not clips, so it is left out. A classifier
with the released ``--use_cls`` has the same names; only the number of outputs tells them apart.

Source: modeling_finetune.py of MCG-NJU/VideoMAE-Action-Detection.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats import official
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.dropped import drop_decoder, note_dropped
from videomae2.models.weights.formats.foreign import ForeignFiles, ForeignModel, KeyReport
from videomae2.models.weights.formats.translate import from_ours as translate_from_ours
from videomae2.tensors.normalization import Normalization

NAME = "ava"
TITLE = "AVA detector"
_ACTIONS = 80
_MEAN, _STD = (122.7717, 115.9465, 102.9801), 57.375
"""Of pixels from 0 to 255, in the code of AVA."""
NORMALIZATION = Normalization(mean=tuple(v / 255 for v in _MEAN), std=(_STD / 255,) * 3)


def detect(source: Source) -> bool:
    """Whether released names have a norm of every token and a head of 80 actions."""
    names = {name.rpartition("head.")[2]: name for name in source.tensors if "head." in name}
    if not official.detect(source) or "weight" not in names:
        return False
    has_norm = any(
        name == "norm.weight" or name.endswith(".norm.weight") for name in source.tensors
    )
    has_fc_norm = any(name.endswith("fc_norm.weight") for name in source.tensors)
    return has_norm and not has_fc_norm and len(source.tensors[names["weight"]]) == _ACTIONS


def to_ours(source: Source, hints: ModelHints) -> ForeignModel:
    """Read the encoder; raises a ``CheckpointError`` for what is not explained."""
    heads = {name for name in source.tensors if name.endswith(("head.weight", "head.bias"))}
    kept = {name: value for name, value in source.tensors.items() if name not in heads}
    if hints.normalization is None:
        hints = replace(hints, normalization=NORMALIZATION)
    model = official.to_ours(replace(source, tensors=kept), hints)
    model.report.format = TITLE
    model.report.left_out |= dict.fromkeys(
        (source.names.get(name, name) for name in sorted(heads)),
        "a head that reads boxes, not clips",
    )
    return model


def from_ours(state: Mapping[str, Tensor], config: ModelConfig) -> ForeignFiles:
    """Write an encoder with the norm of every token, without head.

    Raises:
        CheckpointError: It has none: its norm comes after the pooling.
    """
    report = KeyReport(format=NAME)
    state, card = drop_decoder(state, config, report)
    if "encoder.norm.weight" not in state:
        raise CheckpointError(
            f"{NAME} needs a norm of every token, and this model has its norm behind the pooling; "
            "the pre-trained model that it started from has one"
        )
    state = {name: value for name, value in state.items() if not name.startswith("head.")}
    meta = note_dropped(card, report, holds=("init_values",))
    tensors = translate_from_ours(state, official.CLASSIFIER, card.model.encoder.cubes, report)
    return ForeignFiles(tensors=tensors, report=report, key="model", meta=meta)
