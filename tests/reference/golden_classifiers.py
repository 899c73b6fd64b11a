"""Write a classifier's file in the format of the golden values, from the plain reference."""

import json

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from tests.reference.released_code import (
    block,
    layer_norm,
    normalised_clip,
    random_weights,
    sinusoid,
)


def classifier_weights(config, seed):
    """Weights of a released classifier: an encoder at the top, a norm, a head."""
    decoder = {"decoder_dim": 8, "decoder_depth": 1, "decoder_heads": 1}
    weights = random_weights(config | decoder, seed)
    encoder = {n[8:]: w for n, w in weights.items() if n.startswith("encoder.")}
    if not config.get("first"):
        encoder |= {
            n.replace("norm.", "fc_norm."): encoder.pop(n) for n in ("norm.weight", "norm.bias")
        }
    generator = torch.Generator().manual_seed(seed + 1)
    shape = (config["classes"], config["dim"])
    head = torch.randn(shape, generator=generator) * config["dim"] ** -0.5
    bias = torch.randn(config["classes"], generator=generator)
    return encoder | {"head.weight": head, "head.bias": bias}


def features_of(weights, clip, config):
    """What the head reads: the norm of the mean of all tokens, or the first token of the normed."""
    kernel = weights["patch_embed.proj.weight"]
    x = F.conv3d(clip, kernel, weights["patch_embed.proj.bias"], stride=kernel.shape[2:])
    x = x.flatten(2).transpose(1, 2)
    x = x + sinusoid(*x.shape[1:])
    for i in range(config["depth"]):
        cosine = config.get("cosine", False)
        x = block(x, weights, f"blocks.{i}", config["heads"], cosine=cosine)
    if config.get("first"):
        return layer_norm(x, weights, "norm")[:, 0]
    return layer_norm(x.mean(dim=1), weights, "fc_norm")


def cross_entropy(logits, labels):
    """Mean over clips of the negative logarithm of the label's share."""
    shares = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    return -torch.stack([s[n] for s, n in zip(shares.log(), labels, strict=True)]).mean()


def compute(config, *, height, width, batch=2, seed=0):
    """Everything that a classifier's golden file holds, by entry name."""
    rng = np.random.default_rng(seed)
    shape = (batch, config.get("channels", 3), config["frames"], height, width)
    clip = torch.tensor(rng.integers(0, 256, shape, dtype=np.uint8))
    labels = torch.tensor(rng.integers(0, config["classes"], batch))
    weights = classifier_weights(config, seed)
    for weight in weights.values():
        weight.requires_grad_()
    statistics = {k: config[k] for k in ("mean", "std") if k in config}
    features = features_of(weights, normalised_clip(clip, **statistics), config)
    logits = features @ weights["head.weight"].T + weights["head.bias"]
    loss = cross_entropy(logits, labels)
    loss.backward()
    return {
        **{f"state.{name}": weight.detach() for name, weight in weights.items()},
        "clip_uint8": clip,
        "labels": labels,
        "features": features.detach(),
        "logits": logits.detach(),
        "loss": loss.detach().reshape(1),
        **{f"grad_norm.{name}": w.grad.norm().reshape(1) for name, w in weights.items()},
    }


def write_classifier(path, config, **sizes):
    """Compute and save; give what was saved."""
    values = compute({**config, "mlp_ratio": _number(config["mlp_ratio"])}, **sizes)
    said = {"kind": "classify", **config, "loss": values["loss"].item()}
    values = {name: value.contiguous() for name, value in values.items()}
    save_file(values, path, metadata={"config": json.dumps(said)})
    return values


def _number(ratio):
    """A ratio may be said as 48/11."""
    over, _, under = str(ratio).partition("/")
    return float(over) / float(under or 1)
