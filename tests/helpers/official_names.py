"""Weights and gradients under released names, without a file."""

from collections.abc import Mapping

from torch import Tensor

from videomae2.models.weights.formats.foreign import KeyReport
from videomae2.models.weights.formats.official import CLASSIFIER, PRETRAINING
from videomae2.models.weights.formats.translate import flatten_patch_embed, from_ours
from videomae2.tensors.grid import Cubes


def to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Those of an autoencoder."""
    return from_ours(state, PRETRAINING, cubes, KeyReport(format="official"))


def classifier_to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Those of a classifier."""
    return from_ours(state, CLASSIFIER, cubes, KeyReport(format="official"))


def from_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Ours, of released ones of any kind."""
    is_pretraining = any(name.startswith("encoder.") for name in state)
    table = PRETRAINING if is_pretraining else CLASSIFIER
    return {
        str(table.to_ours(name)): flatten_patch_embed(value, cubes)
        if name.endswith("patch_embed.proj.weight")
        else value
        for name, value in state.items()
    }
