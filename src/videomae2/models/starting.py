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
from videomae2.models.architecture import check_architecture, check_width
from videomae2.models.cards import ClassifierCard
from videomae2.models.classifier import Classifier
from videomae2.models.heads import HeadStart, head_rows
from videomae2.models.initial import initialise_classifier
from videomae2.models.number_scale import NumberScale, rescaled
from videomae2.models.parents import DECODER, Parent, named, read_parent
from videomae2.models.places import PositionStart, placed, position_notes
from videomae2.models.saved import check_fit
from videomae2.models.start_report import StartReport

NormStart = Literal["match", "fresh", "encoder"]

Weights = dict[str, Tensor]

_CLOSING = "encoder.norm"
_EMBEDDING = "encoder.patch_embed.proj.weight"
_NO_USE = (_CLOSING, *DECODER)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartConfig:
    """What fine-tuning starts from."""

    weights: Path | None = None
    """A run folder, a saved model or a released file; from scratch if not given."""
    norm: NormStart = "match"
    """The norm behind the pooling: the parent's own where it has one and else a fresh one (as
    released), always a fresh one, or the one that closed the encoder in pre-training."""
    head: HeadStart = "match"
    """The head: the rows of the same classes if the parent has them all and else a fresh one; all
    rows as they are or an error; the rows of the same names or an error; always a fresh one."""
    positions: PositionStart = "match"
    """The position table, where the parent was trained on clips of another size: the parent's,
    resampled, or a fresh one (what the released code ends up with). Released files are taken to be
    of 16 frames of 224 pixels; ``trained_grid`` of the encoder says otherwise."""
    names: Path | None = None
    """What the parent's outputs are called where it does not say, as released files: a file of
    names, or a public data set such as kinetics-710."""


def start(
    model: Classifier,
    config: StartConfig,
    generator: Generator,
    *,
    classes: Sequence[str] | None,
    parent_classes: Sequence[str] | None = None,
    numbers: NumberScale | None = None,
    flag: str = "--model",
) -> StartReport:
    """Give a classifier its first weights, before anything is frozen or adapted.

    Args:
        model: Changed in place; made with the position table that ``placed`` gives.
        config: Where from.
        generator: Draws what is fresh.
        classes: The names of its outputs, if they have any.
        parent_classes: Those of the parent's, where it does not say them itself; what stands in
            ``config.names``, read.
        numbers: What its answers are counted in, where they are numbers; a head that is taken
            over says the same numbers in it.
        flag: What sets the model on the command line, for messages.

    Raises:
        ConfigError: If a choice has no effect, or there are more or fewer names than outputs.
        CheckpointError: If the parent cannot be read or does not fit.
    """
    outputs = model.config.outputs
    if classes is not None and len(classes) != outputs:
        raise ConfigError(f"there are {len(classes)} classes, the model has {outputs} outputs")
    check_choices(model, config)
    initialise_classifier(model, generator)
    if config.weights is None:
        return StartReport(source="from scratch", left={})
    parent = read_parent(config.weights, model.cubes)
    if parent_classes is not None:
        parent = named(parent, parent_classes)
    return take_over(model, parent, config, classes=classes, numbers=numbers, flag=flag)


def take_over(
    model: Classifier,
    parent: Parent,
    config: StartConfig,
    *,
    classes: Sequence[str] | None,
    numbers: NumberScale | None = None,
    flag: str = "--model",
) -> StartReport:
    """Put a parent's weights over the fresh ones; arguments and errors as for ``start``."""
    own = model.config.encoder
    if placed(own, config.positions, parent) != own:
        raise ValueError(f"build the model with what models/places.py gives for {parent.path}")
    if parent.encoder is not None:
        check_architecture(own, parent.encoder, parent.path, flag)
    elif _EMBEDDING in parent.state:
        check_width(own, len(parent.state[_EMBEDDING]), parent.path, flag)
    wanted = model.state_dict()
    parts = _parts(parent.state, closing="encoder.norm.weight" not in wanted)
    norm, norm_words = _norm(parts, wanted, config, parent.path)
    head, head_words = _head(parts.pop("head", {}), model, config, parent, classes)
    counted_in = parent.card.numbers if isinstance(parent.card, ClassifierCard) else None
    head = rescaled(head, counted_in, numbers)
    left = {part: len(parts.pop(part)) for part in _NO_USE if part in parts}
    taken = parts.pop("encoder", {}) | norm | head
    strange = {name: value for part in parts.values() for name, value in part.items()}
    fresh = {n: v for n, v in wanted.items() if not n.startswith("encoder.")}
    check_fit(wanted, fresh | strange | taken, parent.path)
    model.load_state_dict(fresh | taken)
    return StartReport(
        source=str(parent.path),
        taken=len(taken),
        norm=norm_words,
        head=head_words,
        left=left,
        notes=position_notes(own, parent.encoder),
    )


def check_choices(model: Classifier, config: StartConfig) -> None:
    """Refuse choices that have no effect on a model.

    Raises:
        ConfigError: If there is one.
    """
    pooling = model.config.pooling
    if pooling != "mean" and config.norm != "match":
        raise ConfigError(
            f"start norm '{config.norm}' has no effect: with pooling '{pooling}' the norm is the "
            f"encoder's"
        )
    if config.weights is None and replace(config, weights=None) != StartConfig():
        raise ConfigError(
            "start norm, head, positions and names have no effect from scratch; leave them out"
        )
    if config.positions == "fresh" and model.config.encoder.trained_grid is not None:
        raise ConfigError("start positions 'fresh' has no effect where trained_grid names a table")
    if not model.config.outputs and config.head != "match":
        raise ConfigError(f"start head '{config.head}' has no effect: the model has no head")


def _parts(state: Mapping[str, Tensor], *, closing: bool) -> dict[str, Weights]:
    """Sort weights by the first part of their names.

    Args:
        state: Under our names.
        closing: Whether the norm that closes the encoder is a part of its own.
    """
    parts: dict[str, Weights] = {}
    for name, value in state.items():
        apart = closing and name.startswith(f"{_CLOSING}.")
        parts.setdefault(_CLOSING if apart else name.split(".")[0], {})[name] = value
    return parts


def _norm(
    parts: dict[str, Weights], wanted: Mapping[str, Tensor], config: StartConfig, path: Path
) -> tuple[Weights, str]:
    """Choose the norm behind the pooling, and take the parent's own out of its parts."""
    own = parts.pop("fc_norm", {})
    if "fc_norm.weight" not in wanted:
        return {}, "the encoder's"
    if config.norm == "encoder":
        if _CLOSING not in parts:
            raise CheckpointError(
                f"{path} has no norm that closes its encoder; start norm 'match' takes what it has"
            )
        closing = parts.pop(_CLOSING)
        renamed = {n.replace(_CLOSING, "fc_norm"): value for n, value in closing.items()}
        return renamed, "the one that closed the encoder"
    if config.norm == "fresh" or not own:
        return {}, "fresh"
    return own, "the parent's"


def _head(
    found: Weights,
    model: Classifier,
    config: StartConfig,
    parent: Parent,
    classes: Sequence[str] | None,
) -> tuple[Weights, str]:
    """Choose the rows of the parent's head."""
    if not model.config.outputs:
        return {}, "none"
    rows, words = head_rows(
        config.head,
        parent=len(found["head.weight"]) if "head.weight" in found else 0,
        outputs=model.config.outputs,
        parent_classes=parent.classes,
        classes=classes,
    )
    if rows is None:
        return {}, words
    index = torch.tensor(rows)
    return {name: value[index] for name, value in found.items()}, words
