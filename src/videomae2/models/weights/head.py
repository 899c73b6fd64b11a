"""What a classifier takes over of a parent's head: which rows, and in which units numbers.

Numbers to predict are learnt in units of their own: mean 0 and deviation 1 each.

Axis: outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.classifier import ClassifierConfig

HeadInit = Literal["auto", "keep", "select", "reinit"]
ClassNames = Sequence[str] | None
_MAX_SHOWN = 12  # names of an error


def check_classes_match(data: Sequence[str], model: Sequence[str], *, location: str) -> None:
    """Hold the classes of a data set against those of a model, both in their order.

    Raises:
        CheckpointError: If they are not the same names in the same order; shows both lists.
    """
    if tuple(data) == tuple(model):
        return
    if sorted(data) == sorted(model):
        pairs = enumerate(zip(data, model, strict=True))
        position = next(i for i, (ours, theirs) in pairs if ours != theirs)
        difference = f"the same names in another order, from number {position} on"
    else:
        extra, missing = set(data) - set(model), set(model) - set(data)
        difference = f"{len(extra)} only in the data and {len(missing)} only in the model"
    raise CheckpointError(
        f"the classes of the data are not those of {location}: {difference}"
        f"\n  data   {len(data)}: {', '.join(data)}"
        f"\n  model  {len(model)}: {', '.join(model)}"
    )


def check_output_names(
    names: Sequence[str], num_classes: int, known: ClassNames, *, location: str
) -> None:
    """Hold names that are given for a model's outputs against those it has, and their number."""
    if known is not None:
        check_classes_match(names, known, location=location)
    if len(names) != num_classes:
        raise CheckpointError(
            f"{location} has {num_classes} outputs, but {len(names)} names were given for them"
        )


def find_rows_by_name(
    pretrained_classes: Sequence[str], classes: Sequence[str], *, subject: str
) -> Sequence[int]:
    """The rows of a head that stand for some classes, in their order.

    Raises:
        CheckpointError: If there is none for some of them, which are named behind ``subject``.
    """
    row_of = {name: i for i, name in enumerate(pretrained_classes)}
    missing = sorted(set(classes) - set(pretrained_classes))
    if missing:
        raise CheckpointError(
            f"{subject} lacks {len(missing)} of {len(classes)}: {', '.join(missing[:_MAX_SHOWN])}"
            f"{', …' if len(missing) > _MAX_SHOWN else ''}"
        )
    return [row_of[name] for name in classes]


def resolve_head_index(
    init: HeadInit,
    *,
    num_pretrained: int,
    num_classes: int,
    pretrained_classes: ClassNames,
    classes: ClassNames,
) -> tuple[Sequence[int] | None, str]:
    """Choose the rows of the parent's head in the order of the new outputs, None for a fresh head.

    Also says in words what was decided.

    Raises:
        CheckpointError: If the choice cannot be had from this parent.

    Source: with the names of Kinetics, selected rows are the lists label_710to400.json and so on
        in misc/ of the released code.
    """
    if init == "reinit":
        return None, "fresh, as asked"
    if init == "keep":
        if num_pretrained != num_classes:
            raise CheckpointError(
                f"head 'keep' wants {num_classes} classes, the parent has {num_pretrained}"
            )
        if pretrained_classes is not None and classes is not None:
            check_classes_match(classes, pretrained_classes, location="the parent")
        return range(num_pretrained), "kept"
    if num_pretrained == 0:
        if init == "select":
            raise CheckpointError("head 'select' wants a parent with a head, this one has none")
        return None, "fresh, the parent has none"
    if pretrained_classes is None or classes is None:
        if init == "select":
            classes_of = "of the data" if pretrained_classes is not None else "of the parent"
            raise CheckpointError(
                f"head 'select' goes by names, and the classes {classes_of} have none; give them"
            )
        if num_pretrained != num_classes:
            sizes = f"{num_pretrained} classes there, {num_classes} here"
            return None, f"fresh: {sizes}, without names to select by"
        note = f"kept: {num_classes} classes here and there, without names to compare"
        return range(num_pretrained), note
    if init == "select":
        subject = f"head 'select' wants every class among the parent's {num_pretrained}, which"
        find_rows_by_name(pretrained_classes, classes, subject=subject)
    return _match_by_name(pretrained_classes, classes)


def _match_by_name(
    pretrained_classes: Sequence[str], classes: Sequence[str]
) -> tuple[Sequence[int] | None, str]:
    total = len(pretrained_classes)
    if tuple(pretrained_classes) == tuple(classes):
        return range(total), f"kept: the same {total} classes"
    row_of = {name: i for i, name in enumerate(pretrained_classes)}
    shared = [row_of[name] for name in classes if name in row_of]
    if len(shared) == len(classes):
        return shared, f"the rows of the same names, {len(shared)} of {total}"
    return None, f"fresh: {len(shared)} of {len(classes)} classes have a row in the parent"


def check_head_width(
    width: int, theirs: ClassifierConfig | None, ours: ClassifierConfig, *, location: str
) -> None:
    """Refuse the rows of a head that reads other features of a clip than this one.

    Raises:
        CheckpointError: ``width``, what it reads, is not what a model of ``ours`` pools to.
    """
    if width == ours.num_features:
        return
    pooling = "" if theirs is None else f" ({_describe_pooling(theirs)})"
    raise CheckpointError(
        f"the head of {location} reads {width} features of a clip{pooling}, the one here "
        f"{ours.num_features} ({_describe_pooling(ours)}); --init.head reinit takes a fresh head, "
        f"and the same --model.global-pool and frames of a clip would fit its own"
    )


def _describe_pooling(config: ClassifierConfig) -> str:
    slots = f", {config.encoder.cubes.grid[0]} of them" if config.global_pool == "slots" else ""
    return f"global_pool {config.global_pool}{slots}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetScaler:
    """A head says how many ``std`` each number lies above ``mean``; both are of the training."""

    mean: tuple[float, ...]
    """In the units of the data."""
    std: tuple[float, ...]
    """Likewise, above 0."""

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise ValueError(f"one mean and one std above 0 for each number, got {self}")

    def select(self, rows: Sequence[int]) -> "TargetScaler":
        """That of some of the numbers."""
        mean, std = (tuple(values[row] for row in rows) for values in (self.mean, self.std))
        return TargetScaler(mean=mean, std=std)


def fit_target_scaler(rows: Sequence[Float[Tensor, "_ outputs"]]) -> TargetScaler:
    """The scale of training targets; a number that is always the same keeps its unit."""
    targets = torch.cat(list(rows)).double()
    std = targets.std(dim=0, correction=0)
    return TargetScaler(
        mean=tuple(targets.mean(dim=0).tolist()),
        std=tuple(torch.where(std > 0, std, 1).tolist()),
    )


def rescale_head(
    head: Mapping[str, Tensor], before: TargetScaler | None, after: TargetScaler | None
) -> dict[str, Tensor]:
    """Give a head's weights, if there is one, such that it says the same numbers in another scale.

    ``before`` and ``after`` are what its answers are counted in; None: the units of the data.
    """
    if not head or before == after:
        return dict(head)
    weight, bias = head["head.weight"], head["head.bias"].double()
    old_mean, old_std, new_mean, new_std = (
        bias.new_tensor(values)
        for scaler in (before, after)
        for values in ((scaler.mean, scaler.std) if scaler else ([0.0], [1.0]))
    )
    shifted = (bias * old_std + old_mean - new_mean) / new_std
    scaled = weight.double() * (old_std / new_std)[:, None]
    return {"head.weight": scaled.to(weight.dtype), "head.bias": shifted.to(weight.dtype)}
