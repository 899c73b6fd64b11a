"""VideoMAE of transformers: VideoMAEModel, ForPreTraining and ForVideoClassification.

Query, key and value are three matrices there. Biases are ``q_bias`` and ``v_bias`` (version 4, and
what version 5 writes into files), or those of ``query`` and ``value`` (the modules of version 5);
version 5 may leave the first kind out when it loads, in silence. LayerNorm adds 1e-12 to the
variance, but 1e-5 behind the pooling and at the end of the decoder.

Source: models/videomae/modeling_videomae.py of transformers 4.46 and 5.23.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.layers import LAYER_NORM_EPSILON
from videomae2.models.weights.config_json import (
    ModelConfig,
    SavedClassifierConfig,
)
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.architecture import ModelHints, infer_config
from videomae2.models.weights.formats.dropped import note_dropped
from videomae2.models.weights.formats.foreign import ForeignFiles, ForeignModel, KeyReport
from videomae2.models.weights.formats.hf_json import (
    PROCESSOR_FILE,
    build_processor,
    get_count,
    get_epsilon,
    read_normalization,
)
from videomae2.models.weights.formats.names import NameTable, split_root
from videomae2.models.weights.formats.official import find_shapes
from videomae2.models.weights.formats.transformers_json import (
    apply_config,
    build_config,
    get_sides,
)
from videomae2.models.weights.formats.translate import from_ours as translate_from_ours
from videomae2.models.weights.formats.translate import to_ours as translate_to_ours

NAME = "transformers"
TITLE = "transformers' VideoMAE"
_PATCH_EMBED = "embeddings.patch_embeddings.projection.weight"
_EPS, _LAST_EPS = 1e-12, 1e-5
"""Of LayerNorm by default, and always behind the pooling and at the end of the decoder."""
_ATTENTION = "attention.attention"
BARE = NameTable(
    tops={
        "encoder.patch_embed.proj": "embeddings.patch_embeddings.projection",
        "encoder.blocks": "encoder.layer",
        "encoder.norm": "layernorm",
    },
    inners={
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.q_bias": f"{_ATTENTION}.q_bias",
        "attn.v_bias": f"{_ATTENTION}.v_bias",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    },
    alternatives={
        "attn.q_bias": f"{_ATTENTION}.query.bias",
        "attn.v_bias": f"{_ATTENTION}.value.bias",
    },
    splits={
        "attn.qkv.weight": (
            f"{_ATTENTION}.query.weight", f"{_ATTENTION}.key.weight", f"{_ATTENTION}.value.weight"
        )
    },
)  # fmt: skip
WITH_HEAD = replace(
    BARE,
    tops={ours: f"videomae.{theirs}" for ours, theirs in BARE.tops.items()}
    | {
        "fc_norm": "fc_norm",
        "head": "classifier",
        "mask_token": "mask_token",
        "encoder_to_decoder": "encoder_to_decoder",
        "decoder.blocks": "decoder.decoder_layers",
        "decoder.norm": "decoder.norm",
        "decoder.head": "decoder.head",
    },
)


def detect(source: Source) -> bool:
    """Whether a patch embedding has transformers' name."""
    return any(n == _PATCH_EMBED or n.endswith(f".{_PATCH_EMBED}") for n in source.tensors)


def to_ours(source: Source, hints: ModelHints) -> ForeignModel:
    """Read a file or folder; raises a ``CheckpointError`` for what is not explained."""
    report = KeyReport(format=TITLE, left_out=dict(source.left_out))
    stated = source.config
    if stated.get("model_type", "videomae") != "videomae":
        raise CheckpointError(
            f"{source.path} is a model of transformers of the kind {stated['model_type']!s:.40}, "
            "not videomae"
        )
    if not stated:
        report.remarks.append(
            f"no config.json beside it: LayerNorm is taken to add {_EPS:g}, as usual there"
        )
    tensors, table = _find_names(source)
    shapes = find_shapes(tensors, table, source)
    is_pretraining = "mask_token" in shapes.tensors
    eps = get_epsilon(stated, _EPS, source.path)
    has_last_norm = is_pretraining or "fc_norm.weight" in shapes.tensors
    config = infer_config(
        shapes,
        _complete_hints(source, hints, report),
        layer_norm_eps=None if eps == LAYER_NORM_EPSILON else eps,
        last_norm_eps=_LAST_EPS if has_last_norm and eps != _LAST_EPS else None,
    )
    config = apply_config(config, source, report)
    state = translate_to_ours(
        tensors, table, config, source, report,
        has_biases=stated.get("qv_bias", stated.get("qkv_bias")) is not False,
    )  # fmt: skip
    return ForeignModel(
        path=source.path, files=source.files, config=config, says_clips=bool(stated),
        report=report, state=state,
    )  # fmt: skip


def from_ours(state: Mapping[str, Tensor], config: ModelConfig) -> ForeignFiles:
    """Write a folder as ``save_pretrained`` does, its weights in the layout of both versions."""
    report = KeyReport(format=NAME)
    encoder = config.model.encoder
    is_bare = isinstance(config, SavedClassifierConfig) and not config.model.num_classes
    has_pooling_norm = "fc_norm.weight" in state
    if is_bare and has_pooling_norm:  # a norm behind the pooling has its place in a classifier only
        report.remarks.append("written as a classifier without outputs, which keeps its fc_norm")
        is_bare = False
    last = encoder.norm_eps[1] if is_bare else _LAST_EPS
    last = _LAST_EPS if has_pooling_norm or not isinstance(config, SavedClassifierConfig) else last
    meta = note_dropped(
        config, report, eps=(encoder.norm_eps[0], last),
        holds=("clips", "normalization", "class_names", "no_norm"),
    )  # fmt: skip
    table = BARE if is_bare else WITH_HEAD
    return ForeignFiles(
        tensors=translate_from_ours(state, table, encoder.cubes, report),
        report=report,
        json_files={
            "config.json": build_config(config, is_bare=is_bare),
            PROCESSOR_FILE: build_processor(config),
        },
        meta=meta,
    )


def _find_names(source: Source) -> tuple[dict[str, Tensor], NameTable]:
    root, names = split_root(source.tensors, _PATCH_EMBED, source.path)
    if not root.endswith("videomae."):
        return {names[name]: value for name, value in source.tensors.items()}, BARE
    outer = root.removesuffix("videomae.")
    return {name.removeprefix(outer): value for name, value in source.tensors.items()}, WITH_HEAD


def _complete_hints(source: Source, hints: ModelHints, report: KeyReport) -> ModelHints:
    count = partial(get_count, source.config, path=source.path)
    return replace(
        hints,
        frames=hints.frames or count("num_frames"),
        side=hints.side or get_sides(source)[0],
        num_heads=count("num_attention_heads") or hints.num_heads,
        decoder_num_heads=count("decoder_num_attention_heads") or hints.decoder_num_heads,
        normalization=hints.normalization or read_normalization(source, report),
    )
