"""Where a classifier's first weights come from: nowhere, pre-training, or another classifier.

Loading is strict: every weight of the encoder is found and fits, norm and head start as was
chosen, and nothing is left over but what a classifier has no use for. What happened is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor

from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.classifier import Classifier
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.head import (
    HeadInit,
    TargetScaler,
    check_head_width,
    rescale_head,
    resolve_head_index,
)
from videomae2.models.weights.load_report import LoadReport
from videomae2.models.weights.pretrained import (
    DECODER_PARTS,
    PosEmbedInit,
    Pretrained,
    describe_pos_embed,
    load_pretrained_state,
    resolve_encoder,
    with_class_names,
)
from videomae2.models.weights.saved import check_architecture, check_state_dict
from videomae2.tensors.normalization import Subtract

NormInit = Literal["auto", "reinit", "encoder"]
StateDict = dict[str, Tensor]
_FINAL_NORM = "encoder.norm"


@dataclass(frozen=True, kw_only=True, slots=True)
class InitConfig:
    """What fine-tuning starts from."""

    weights: Path | None = None
    """A run folder, a saved model, or weights of other software; from scratch if not given."""
    norm: NormInit = "auto"
    """The norm behind the pooling: the parent's own where it has one and else a fresh one (as
    released), always a fresh one, or the one that closed the encoder in pre-training."""
    head: HeadInit = "auto"
    """The head: the rows of the same classes if the parent has them all and else a fresh one; all
    rows as they are or an error; the rows of the same names or an error; always a fresh one."""
    pos_embed: PosEmbedInit = "auto"
    """The position table, where the parent was trained on clips of another size: the parent's,
    resampled, or a fresh one (what the released code ends up with). Released files are taken to be
    of 16 frames of 224 pixels; ``pretrained_grid`` of the encoder says otherwise."""
    class_names: Path | None = None
    """What the parent's outputs are called where it does not say, as released files: a file of
    names, or a public data set such as kinetics-710."""


def init_classifier(
    model: Classifier,
    config: InitConfig,
    generator: Generator,
    *,
    class_names: Sequence[str] | None,
    pretrained_class_names: Sequence[str] | None = None,
    target_scaler: TargetScaler | None = None,
    subtract: Subtract = "none",
    bits: int | None = None,
) -> LoadReport:
    """Give a classifier its first weights, before anything is frozen or adapted.

    Args:
        model: Changed in place; made with the encoder that ``resolve_encoder`` gives.
        config: Where from.
        generator: Draws what is fresh.
        class_names: The names of its outputs, if they have any.
        pretrained_class_names: Those of the parent's, read from ``config.class_names``.
        target_scaler: What numbers are counted in; a head that is taken over says the same in it.
        subtract: What is taken away from the clips; the parent's must be the same.
        bits: Used of images of 16; the parent's must be the same, if both are known.

    Raises:
        ConfigError: If a choice has no effect, or there are more or fewer names than outputs.
        CheckpointError: If the parent cannot be read or does not fit.
    """
    num_classes = model.config.num_classes
    if class_names is not None and len(class_names) != num_classes:
        raise ConfigError(
            f"there are {len(class_names)} classes, the model has {num_classes} outputs"
        )
    check_init_options(model, config)
    init_classifier_weights(model, generator)
    if config.weights is None:
        return LoadReport(source="from scratch", unused={})
    pretrained = load_pretrained_state(config.weights, model.config.encoder)
    if pretrained_class_names is not None:
        pretrained = with_class_names(pretrained, pretrained_class_names)
    return load_pretrained(
        model,
        pretrained,
        config,
        class_names=class_names,
        target_scaler=target_scaler,
        subtract=subtract,
        bits=bits,
    )


def check_same_bits(path: Path, trained: int | None, bits: int | None) -> None:
    """Refuse other bits of 16 than those of the training, with a ``ConfigError``."""
    if None not in (trained, bits) and trained != bits:
        raise ConfigError(
            f"{path} was trained with {trained} of 16 bits, and here {bits} were found or given: "
            f"the same picture would be of another brightness; say --data.sources.0.bits {trained}"
        )


def load_pretrained(
    model: Classifier,
    pretrained: Pretrained,
    config: InitConfig,
    *,
    class_names: Sequence[str] | None,
    target_scaler: TargetScaler | None = None,
    subtract: Subtract = "none",
    bits: int | None = None,
) -> LoadReport:
    """Put a parent's weights over the fresh ones; arguments as for ``init_classifier``."""
    encoder, state, path = model.config.encoder, pretrained.state, pretrained.path
    if pretrained.config.subtract != subtract:
        raise ConfigError(
            f"{path} was trained with --data.subtract {pretrained.config.subtract}, and here it is "
            f"{subtract}: what it learnt is of no use for other clips; set it alike"
        )
    check_same_bits(path, pretrained.config.bits, bits)
    check_architecture(encoder, pretrained.encoder, path)
    if resolve_encoder(encoder, config.pos_embed, pretrained) != encoder:
        raise ValueError(f"build the model with what resolve_encoder gives for {path}")
    expected = model.state_dict()
    parts = _group_by_part(state, split_final_norm="encoder.norm.weight" not in expected)
    norm, norm_note = _resolve_norm(parts, expected, config, path)
    head, head_note = _resolve_head(parts.pop("head", {}), model, config, pretrained, class_names)
    parent = pretrained.config
    scaler = parent.target_scaler if isinstance(parent, SavedClassifierConfig) else None
    head = rescale_head(head, scaler, target_scaler)
    unused_parts = [part for part in (_FINAL_NORM, *DECODER_PARTS) if part in parts]
    unused = {part: len(parts.pop(part)) for part in unused_parts}
    loaded = parts.pop("encoder", {}) | norm | head
    unexpected = {name: value for part in parts.values() for name, value in part.items()}
    fresh = {n: v for n, v in expected.items() if not n.startswith("encoder.")}
    check_state_dict(expected, fresh | unexpected | loaded, path)
    model.load_state_dict(fresh | loaded)
    return LoadReport(
        source=str(path),
        loaded=len(loaded),
        norm=norm_note,
        head=head_note,
        unused=unused,
        remarks=describe_pos_embed(encoder, pretrained),
        parents={"init": (str(path), parent.metadata)},
    )


