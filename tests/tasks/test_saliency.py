"""Rollout and gradients are what their papers say, on models small enough to check."""

import pytest
import torch

from videomae2.models.encoder import EncoderConfig, VideoEncoder
from videomae2.models.init import init_encoder_weights
from videomae2.tasks.saliency import integrate_gradients, roll_out_attention

SMALL = {"size": "tiny", "frames": 4, "height": 16, "width": 16, "embed_dim": 24, "num_heads": 2}


@pytest.fixture(params=[False, True], ids=["plain", "cosine"])
def encoder(request):
    config = EncoderConfig(**SMALL, depth=3, cosine_attention=request.param)
    encoder = VideoEncoder(config).eval().requires_grad_(False)
    init_encoder_weights(encoder, torch.Generator().manual_seed(0))
    for block in encoder.blocks:
        block.attn.qkv.weight *= 20  # else all attention is even
    return encoder


def draw_values(encoder):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, encoder.cubes.tokens, encoder.cubes.values, generator=generator)


@pytest.mark.parametrize("reads_first", [False, True])
def test_rollout_is_the_product_of_all_attention(encoder, reads_first):
    values, tokens = draw_values(encoder), encoder.cubes.tokens
    x = encoder.patch_embed(values) + encoder.pos_embed
    product = torch.eye(tokens).expand(2, -1, -1)
    for block in encoder.blocks:
        weights = block.attn.compute_weights(block.norm1(x))
        torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, tokens))
        product = (weights + torch.eye(tokens)) / 2 @ product
        x = block(x, tokens)
    wanted = product[:, 0] if reads_first else product.mean(dim=1)
    found = roll_out_attention(encoder, values, reads_first=reads_first)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2))
    assert found.std() > 0


def test_attention_weights_are_those_that_are_used(encoder):
    attention = encoder.blocks[0].attn
    x = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(2))
    attention.proj.weight.copy_(torch.eye(24))
    attention.num_heads = 1  # of several, each has weights of its own
    if attention.scale is not None:
        attention.scale.data = attention.scale.data[:1]
    v = attention.qkv(x)[..., 48:] + attention.v_bias
    torch.testing.assert_close(
        attention(x, 5), attention.compute_weights(x) @ v, rtol=1e-4, atol=1e-4
    )


def test_integrated_gradients_sum_up_to_the_difference():
    generator = torch.Generator().manual_seed(0)
    values, base = torch.rand(1, 6, 4, generator=generator), torch.zeros(1, 6, 4)
    weight = torch.tensor([0.0, 1.0, 2.0, 0.0, 3.0, 0.0])[:, None]

    def score(x):
        return (weight * x.square()).sum(dim=(1, 2))

    shares = integrate_gradients(score, values, base, steps=50)
    wanted = (weight * values[0].square()).sum(dim=1)
    torch.testing.assert_close(shares[0], wanted / wanted.sum(), atol=1e-4, rtol=0)


def test_where_nothing_matters_all_counts_alike():
    shares = integrate_gradients(
        lambda x: (0 * x).sum(dim=(1, 2)), torch.rand(1, 4, 3), torch.zeros(1, 4, 3), steps=2
    )
    assert shares.tolist() == [[0.25] * 4]
