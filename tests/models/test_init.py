"""First weights are distributed as in the released code."""

import math

import torch
from torch import nn

from tests.helpers.models import small_config
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.init import init_autoencoder_weights


def _model(seed=0, **changed):
    model = Autoencoder(small_config(**changed))
    init_autoencoder_weights(model, torch.Generator().manual_seed(seed))
    return model


def test_linear_maps_of_blocks_and_the_head_are_xavier():
    model = _model()
    parts = [*model.encoder.blocks.modules(), *model.decoder.modules()]
    linears = [part for part in parts if isinstance(part, nn.Linear)]
    assert len(linears) == 2 * 4 + 2 * 4 + 1
    for linear in linears:
        bound = math.sqrt(6 / (linear.in_features + linear.out_features))
        assert 0.9 * bound < linear.weight.abs().max() <= bound
        assert linear.bias is None or not linear.bias.any()


def test_patch_embedding_and_projector_are_pytorchs_default():
    model = _model()
    for linear in (model.encoder.patch_embed.proj, model.encoder_to_decoder):
        bound = linear.in_features**-0.5  # kaiming uniform with a = sqrt 5
        assert 0.9 * bound < linear.weight.abs().max() <= bound
    bias = model.encoder.patch_embed.proj.bias
    assert 0 < bias.abs().max() <= model.encoder.patch_embed.proj.in_features**-0.5
    assert model.encoder_to_decoder.bias is None


def test_the_mask_token_is_cut_off_at_one_deviation():
    token = _model(decoder={"embed_dim": 1200}).mask_token
    assert 0.019 < token.abs().max() <= 0.02
    assert 0.009 < token.std() < 0.0125  # 0.0108 for a normal cut off at one deviation


def test_what_starts_at_a_constant():
    model = _model(init_values=0.3, cosine_attention=True)
    for name, weight in model.named_parameters():
        if "gamma" in name:
            assert (weight == 0.3).all()
        elif name.endswith("attn.scale"):
            torch.testing.assert_close(weight.exp(), torch.full_like(weight, 10.0))
        elif "norm" in name:
            assert (weight == float(name.endswith("weight"))).all()
        elif name.endswith(("q_bias", "v_bias")):
            assert not weight.any()


def test_weights_are_a_function_of_the_generator_alone():
    torch.manual_seed(1)
    one = _model(seed=4).state_dict()
    torch.manual_seed(2)
    two, other = _model(seed=4).state_dict(), _model(seed=5).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["mask_token"], other["mask_token"])
