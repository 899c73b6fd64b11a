"""The first weights of a model, from a generator."""

import math

import torch
from torch import Generator, nn

from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import VideoEncoder
from videomae2.models.layers import Attention, Block

_MASK_TOKEN_STD = 0.02
_LINEAR_STD, _LINEAR_CUTOFF = 0.02, 2.0  # cut off at 100 deviations: timm's default, so not at all


def init_autoencoder_weights(model: Autoencoder, generator: Generator) -> None:
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
    _reset_parameters(model)
    for module in (*model.encoder.blocks.modules(), *model.decoder.modules()):
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for linear in (model.encoder.patch_embed.proj, model.encoder_to_decoder):
        _init_uniform(linear, generator)
    std = _MASK_TOKEN_STD
    nn.init.trunc_normal_(model.mask_token, std=std, a=-std, b=std, generator=generator)


def init_encoder_weights(encoder: VideoEncoder, generator: Generator) -> None:
    """Set every weight of an encoder alone as ``init_autoencoder_weights`` does."""
    _reset_parameters(encoder)
    for module in encoder.blocks.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    _init_uniform(encoder.patch_embed.proj, generator)


def init_classifier_weights(model: Classifier, generator: Generator) -> None:
    """Set every weight of a classifier as the released code does, whatever it was before.

    ========================  =====================================================
    linear maps of blocks     normal, std 0.02; bias 0
    head                      normal, std 0.02, times the head's scale; bias 0
    patch embedding           uniform within 1/sqrt(values), bias too (Conv3d default)
    the rest                  as in ``init_autoencoder_weights``
    ========================  =====================================================

    Source: models/modeling_finetune.py of the released code.
    """
    _reset_parameters(model)
    _init_uniform(model.encoder.patch_embed.proj, generator)
    for module in model.encoder.blocks.modules():
        if isinstance(module, nn.Linear):
            _init_truncated_normal(module, generator)
    init_head_weights(model, generator)


def init_head_weights(model: Classifier, generator: Generator) -> None:
    """Set the head alone, if there is one."""
    if model.head is not None:
        _init_truncated_normal(model.head, generator)
        with torch.no_grad():
            model.head.weight.mul_(model.config.head_init_scale)


def _reset_parameters(model: nn.Module) -> None:
    """Set what no draw is needed for."""
    for module in model.modules():
        if isinstance(module, nn.LayerNorm | Attention | Block):
            module.reset_parameters()


def _init_uniform(linear: nn.Linear, generator: Generator) -> None:
    bound = 1 / math.sqrt(linear.in_features)
    nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
    if linear.bias is not None:
        nn.init.uniform_(linear.bias, -bound, bound, generator=generator)


def _init_truncated_normal(linear: nn.Linear, generator: Generator) -> None:
    nn.init.trunc_normal_(
        linear.weight, std=_LINEAR_STD, a=-_LINEAR_CUTOFF, b=_LINEAR_CUTOFF, generator=generator
    )
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
