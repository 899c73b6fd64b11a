"""Models of two narrow blocks, and something for them to read."""

import torch

from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_autoencoder_weights
from videomae2.tasks.pretrain import MaskingConfig, draw_split

MASKING = MaskingConfig(encoder_mask_ratio=0.75)
NARROW = {
    "frames": 8,
    "height": 32,
    "width": 32,
    "patch_size": 8,
    "embed_dim": 24,
    "depth": 2,
    "num_heads": 3,
}


def small_config(decoder=None, **changed):
    """A narrow autoencoder; changes go to the encoder."""
    decoder = {"embed_dim": 12, "depth": 2, "num_heads": 2} | (decoder or {})
    return AutoencoderConfig(
        encoder=EncoderConfig(**NARROW | changed), decoder=DecoderConfig(**decoder)
    )


def small_model(decoder=None, *, seed=0, **changed):
    """One with weights from a seed, of which none is 0 or 1 by construction."""
    model = Autoencoder(small_config(decoder, **changed))
    generator = torch.Generator().manual_seed(seed)
    init_autoencoder_weights(model, generator)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return model


def inputs(model, masking=MASKING, *, batch=2, seed=0):
    """Visible cubes and the split."""
    keys = torch.arange(seed, seed + batch)
    split = draw_split(masking, model.cubes.grid, batch, keys)
    generator = torch.Generator().manual_seed(seed)
    shape = (*split.visible.shape, model.cubes.values)
    return torch.randn(shape, generator=generator), split


def gradients(model, masking=MASKING, **sizes):
    """The gradient of every weight for a loss that no answer escapes."""
    model.zero_grad()
    visible, split = inputs(model, masking, **sizes)
    keys = torch.arange(len(visible))
    model(visible, split, keys=keys).square().mean().backward()
    return {name: weight.grad for name, weight in model.named_parameters()}