def check_init_options(model: Classifier, config: InitConfig) -> None:
    """Refuse choices that have no effect on a model with a ``ConfigError``."""
    global_pool = model.config.global_pool
    if global_pool == "token" and config.norm != "auto":
        raise ConfigError(
            f"init norm '{config.norm}' has no effect: with global_pool '{global_pool}' the norm "
            f"is the encoder's"
        )
    if config.weights is None and replace(config, weights=None) != InitConfig():
        raise ConfigError(
            "init norm, head, pos_embed and class_names have no effect from scratch; leave them out"
        )
    if config.pos_embed == "reinit" and model.config.encoder.pretrained_grid is not None:
        raise ConfigError(
            "init pos_embed 'reinit' has no effect where pretrained_grid names a table"
        )
    if not model.config.num_classes and config.head != "auto":
        raise ConfigError(f"init head '{config.head}' has no effect: the model has no head")


def _group_by_part(state: Mapping[str, Tensor], *, split_final_norm: bool) -> dict[str, StateDict]:
    """Weights by the first part of their names; the norm that closes the encoder may be its own."""
    parts: dict[str, StateDict] = {}
    for name, value in state.items():
        is_final_norm = split_final_norm and name.startswith(f"{_FINAL_NORM}.")
        parts.setdefault(_FINAL_NORM if is_final_norm else name.split(".")[0], {})[name] = value
    return parts


def _resolve_norm(
    parts: dict[str, StateDict], expected: Mapping[str, Tensor], config: InitConfig, path: Path
) -> tuple[StateDict, str]:
    """Choose the norm behind the pooling, and take the parent's own out of its parts."""
    pretrained_norm = parts.pop("fc_norm", {})
    if "fc_norm.weight" not in expected:
        return {}, "the encoder's"
    if config.norm == "encoder":
        if _FINAL_NORM not in parts:
            raise CheckpointError(
                f"{path} has no norm that closes its encoder; init norm 'auto' takes what it has"
            )
        final_norm = parts.pop(_FINAL_NORM)
        renamed = {n.replace(_FINAL_NORM, "fc_norm"): value for n, value in final_norm.items()}
        return renamed, "the one that closed the encoder"
    if config.norm == "reinit" or not pretrained_norm:
        return {}, "fresh"
    return pretrained_norm, "the parent's"


def _resolve_head(
    head: StateDict,
    model: Classifier,
    config: InitConfig,
    pretrained: Pretrained,
    class_names: Sequence[str] | None,
) -> tuple[StateDict, str]:
    if not model.config.num_classes:
        return {}, "none"
    rows, note = resolve_head_index(
        config.head,
        num_pretrained=len(head["head.weight"]) if "head.weight" in head else 0,
        num_classes=model.config.num_classes,
        pretrained_classes=pretrained.class_names,
        classes=class_names,
    )
    if rows is None:
        return {}, note
    parent = pretrained.config
    their_config = parent.model if isinstance(parent, SavedClassifierConfig) else None
    width = head["head.weight"].shape[-1]
    check_head_width(width, their_config, model.config, location=str(pretrained.path))
    index = torch.tensor(rows)
    return {name: value[index] for name, value in head.items()}, note
