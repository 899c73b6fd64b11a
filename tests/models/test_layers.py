"""The pieces of a block, against other implementations and by their definition."""

import pytest
import torch
from torch import nn

from videomae2.models.encoder import Blocks
from videomae2.models.layers import Attention, Block, DropPath, mlp_width


def _x(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_attention_matches_pytorchs_own():
    """nn.MultiheadAttention with the key's bias at 0, on the same weights."""
    ours, theirs = Attention(24, 3), nn.MultiheadAttention(24, 3, batch_first=True)
    with torch.no_grad():
        ours.q_bias.copy_(_x(24, seed=1))
        ours.v_bias.copy_(_x(24, seed=2))
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(torch.cat((ours.q_bias, torch.zeros(24), ours.v_bias)))
        theirs.out_proj.weight.copy_(ours.proj.weight)
        theirs.out_proj.bias.copy_(ours.proj.bias)
    x = _x(2, 7, 24)
    want = theirs(x, x, x, need_weights=False)[0]
    torch.testing.assert_close(ours(x, 7), want, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(x, 3), want[:, -3:], atol=1e-5, rtol=1e-5)


def test_a_bias_of_the_key_would_change_nothing():
    ours = Attention(24, 3)
    x = _x(2, 7, 24)
    want = ours(x, 7)
    q, k, v = ours._project(x, 7)
    weight = torch.softmax(q @ (k + 5).transpose(2, 3) * 8**-0.5, dim=-1)
    y = (weight @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(ours.proj(y), want, atol=1e-5, rtol=1e-5)


def test_cosine_attention_does_not_see_the_length_of_queries_and_keys():
    ours = Attention(24, 3, cosine=True)
    x = _x(2, 7, 24)
    want = ours(x, 7)
    with torch.no_grad():
        ours.qkv.weight[:48] *= 3
    torch.testing.assert_close(ours(x, 7), want, atol=1e-5, rtol=1e-5)


def test_layer_scale_multiplies_each_branch():
    block = Block(24, 3, 48, layer_scale=1e-9)
    x = _x(2, 7, 24)
    torch.testing.assert_close(block(x, 7), x)
    assert {"gamma_1", "gamma_2"} <= {name for name, _ in block.named_parameters()}
    assert not any("gamma" in name for name, _ in Block(24, 3, 48).named_parameters())


def test_drop_path_keeps_the_expectation_and_whole_clips():
    torch.manual_seed(0)
    drop = DropPath(0.3).train()
    x = torch.ones(20000, 2, 3)
    y = drop(x)
    per_clip = y.flatten(1)
    assert torch.equal(per_clip, per_clip[:, :1].expand_as(per_clip))
    assert per_clip[:, 0].unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert abs((per_clip[:, 0] == 0).float().mean().item() - 0.3) < 0.01
    assert abs(y.mean().item() - 1) < 0.02
    assert drop.eval()(x) is x


@pytest.mark.parametrize("depth", [1, 2, 12])
def test_drop_path_rises_from_exactly_0(depth):
    rates = [block.drop_path.rate for block in Blocks(24, depth, 3, 48, drop_path=0.2)]
    assert rates[0] == 0
    assert rates == pytest.approx([0.2 * i / max(1, depth - 1) for i in range(depth)])


def test_drop_path_at_rate_0_draws_nothing():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    DropPath(0.0).train()(torch.ones(2, 3, 4))
    assert torch.equal(before, torch.get_rng_state())


def test_mlp_widths_are_rounded_down_as_released():
    assert mlp_width(512, 48 / 11) == 2234
    assert mlp_width(1408, 48 / 11) == 6144
    assert mlp_width(32, 48 / 11) == 139
    assert mlp_width(768, 4.0) == 3072
