"""The attentive probe against V-JEPA's way to compute it: keys and values of every token."""

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from videomae2.models.attentive_probe import AttentiveProbe, standardize_tokens


def rich_probe(dim=24, heads=3, classes=5):
    generator = torch.Generator().manual_seed(1)
    probe = AttentiveProbe(dim, heads, classes, generator)
    with torch.no_grad():
        for weight in probe.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return probe.double()


def the_long_way(probe, tokens):
    x = probe.norm1(tokens)
    q = probe.query.expand(len(x), 1, -1)
    parts = [
        rearrange(linear(y), "b n (h d) -> b h n d", h=probe.num_heads)
        for linear, y in ((probe.q, q), (probe.k, x), (probe.v, x))
    ]
    y = rearrange(F.scaled_dot_product_attention(*parts), "b h n d -> b n (h d)")
    q = q + y
    return probe.head(q + probe.mlp(probe.norm2(q)))[:, 0]


def test_scores_and_gradients_are_those_of_the_long_way():
    probe = rich_probe()
    tokens = 5 + 3 * torch.randn(4, 17, 24, dtype=torch.float64)
    found = {}
    for name, scores in (
        ("short", probe(standardize_tokens(tokens))),
        ("long", the_long_way(probe, tokens)),
    ):
        probe.zero_grad()
        scores.square().mean().backward()
        found[name] = (
            scores,
            {n: p.grad.clone() for n, p in probe.named_parameters() if p.grad is not None},
        )
    torch.testing.assert_close(found["short"][0], found["long"][0], atol=1e-5, rtol=1e-5)
    for name, gradient in found["short"][1].items():
        torch.testing.assert_close(gradient, found["long"][1][name], atol=1e-5, rtol=1e-4)


def test_the_bias_of_keys_alone_has_no_effect():
    probe = rich_probe()
    probe(standardize_tokens(torch.randn(2, 9, 24, dtype=torch.float64))).sum().backward()
    assert [n for n, p in probe.named_parameters() if p.grad is None] == ["k.bias"]


def test_first_weights_are_the_generators():
    one, other = (AttentiveProbe(24, 3, 5, torch.Generator().manual_seed(7)) for _ in range(2))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert one.query.std() > 0


def test_heads_must_split_the_width():
    with pytest.raises(ValueError, match="dim=24, heads=5"):
        AttentiveProbe(24, 5, 3, torch.Generator())
