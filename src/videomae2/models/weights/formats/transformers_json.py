"""The config.json of transformers' VideoMAE: held against weights, and written."""

from dataclasses import replace
from typing import Any

from videomae2.models.layers import compute_mlp_width
from videomae2.models.weights.config_json import (
    ModelConfig,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
)
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.dropped import name_outputs, with_known_names
from videomae2.models.weights.formats.foreign import KeyReport
from videomae2.models.weights.formats.hf_json import (
    build_labels,
    check_stated,
    get_count,
    read_labels,
)


def get_sides(source: Source) -> tuple[int | None, int | None]:
    """Height and width of clips."""
    size = source.config.get("image_size")
    if not isinstance(size, list) or len(size) != 2:
        size = [size, size]
    height, width = (get_count({"image_size": s}, "image_size", source.path) for s in size)
    return height, width


def apply_config(config: ModelConfig, source: Source, report: KeyReport) -> ModelConfig:
    """Take over what only config.json says, and hold the rest against the weights."""
    stated, (_, width) = source.config, get_sides(source)
    if width is not None and width != config.model.encoder.height:
        encoder = replace(config.model.encoder, width=width)
        config = replace(config, model=replace(config.model, encoder=encoder))  # type: ignore[arg-type]
    encoder, shape = config.model.encoder, config.model.encoder.shape
    patch = shape.patch_size
    check_stated(
        stated,
        {
            "patch_size": [patch, patch] if isinstance(stated.get("patch_size"), list) else patch,
            "tubelet_size": shape.tubelet_size,
            "num_channels": encoder.channels,
            "hidden_size": shape.embed_dim,
            "num_hidden_layers": shape.depth,
            "intermediate_size": compute_mlp_width(shape.embed_dim, shape.mlp_ratio),
            "hidden_act": "gelu",
        },
        source.path,
    )
    config = with_known_names(config, source, report)
    if isinstance(config, SavedClassifierConfig):
        return name_outputs(config, read_labels(stated), report)
    if stated.get("norm_pix_loss") is False:
        config.metadata.setdefault("masking", {"normalize_target": False})
    return config


def build_config(config: ModelConfig, *, is_bare: bool) -> dict[str, Any]:
    """What config.json says of a model; ``is_bare``: of an encoder alone."""
    encoder, shape = config.model.encoder, config.model.encoder.shape
    square = encoder.height == encoder.width
    settings: dict[str, Any] = {
        "model_type": "videomae",
        "image_size": encoder.height if square else [encoder.height, encoder.width],
        "patch_size": shape.patch_size,
        "num_channels": encoder.channels,
        "num_frames": encoder.frames,
        "tubelet_size": shape.tubelet_size,
        "hidden_size": shape.embed_dim,
        "num_hidden_layers": shape.depth,
        "num_attention_heads": shape.num_heads,
        "intermediate_size": compute_mlp_width(shape.embed_dim, shape.mlp_ratio),
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": encoder.norm_eps[0],
        "qkv_bias": True,
        "dtype": "float32",
    }
    if isinstance(config, SavedAutoencoderConfig):
        return settings | _build_decoder_config(config)
    name = "VideoMAEModel" if is_bare else "VideoMAEForVideoClassification"
    uses_mean = config.model.global_pool == "avg"
    labels = build_labels(config)
    if not is_bare and not labels:
        labels = {"id2label": {}, "label2id": {}}
    return settings | {"architectures": [name], "use_mean_pooling": uses_mean} | labels


def _build_decoder_config(config: SavedAutoencoderConfig) -> dict[str, Any]:
    model = config.model
    dim = model.decoder_embed_dim
    ratio = model.decoder.mlp_ratio or model.encoder.shape.mlp_ratio
    masking = config.metadata.get("masking", {})
    return {
        "architectures": ["VideoMAEForPreTraining"],
        "use_mean_pooling": not model.encoder.final_norm,
        "decoder_hidden_size": dim,
        "decoder_num_hidden_layers": model.decoder.depth,
        "decoder_num_attention_heads": model.decoder_num_heads,
        "decoder_intermediate_size": compute_mlp_width(dim, ratio),
        "norm_pix_loss": bool(masking.get("normalize_target", True)),
    }
