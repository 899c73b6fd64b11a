"""The folders of VideoMAE V2 on the Hugging Face hub: released names under ``model.``.

Their config.json keeps the architecture in ``model_config``; there is no head and no decoder,
though a head would have its place.

Source: OpenGVLab/VideoMAEv2-Base and its siblings.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.layers import LAYER_NORM_EPSILON
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats import official
from videomae2.models.weights.formats.architecture import ModelHints, infer_config
from videomae2.models.weights.formats.dropped import (
    drop_decoder,
    name_outputs,
    note_dropped,
    with_known_names,
)
from videomae2.models.weights.formats.foreign import ForeignFiles, ForeignModel, KeyReport
from videomae2.models.weights.formats.hf_json import (
    PROCESSOR_FILE,
    build_labels,
    build_processor,
    check_stated,
    get_count,
    get_epsilon,
    read_labels,
    read_normalization,
)
from videomae2.models.weights.formats.translate import from_ours as translate_from_ours
from videomae2.models.weights.formats.translate import to_ours as translate_to_ours

NAME = "videomaev2-hf"
TITLE = "Hugging Face folder of VideoMAE V2"
_PREFIX = "model."
_REMOTE = "OpenGVLab/VideoMAEv2-Base"


def detect(source: Source) -> bool:
    """Whether config.json has a ``model_config`` and the names are the released ones."""
    return isinstance(source.config.get("model_config"), Mapping) and official.detect(source)


def to_ours(source: Source, hints: ModelHints) -> ForeignModel:
    """Read a folder; raises a ``CheckpointError`` for what is not explained."""
    report = KeyReport(format=TITLE, left_out=dict(source.left_out))
    stated = source.config["model_config"]
    count = partial(get_count, stated, path=source.path)
    frames = count("num_frames") or count("all_frames")
    hints = replace(
        hints,
        frames=hints.frames or frames,
        side=hints.side or count("img_size"),
        num_heads=count("num_heads") or hints.num_heads,
        normalization=hints.normalization or read_normalization(source, report),
    )
    tensors, table = official.find_names(source)
    shapes = official.find_shapes(tensors, table, source)
    eps = get_epsilon(stated, LAYER_NORM_EPSILON, source.path)
    config = infer_config(shapes, hints, layer_norm_eps=None if eps == LAYER_NORM_EPSILON else eps)
    _check_config(config, stated, source)
    config = with_known_names(config, source, report)
    if isinstance(config, SavedClassifierConfig):
        config = name_outputs(config, read_labels(source.config), report)
    state = translate_to_ours(
        tensors, table, config, source, report, official.explain,
        has_biases=stated.get("qkv_bias") is not False,
    )  # fmt: skip
    return ForeignModel(
        path=source.path, files=source.files, config=config, says_clips=frames is not None,
        report=report, state=state,
    )  # fmt: skip


def from_ours(state: Mapping[str, Tensor], config: ModelConfig) -> ForeignFiles:
    """Write an encoder, with its head if it has one, and both JSON files."""
    report = KeyReport(format=NAME)
    state, card = drop_decoder(state, config, report)
    eps = card.model.encoder.norm_eps[0]
    meta = note_dropped(
        card, report, eps=(eps, eps),
        holds=("cosine_attention", "init_values", "clips", "normalization", "class_names"),
    )  # fmt: skip
    tensors = translate_from_ours(state, official.CLASSIFIER, card.model.encoder.cubes, report)
    report.used = {f"{_PREFIX}{theirs}": ours for theirs, ours in report.used.items()}
    return ForeignFiles(
        tensors={f"{_PREFIX}{name}": value for name, value in tensors.items()},
        report=report,
        json_files={
            "config.json": _build_config(card),
            PROCESSOR_FILE: build_processor(card),
        },
        meta=meta,
    )


def _build_config(card: SavedClassifierConfig) -> dict[str, Any]:
    encoder, shape = card.model.encoder, card.model.encoder.shape
    if encoder.height != encoder.width:
        raise CheckpointError(
            f"{NAME} cannot hold clips of {encoder.clip_dimensions}, want squares"
        )
    return {
        "model_type": "VideoMAEv2_Base",
        "architectures": ["VideoMAEv2"],
        "auto_map": {
            "AutoConfig": f"{_REMOTE}--modeling_config.VideoMAEv2Config",
            "AutoModel": f"{_REMOTE}--modeling_videomaev2.VideoMAEv2",
        },
        "use_cache": True,
        **build_labels(card),
        "model_config": {
            "img_size": encoder.height,
            "patch_size": shape.patch_size,
            "in_chans": encoder.channels,
            "num_classes": card.model.num_classes,
            "embed_dim": shape.embed_dim,
            "depth": shape.depth,
            "num_heads": shape.num_heads,
            "mlp_ratio": shape.mlp_ratio,
            "qkv_bias": True,
            "qk_scale": None,
            "drop_rate": 0.0,
            "attn_drop_rate": 0.0,
            "drop_path_rate": 0.0,
            "norm_layer": "nn.LayerNorm",
            "layer_norm_eps": encoder.norm_eps[0],
            "init_values": encoder.init_values,
            "use_learnable_pos_emb": False,
            "tubelet_size": shape.tubelet_size,
            "num_frames": encoder.frames,
            "use_mean_pooling": card.model.global_pool == "avg",
            "with_cp": False,
            "cos_attn": encoder.cosine_attention,
        },
    }


def _check_config(config: ModelConfig, stated: Mapping[str, Any], source: Source) -> None:
    encoder, shape = config.model.encoder, config.model.encoder.shape
    check_stated(
        stated,
        {
            "patch_size": shape.patch_size,
            "in_chans": encoder.channels,
            "embed_dim": shape.embed_dim,
            "depth": shape.depth,
            "tubelet_size": shape.tubelet_size,
            "qk_scale": None,
            "use_learnable_pos_emb": False,
            "cos_attn": encoder.cosine_attention,
        },
        source.path,
    )
