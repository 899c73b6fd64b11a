"""The first weights of a model, from a generator."""

import math

from torch import Generator, nn

from videomae2.models.autoencoder import Autoencoder
from videomae2.models.layers import Attention, Block

_MASK_TOKEN_STD = 0.02


def initialise(model: Autoencoder, generator: Generator) -> None:
    """Set every weight of an autoencoder as the released code does, whatever it was before.

    ========================  =====================================================
    linear maps of blocks     Xavier uniform; bias 0
    head of the decoder       Xavier uniform; bias 0
    patch embedding           uniform within 1/sqrt(values), bias too (Conv3d default)
    encoder to decoder        uniform within 1/sqrt(dim) (Linear default)
    mask token                normal, std 0.02, cut off at one std
    bias of query and value   0
    LayerNorm                 weight 1, bias 0
    layer scale               as configured
    sharpness of cosines      ln 10
    ========================  =====================================================

    Source: models/modeling_pretrain.py of the released code.
    """
    for part in model.modules():
        if isinstance(part, nn.LayerNorm | Attention | Block):
            part.reset_parameters()
    for part in (*model.encoder.blocks.modules(), *model.decoder.modules()):
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for linear in (model.encoder.patch_embed.proj, model.encoder_to_decoder):
        bound = 1 / math.sqrt(linear.in_features)
        nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
        if linear.bias is not None:
            nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
    nn.init.trunc_normal_(
        model.mask_token,
        std=_MASK_TOKEN_STD,
        a=-_MASK_TOKEN_STD,
        b=_MASK_TOKEN_STD,
        generator=generator,
    )
