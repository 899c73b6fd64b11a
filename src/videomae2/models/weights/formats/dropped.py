"""What of our card a format cannot hold: refused where outputs would differ, else left by name."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import SIZES
from videomae2.models.layers import LAYER_NORM_EPSILON
from videomae2.models.weights.config_json import (
    ModelConfig,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
)
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.foreign import KeyReport
from videomae2.models.weights.hub.licence import read_model_card_licence
from videomae2.tensors.normalization import Normalization

_OWN = "videomae2"


def note_dropped(
    config: ModelConfig,
    report: KeyReport,
    *,
    holds: Collection[str] = (),
    eps: tuple[float, float] = (LAYER_NORM_EPSILON, LAYER_NORM_EPSILON),
) -> dict[str, Any]:
    """Refuse what a format cannot compute, and note what it does not say.

    Args:
        config: The card.
        report: Gets what is left out.
        holds: What the format holds: ``cosine_attention``, ``init_values`` (scales of branches),
            ``clips`` and heads, ``class_names``, ``normalization``, ``no_norm``.
        eps: Of LayerNorm there, as ``EncoderConfig.norm_eps``.

    Returns:
        What people want to know of the weights, for a place beside them.

    Raises:
        CheckpointError: The model computes something that the format cannot.
    """
    problems = list(_find_problems(config, holds))
    if problems:
        raise CheckpointError(f"{report.format} cannot hold {' and '.join(problems)}")
    encoder, dropped = config.model.encoder, {}
    if encoder.norm_eps != eps:
        ours, theirs = (" and ".join(f"{value:g}" for value in pair) for pair in (
            encoder.norm_eps, eps))  # fmt: skip
        dropped["layer_norm_eps"] = f"{ours} here, {theirs} there: outputs differ by about 1e-5"
    if "clips" not in holds and encoder.clip_dimensions != "16x224x224":
        dropped["clips"] = f"of {encoder.clip_dimensions}: who reads it says --frames and --side"
    usual = {size.embed_dim: size.num_heads for size in SIZES.values()}
    if "clips" not in holds and usual.get(encoder.shape.embed_dim) != encoder.shape.num_heads:
        dropped["num_heads"] = f"{encoder.shape.num_heads}: who reads it says --num-heads"
    if "normalization" not in holds and Normalization(mean=config.mean, std=config.std) != (
        Normalization()
    ):
        dropped["normalization"] = f"mean {config.mean}, std {config.std}"
    if config.frame_sampling is not None:
        dropped["frame_sampling"] = f"{config.frame_sampling}"
    if isinstance(config, SavedClassifierConfig) and config.task_type != "multiclass":
        dropped["task_type"] = config.task_type
    report.left_out |= {f"card: {name}": reason for name, reason in dropped.items()}
    meta: dict[str, Any] = {_OWN: config.metadata}
    if isinstance(config, SavedClassifierConfig) and config.class_names is not None:
        meta["class_names"] = list(config.class_names)
    return meta


def _find_problems(config: ModelConfig, holds: Collection[str]) -> list[str]:
    encoder, model = config.model.encoder, config.model
    grid = encoder.cubes.grid
    checks = {
        "a position table by axes": encoder.pos_embed != "flat",
        "a position table of another grid": encoder.pretrained_grid not in (None, grid),
        "cosine attention": encoder.cosine_attention and "cosine_attention" not in holds,
        "scales of residual branches": encoder.init_values > 0 and "init_values" not in holds,
        "clips without their mean over time": config.subtract != "none",
        "an encoder without a norm": not encoder.final_norm and "no_norm" not in holds,
    }
    if isinstance(model, ClassifierConfig):
        checks["pooling by time slots"] = model.global_pool == "slots"
    if isinstance(config, SavedClassifierConfig):
        checks["numbers in units of their own"] = config.target_scaler is not None
    return [problem for problem, is_there in checks.items() if is_there]


def drop_decoder(
    state: Mapping[str, Tensor], config: ModelConfig, report: KeyReport
) -> tuple[dict[str, Tensor], SavedClassifierConfig]:
    """The encoder of an autoencoder, as one that gives features; a classifier stays as it is."""
    if isinstance(config, SavedClassifierConfig):
        return dict(state), config
    kept = {name: value for name, value in state.items() if name.startswith("encoder.")}
    report.left_out |= {
        name: "the decoder, for which the format has no place" for name in state if name not in kept
    }
    encoder = config.model.encoder
    model = ClassifierConfig(encoder=encoder, global_pool="token" if encoder.final_norm else "avg")
    return kept, SavedClassifierConfig(
        model=model, mean=config.mean, std=config.std, subtract=config.subtract,
        frame_sampling=config.frame_sampling, metadata=config.metadata,
    )  # fmt: skip


def with_known_names(config: ModelConfig, source: Source, report: KeyReport) -> ModelConfig:
    """Add what stands beside weights: names of outputs, where they fit, and what people noted."""
    noted = source.meta.get(_OWN)
    metadata = dict(noted) if isinstance(noted, Mapping) else {}
    if licence := read_licence(source):
        metadata.setdefault("licence", licence)
    config = replace(config, metadata=metadata)
    if isinstance(config, SavedAutoencoderConfig):
        return config
    dataset_meta = source.meta.get("dataset_meta")
    names = source.meta.get("class_names") or source.meta.get("CLASSES")
    if isinstance(dataset_meta, Mapping):
        names = dataset_meta.get("classes") or dataset_meta.get("CLASSES") or names
    return name_outputs(config, names, report)


def read_licence(source: Source) -> str | None:
    """What the model card of a folder says, in the lines before its text."""
    if not source.config:
        return None
    return read_model_card_licence(source.path if source.path.is_dir() else source.path.parent)


def name_outputs(
    config: SavedClassifierConfig, names: Any, report: KeyReport
) -> SavedClassifierConfig:
    """Give the outputs their names, if these are as many and all different."""
    count = config.model.num_classes
    if not isinstance(names, list | tuple) or not count:
        return config
    if len(names) != count or len(set(map(str, names))) != count:
        report.left_out["names of classes"] = f"{len(names)} names, some alike, for {count} outputs"
        return config
    names = tuple(str(name) for name in names)
    return replace(config, class_names=tuple(names))
