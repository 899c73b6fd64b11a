"""Checks of a classifier: features, scores, loss and gradients; and its parameter groups."""

import re
from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from tests.golden.check_parts import (
    LOSS_BOUND,
    OUTPUT_BOUND,
    Values,
    check_gradients,
    check_names,
    encoder_config,
    released_weights,
    statistics,
)
from tests.golden.verdict import Check, absolute, failed, relative, result
from tests.helpers.official_names import classifier_to_official, from_official
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.tensors import grid
from videomae2.tensors.clips import Clips
from videomae2.tensors.normalization import Normalization
from videomae2.training.optim import build_param_groups

_SCALE_BOUND = 1e-12  # relative
_NUMBER = r"(\d*\.?\d+(?:e[-+]?\d+)?)"
_GROUPS = re.compile(rf"depth (\d+).+layer decay {_NUMBER}.+weight decay {_NUMBER}", re.IGNORECASE)


def check_classifier(config: dict[str, Any], values: Values) -> Iterator[Check]:
    """Run every check that the file holds."""
    released = released_weights(values)
    task = _task(config, values["clip_uint8"], released).eval()
    model = task.model
    model.load_state_dict(from_official(released, model.cubes))
    yield from check_names(released, classifier_to_official(model.state_dict(), model.cubes))

    clips = _clips(values)
    cubes = task.normalize(grid.split(clips.pixels, model.cubes))
    yield absolute("features", model.forward_features(cubes), values["features"], OUTPUT_BOUND)
    yield absolute("logits", task.predict(clips), values["logits"], OUTPUT_BOUND)
    loss, _, _ = task(clips)
    yield relative("loss", loss, values["loss"], LOSS_BOUND)
    loss.backward()
    ours = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    yield from check_gradients(classifier_to_official(ours, model.cubes), values)


def check_groups(title: str, name: str, want: dict[str, dict[str, float]]) -> Iterator[Check]:
    """Compare each weight's learning-rate scale and decay; sizes do not matter."""
    found = _GROUPS.search(name)
    if found is None:
        raise ValueError(f"no depth, layer decay and weight decay in the key '{name}'")
    got = _groups(int(found[1]), layer_decay=float(found[2]), weight_decay=float(found[3]))
    if got.keys() != want.keys():
        yield failed(title, 0.0, f"names differ: {sorted(got.keys() ^ want.keys())}")
        return
    for what in ("lr_scale", "weight_decay"):
        off = max(abs(got[n][what] - want[n][what]) / (want[n][what] or 1.0) for n in want)
        yield result(f"{title}: {what}", off, _SCALE_BOUND)


def _groups(depth: int, *, layer_decay: float, weight_decay: float) -> dict[str, dict[str, float]]:
    """What our groups say about each weight, under its released name."""
    encoder = EncoderConfig(frames=4, height=32, width=32, embed_dim=24, num_heads=3, depth=depth)
    model = Classifier(ClassifierConfig(encoder=encoder, num_classes=5))
    groups = build_param_groups(model.named_parameters(), weight_decay, layer_decay)
    said = {
        id(parameter): {what: group[what] for what in ("lr_scale", "weight_decay")}
        for group in groups
        for parameter in group["params"]
    }
    parameters = classifier_to_official(dict(model.named_parameters()), model.cubes)
    ours = dict(zip(parameters, model.parameters(), strict=True))
    return {name: said[id(parameter)] for name, parameter in ours.items()}


def _clips(values: Values) -> Clips:
    clip = values["clip_uint8"]
    return Clips(
        pixels=rearrange(clip, "b c t h w -> b t h w c").contiguous(),
        keys=torch.zeros(len(clip), dtype=torch.int64),
        weights=torch.ones(len(clip)),
        targets=values["labels"].long(),
    )


def _task(config: dict[str, Any], clip: Tensor, released: Values) -> ClassifyTask:
    model = Classifier(
        ClassifierConfig(
            encoder=encoder_config(config, clip, released),
            num_classes=config["classes"],
            global_pool="avg" if "fc_norm.weight" in released else "token",
        )
    )
    mean, std = statistics(config)
    return ClassifyTask(model, ClassifyConfig(), normalization=Normalization(mean=mean, std=std))
