"""Checks of a .safetensors: weights, clips, outputs, loss and gradients of a small model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors import safe_open
from torch import Tensor

from tests.golden.check_classifier import check_classifier
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
from tests.golden.verdict import Check, absolute, guarded, relative
from tests.helpers.official_names import from_official, to_official
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, compute_pixel_loss
from videomae2.tensors.clips import Clips
from videomae2.tensors.normalization import Normalization
from videomae2.tensors.tokens import TokenSplit, select_visible


def check_models(path: Path) -> Iterator[Check]:
    """Run every check that the file holds."""
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "encoder_hidden" in values:
        yield from guarded("pre-training", _check_pretraining(config, values))
    else:
        yield from guarded("classifier", check_classifier(config, values))


def _check_pretraining(config: dict[str, Any], values: Values) -> Iterator[Check]:
    released = released_weights(values)
    task = _task(config, values["clip_uint8"], released)
    model = task.model.eval()
    model.load_state_dict(from_official(released, model.cubes))
    yield from check_names(released, to_official(model.state_dict(), model.cubes))

    hidden, dropped = (values[n].bool().flatten(1) for n in ("encoder_hidden", "decoder_dropped"))
    clips = Clips(
        pixels=rearrange(values["clip_uint8"], "b c t h w -> b t h w c").contiguous(),
        keys=torch.zeros(len(hidden), dtype=torch.int64),
        weights=torch.ones(len(hidden)),
    )
    split = _whole_split(hidden, dropped)
    output, target = task.predict(clips, split)
    loss = compute_pixel_loss(output, target, split.weight, clips.weights)
    yield absolute("output", output, values["output"], OUTPUT_BOUND)
    yield absolute("target", target, values["target"], OUTPUT_BOUND)
    yield relative("loss", loss, values["loss"], LOSS_BOUND)
    loss.backward()
    ours = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    yield from check_gradients(to_official(ours, model.cubes), values)
    yield from _check_fast_path(task, clips, hidden, dropped, loss.detach())


def _check_fast_path(
    task: PretrainTask, clips: Clips, hidden: Tensor, dropped: Tensor, loss: Tensor
) -> Iterator[Check]:
    """The split that training uses must give the loss of the whole one."""
    scored = (hidden & ~dropped).sum(dim=1)
    if (scored != scored[0]).any():
        return
    order = torch.where(dropped, 2, hidden.long()).argsort(dim=1, stable=True)
    kept = int((~dropped[0]).sum())
    split = TokenSplit(_visible(hidden), order[:, :kept], int(scored[0]))
    predicted, target = task.predict(clips, split)
    trimmed = compute_pixel_loss(predicted, target, None, clips.weights)
    yield relative("loss with a trimmed last block", trimmed, loss, LOSS_BOUND)


def _whole_split(hidden: Tensor, dropped: Tensor) -> TokenSplit:
    """Every decoded place answered, in clip order, as the released code does."""
    queries = select_visible(dropped, int((~dropped[0]).sum()))
    weight = hidden.gather(1, queries).float()
    return TokenSplit(_visible(hidden), queries, queries.shape[1], weight)


def _visible(hidden: Tensor) -> Tensor:
    return select_visible(hidden, int((~hidden[0]).sum()))


def _task(config: dict[str, Any], clip: Tensor, released: Values) -> PretrainTask:
    """The model that the configuration describes."""
    decoder = DecoderConfig(
        depth=config["decoder_depth"],
        embed_dim=config["decoder_dim"],
        num_heads=config["decoder_heads"],
    )
    encoder = encoder_config(config, clip, released)
    model = Autoencoder(AutoencoderConfig(encoder=encoder, decoder=decoder))
    mean, std = statistics(config)
    # the file brings its own masks; "none" is the masking that any grid can have
    return PretrainTask(
        model,
        MaskingConfig(encoder="random", decoder="none"),
        normalization=Normalization(mean=mean, std=std),
    )
