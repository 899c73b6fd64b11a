"""What checks of pre-training and of classifiers share: sizes, weights, gradients."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from tests.golden.verdict import Check, failed, relative, result
from videomae2.models.encoder import EncoderConfig
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

Values = dict[str, Tensor]

OUTPUT_BOUND, LOSS_BOUND, GRADIENT_BOUND = 2e-5, 1e-6, 1e-4


def released_weights(values: Values) -> Values:
    """The weights of a file under their released names."""
    return {n[6:]: v for n, v in values.items() if n.startswith("state.")}


def encoder_config(config: dict[str, Any], clip: Tensor, released: Values) -> EncoderConfig:
    """The encoder that a file describes; the clips themselves say how large they are."""
    return EncoderConfig(
        frames=clip.shape[2],
        height=clip.shape[3],
        width=clip.shape[4],
        channels=clip.shape[1],
        patch_size=config["patch"],
        tubelet_size=config["tubelet"],
        embed_dim=config["dim"],
        depth=config["depth"],
        num_heads=config["heads"],
        mlp_ratio=float(Fraction(str(config["mlp_ratio"]))),
        init_values=float(any(name.endswith("gamma_1") for name in released)),
        cosine_attention=any(name.endswith("attn.scale") for name in released),
    )


def statistics(config: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the channels."""
    mean, std = config.get("mean", IMAGENET_MEAN), config.get("std", IMAGENET_STD)
    return tuple(mean), tuple(std)


def check_names(want: Values, got: Values) -> Iterator[Check]:
    """Translated to our names and back, the weights must be the same to the bit."""
    name = "weights there and back"
    if got.keys() != want.keys():
        yield failed(name, 0.0, f"names differ: {sorted(got.keys() ^ want.keys())}")
    elif wrong := [n for n in want if not torch.equal(got[n], want[n])]:
        yield failed(name, 0.0, f"values differ: {wrong}")
    else:
        yield result(name, 0.0, 0.0)


def check_gradients(gradients: Values, values: Values) -> Iterator[Check]:
    """Compare gradients, under released names, with those of a file and with their norms."""
    for name, want in values.items():
        kind, _, weight = name.partition(".")
        got = gradients.get(weight)
        if kind == "grad_norm":
            yield relative(name, None if got is None else got.norm(), want, GRADIENT_BOUND)
        elif kind == "grad":
            yield relative(name, got, want, GRADIENT_BOUND)
