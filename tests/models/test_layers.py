"""The pieces of a block, against other implementations and by their definition."""

import pytest
import torch
from torch import nn

from videomae2.models.layers import Attention, Block, Blocks, compute_mlp_width


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
    block = Block(24, 3, 48, init_values=1e-9)
    x = _x(2, 7, 24)
    torch.testing.assert_close(block(x, 7), x)
    assert {"gamma_1", "gamma_2"} <= {name for name, _ in block.named_parameters()}
    assert not any("gamma" in name for name, _ in Block(24, 3, 48).named_parameters())


def test_a_block_leaves_out_the_branches_of_whole_clips():
    block, x = Block(24, 3, 48), _x(4, 7, 24)
    factors = torch.tensor([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 2.0, 1.0]]).view(2, 4, 1, 1)
    y = block(x, 7, factors)
    assert torch.equal(y[0], x[0])
    attention, whole = block.attn(block.norm1(x), 7), block(x, 7)
    torch.testing.assert_close(y[1], x[1] + 2 * attention[1])
    torch.testing.assert_close(y[2], x[2] + 2 * block.mlp(block.norm2(x))[2])
    torch.testing.assert_close(y[3], whole[3])


def test_stochastic_depth_wants_keys_in_training_alone():
    blocks, x = Blocks(24, 2, 3, 48, drop_path=0.5), _x(2, 7, 24)
    with pytest.raises(ValueError, match="draws by the clips' keys: give them in training"):
        blocks.train()(x)
    assert torch.equal(blocks.eval()(x), blocks(x, keys=torch.arange(2)))


def test_mlp_widths_are_rounded_down_as_released():
    assert compute_mlp_width(512, 48 / 11) == 2234
    assert compute_mlp_width(1408, 48 / 11) == 6144
    assert compute_mlp_width(32, 48 / 11) == 139
    assert compute_mlp_width(768, 4.0) == 3072
