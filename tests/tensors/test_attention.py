"""Attention head by head: the same as PyTorch's own but for rounding, gradients included."""

import pytest
import torch
import torch.nn.functional as F

from videomae2.tensors import attention
from videomae2.tensors.attention import attend


def _case(asked, tokens, dtype=torch.float32):
    generator = torch.Generator().manual_seed(asked)
    sizes = [(2, 3, n, 8) for n in (asked, tokens, tokens)]
    parts = [torch.randn(size, generator=generator).to(dtype).requires_grad_() for size in sizes]
    return parts, torch.randn(sizes[0], generator=generator).to(dtype)


def _results(function, parts, grad, scale):
    for part in parts:
        part.grad = None
    y = function(*parts, scale=scale)
    y.backward(grad)
    return [y, *(part.grad for part in parts)]


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("scale", [None, 1.0, 3.0])
@pytest.mark.parametrize(("asked", "tokens"), [(150, 150), (1, 130), (60, 200), (7, 9)])
def test_one_head_after_the_other_is_the_same(asked, tokens, scale):
    parts, grad = _case(asked, tokens)
    ours = _results(attend, parts, grad, scale)
    theirs = _results(F.scaled_dot_product_attention, parts, grad, scale)
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).norm() < 1e-5 * b.norm()


@pytest.mark.usefixtures("onednn")
def test_bf16_is_as_near_to_the_truth_as_pytorchs_own():
    parts, grad = _case(140, 140, torch.bfloat16)
    exact = _results(F.scaled_dot_product_attention, [p.detach().float().requires_grad_()
                     for p in parts], grad.float(), None)  # fmt: skip
    ours = _results(attend, parts, grad, None)
    for got, want in zip(ours, exact, strict=True):
        assert got.dtype == torch.bfloat16
        assert (got.float() - want).norm() < 0.02 * want.norm()


@pytest.mark.usefixtures("onednn")
def test_views_of_one_projection_are_fine():
    qkv = torch.randn(2, 140, 3, 3, 8, generator=torch.Generator().manual_seed(0))
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    torch.testing.assert_close(
        attend(q, k, v), F.scaled_dot_product_attention(q, k, v), atol=1e-5, rtol=1e-5
    )


def test_by_default_it_is_pytorchs_own():
    (q, k, v), _ = _case(150, 150)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))


@pytest.fixture
def plain(monkeypatch):
    """Plain products for few tokens in bf16, as on a CPU that computes these fast."""
    monkeypatch.setattr(attention, "_use_plain_bf16", False)  # set back at the end
    attention.set_plain_bf16(True)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("scale", [None, 0.1, 1.0])
@pytest.mark.parametrize(
    ("asked", "tokens"), [(1, 1), (8, 8), (6, 16), (40, 40), (1, 64), (64, 64)]
)
def test_few_tokens_in_bf16_are_as_near_to_the_truth_by_plain_products(asked, tokens, scale):
    parts, grad = _case(asked, tokens, torch.bfloat16)
    fused = F.scaled_dot_product_attention
    exact = _results(fused, [p.detach().float().requires_grad_() for p in parts],
                     grad.float(), scale)  # fmt: skip
    theirs = _results(fused, parts, grad, scale)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = _results(attend, parts, grad, scale)
    assert not torch.equal(ours[0], theirs[0]) or tokens == 1
    for got, want, other in zip(ours, exact, theirs, strict=True):
        assert got.dtype == torch.bfloat16
        bound = max(0.02 * want.norm(), 2 * (other.float() - want).norm(), torch.tensor(1e-2))
        assert (got.float() - want).norm() < bound


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("tokens", "dtype"), [(16, torch.float32), (65, torch.bfloat16)])
def test_float32_and_more_tokens_keep_their_bits(tokens, dtype):
    (q, k, v), _ = _case(9, tokens, dtype)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))


@pytest.mark.usefixtures("plain")
def test_what_is_exported_or_compiled_is_pytorchs_own(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    (q, k, v), _ = _case(16, 16, torch.bfloat16)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))
