"""VideoMAE and VideoMAE V2 as released: pre-training with its decoder, classifiers, backbones.

Files hold the weights under ``model`` or ``module``, or plain; with or without a prefix.

Source: models/modeling_pretrain.py and models/modeling_finetune.py of the released code.
"""

from collections.abc import Mapping

from torch import Tensor

from videomae2.models.weights.config_json import ModelConfig, SavedAutoencoderConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.architecture import ModelHints, Shapes, infer_config
from videomae2.models.weights.formats.dropped import note_dropped, with_known_names
from videomae2.models.weights.formats.foreign import ForeignFiles, ForeignModel, KeyReport
from videomae2.models.weights.formats.names import NameTable, split_root
from videomae2.models.weights.formats.translate import from_ours as translate_from_ours
from videomae2.models.weights.formats.translate import to_ours as translate_to_ours

NAME = "official"
TITLE = "released file"
PATCH_EMBED = "patch_embed.proj.weight"
PRETRAINING = NameTable(
    tops={
        part: part
        for part in (
            "mask_token",
            "encoder.patch_embed.proj",
            "encoder.blocks",
            "encoder.norm",
            "decoder.blocks",
            "decoder.norm",
            "decoder.head",
            "encoder_to_decoder",
        )
    }
)
CLASSIFIER = NameTable(
    tops={
        "encoder.patch_embed.proj": "patch_embed.proj",
        "encoder.blocks": "blocks",
        "encoder.norm": "norm",
        "fc_norm": "fc_norm",
        "head": "head",
    }
)


def detect(source: Source) -> bool:
    """Whether a patch embedding has the released name."""
    return any(name == PATCH_EMBED or name.endswith(f".{PATCH_EMBED}") for name in source.tensors)


def to_ours(source: Source, hints: ModelHints) -> ForeignModel:
    """Read a released file of any kind; raises a ``CheckpointError`` for what is not explained."""
    report = KeyReport(format=TITLE, left_out=dict(source.left_out))
    tensors, table = find_names(source)
    config = infer_config(find_shapes(tensors, table, source), hints)
    config = with_known_names(config, source, report)
    state = translate_to_ours(tensors, table, config, source, report, explain)
    return ForeignModel(
        path=source.path, files=source.files, config=config, says_clips=False, report=report,
        state=state,
    )  # fmt: skip


def from_ours(state: Mapping[str, Tensor], config: ModelConfig) -> ForeignFiles:
    """Give a model its released names; what the released code cannot compute is refused."""
    report = KeyReport(format=NAME)
    meta = note_dropped(config, report, holds=("cosine_attention", "init_values"))
    table = PRETRAINING if isinstance(config, SavedAutoencoderConfig) else CLASSIFIER
    tensors = translate_from_ours(state, table, config.model.encoder.cubes, report)
    return ForeignFiles(tensors=tensors, report=report, key="model", meta=meta)


def find_names(source: Source) -> tuple[dict[str, Tensor], NameTable]:
    """Tensors under names without a prefix, and whether they are of pre-training."""
    root, names = split_root(source.tensors, PATCH_EMBED, source.path)
    outer = root.removesuffix("encoder.")
    decoders = [f"{outer}{part}" for part in ("mask_token", "decoder.", "encoder_to_decoder.")]
    if root.endswith("encoder.") and any(n.startswith(tuple(decoders)) for n in source.tensors):
        tensors = {name.removeprefix(outer): value for name, value in source.tensors.items()}
        return tensors, PRETRAINING
    return {names[name]: value for name, value in source.tensors.items()}, CLASSIFIER


def find_shapes(tensors: Mapping[str, Tensor], table: NameTable, source: Source) -> Shapes:
    """The tensors that have a name here."""
    named = ((table.to_ours(name), value) for name, value in tensors.items())
    return Shapes(tensors={name: value for name, value in named if name}, path=source.path)


def explain(name: str) -> str | None:
    """A norm of every token goes unused where another comes after the pooling."""
    if name in ("norm.weight", "norm.bias"):
        return "the norm of every token, where fc_norm comes after the pooling"
    return None
