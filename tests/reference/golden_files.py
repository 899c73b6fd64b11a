"""Write a file in the format of the golden values, of any size, from the plain reference."""

import json

import numpy as np
import torch
from safetensors.torch import save_file

from tests.reference.released_code import (
    autoencoder,
    normalised_clip,
    pretrain_loss,
    random_weights,
    running_cell_masks,
    target,
    tube_mask,
)


def draw_masks(config, grid, batch, rng):
    """hidden and dropped, bool [batch, tokens]; without decoder masking dropped = visible."""
    hidden = [tube_mask(grid, config["encoder_ratio"], rng) for _ in range(batch)]
    hidden = torch.tensor(np.stack(hidden)).flatten(1).bool()
    if not config["decoder_ratio"]:
        return hidden, ~hidden
    maps = running_cell_masks(grid, config["decoder_ratio"])
    dropped = np.stack([maps[rng.integers(4)] for _ in range(batch)])
    return hidden, torch.tensor(dropped).flatten(1).bool()


def compute(config, *, height, width, batch=2, seed=0):
    """Everything that a golden file holds, by entry name."""
    rng = np.random.default_rng(seed)
    shape = (batch, config.get("channels", 3), config["frames"], height, width)
    clip = rng.integers(0, 256, shape, dtype=np.uint8)
    patch, tubelet = config["patch"], config["tubelet"]
    grid = (config["frames"] // tubelet, height // patch, width // patch)
    hidden, dropped = draw_masks(config, grid, batch, rng)
    weights = random_weights(config, seed)
    for weight in weights.values():
        weight.requires_grad_()
    statistics = {k: config[k] for k in ("mean", "std") if k in config}
    pixels = normalised_clip(torch.tensor(clip), **statistics)
    output = autoencoder(weights, pixels, hidden, dropped, config)
    wanted = torch.tensor(np.stack([target(one, patch, tubelet) for one in clip])).float()
    wanted = wanted[~dropped].reshape(output.shape)
    loss = pretrain_loss(output, wanted, hidden, dropped)
    loss.backward()
    return {
        **{f"state.{name}": weight.detach() for name, weight in weights.items()},
        "clip_uint8": torch.tensor(clip),
        "encoder_hidden": hidden,
        "decoder_dropped": dropped,
        "output": output.detach(),
        "target": wanted,
        "loss": loss.detach().reshape(1),
        **{f"grad_norm.{name}": weight.grad.norm() for name, weight in weights.items()},
        "grad.encoder.patch_embed.proj.weight": weights["encoder.patch_embed.proj.weight"].grad,
        "grad.mask_token": weights["mask_token"].grad,
    }


def write(path, config, **sizes):
    """Compute and save; give what was saved."""
    values = compute(config, **sizes)
    config = {"kind": "pretrain", **config, "loss": values["loss"].item()}
    save_file({k: v.contiguous() for k, v in values.items()}, path,
              metadata={"config": json.dumps(config)})  # fmt: skip
    return values
