"""mmaction2: ``backbone.`` and ``cls_head.`` under ``state_dict``; the backbones of OpenTAD, too.

OpenTAD's detectors carry such a backbone deeper inside, and what finds the actions beside it.

Source: models/backbones/vit_mae.py of mmaction2; opentad/models/backbones of OpenTAD.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.architecture import ModelHints, infer_config
from videomae2.models.weights.formats.dropped import drop_decoder, note_dropped, with_known_names
from videomae2.models.weights.formats.foreign import ForeignFiles, ForeignModel, KeyReport
from videomae2.models.weights.formats.names import NameTable, split_root
from videomae2.models.weights.formats.official import find_shapes
from videomae2.models.weights.formats.translate import from_ours as translate_from_ours
from videomae2.models.weights.formats.translate import to_ours as translate_to_ours

NAME = "mmaction2"
TITLE = "mmaction2"
_PATCH_EMBED = "patch_embed.projection.weight"
BARE = NameTable(
    tops={
        "encoder.patch_embed.proj": "patch_embed.projection",
        "encoder.blocks": "blocks",
        "encoder.norm": "norm",
        "fc_norm": "fc_norm",
    },
    inners={"mlp.fc1": "mlp.layers.0.0", "mlp.fc2": "mlp.layers.1"},
)
RECOGNIZER = replace(
    BARE,
    tops={ours: f"backbone.{theirs}" for ours, theirs in BARE.tops.items()}
    | {"head": "cls_head.fc_cls"},
)
_DETECTORS = ("projection.", "neck.", "rpn_head.", "roi_head.", "head.", "transformer.")
"""Parts of detectors beside a backbone, of OpenTAD and of mmaction2 itself."""


def detect(source: Source) -> bool:
    """Whether a patch embedding has the name that MMCV gives it."""
    return any(n == _PATCH_EMBED or n.endswith(f".{_PATCH_EMBED}") for n in source.tensors)


def to_ours(source: Source, hints: ModelHints) -> ForeignModel:
    """Read a file; raises a ``CheckpointError`` for what is not explained."""
    report = KeyReport(format=TITLE, left_out=dict(source.left_out))
    root, names = split_root(source.tensors, _PATCH_EMBED, source.path)
    adapters = [name for name in source.tensors if ".adapter." in name]
    if adapters:
        raise CheckpointError(
            f"{source.path} has adapters in its blocks ({adapters[0]}), which models here have "
            "not: take the backbone that it was trained from"
        )
    outer = root.removesuffix("backbone.")
    if root.endswith("backbone."):
        tensors = {name.removeprefix(outer): value for name, value in source.tensors.items()}
        table = RECOGNIZER
    else:
        tensors, table = {names[n]: value for n, value in source.tensors.items()}, BARE
    config = infer_config(find_shapes(tensors, table, source), hints)
    config = with_known_names(config, source, report)
    state = translate_to_ours(tensors, table, config, source, report, explain)
    return ForeignModel(
        path=source.path, files=source.files, config=config, says_clips=False, report=report,
        state=state,
    )  # fmt: skip


def from_ours(state: Mapping[str, Tensor], config: ModelConfig) -> ForeignFiles:
    """Write an encoder with its head; classes go where mmaction2 looks for them."""
    report = KeyReport(format=NAME)
    state, card = drop_decoder(state, config, report)
    meta = note_dropped(card, report, holds=("init_values",))
    if card.class_names is not None:
        meta = {**meta, "dataset_meta": {"classes": list(card.class_names)}}
    tensors = translate_from_ours(state, RECOGNIZER, card.model.encoder.cubes, report)
    return ForeignFiles(tensors=tensors, report=report, key="state_dict", meta=meta)


def explain(name: str) -> str | None:
    """Say what stands beside a backbone."""
    parts = name.removeprefix("module.")
    if parts.startswith(_DETECTORS):
        return "a part of a detector, not of its backbone"
    if parts.startswith("data_preprocessor."):
        return "how pixels are normalised there, as ImageNet's"
    return None
