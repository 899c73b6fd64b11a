"""Linear maps by another library: the same but for rounding, gradients included."""

import pytest
import torch
import torch.nn.functional as F

from videomae2.tensors import matmul


def _case(bias, rows):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*rows, 24, generator=generator, requires_grad=True)
    weight = torch.randn(7, 24, generator=generator, requires_grad=True)
    offset = torch.randn(7, generator=generator, requires_grad=True) if bias else None
    return x, weight, offset


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [(5,), (2, 3), (2, 1, 3), (1,)])
def test_onednn_agrees_with_pytorch(bias, rows):
    grad = torch.randn(*rows, 7, generator=torch.Generator().manual_seed(1))
    results = []
    for function in (matmul.linear, F.linear):
        given = _case(bias, rows)
        y = function(*given)
        y.backward(grad)
        results.append((y, *(t.grad for t in given if t is not None)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("onednn")
def test_views_and_frozen_parts_work():
    x, weight, offset = _case(True, (4, 9))
    part = x[:, -3:].detach()
    y = matmul.linear(part, weight[2:], offset[2:])
    torch.testing.assert_close(y, F.linear(part, weight[2:], offset[2:]))
    y.sum().backward()
    assert weight.grad[:2].abs().sum() == 0
    assert weight.grad[2:].abs().sum() > 0


@pytest.mark.usefixtures("onednn")
def test_other_types_autocast_and_meta_go_to_pytorch():
    x, weight, offset = _case(True, (2, 3))
    double = matmul.linear(x.double(), weight.double(), offset.double())
    assert double.dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert matmul.linear(x, weight, offset).dtype == torch.bfloat16
    assert matmul.linear(x.to("meta"), weight.to("meta"), None).shape == (2, 3, 7)


@pytest.mark.usefixtures("onednn")
def test_under_autocast_gradients_come_in_the_types_of_the_weights():
    x, weight, offset = _case(True, (2, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = matmul.linear(x, weight, offset)
        y.float().square().sum().backward()
    assert all(t.grad.dtype == torch.float32 for t in (x, weight, offset))
    found = [t.grad.clone() for t in (x, weight, offset)]
    for t in (x, weight, offset):
        t.grad = None
    F.linear(x, weight, offset).square().sum().backward()
    for got, t in zip(found, (x, weight, offset), strict=True):
        assert (got - t.grad).norm() < 0.02 * t.grad.norm()


@pytest.mark.usefixtures("onednn")
def test_nothing_to_multiply_is_fine():
    assert matmul.linear(torch.zeros(0, 24), torch.zeros(7, 24), None).shape == (0, 7)


@pytest.mark.parametrize("library", ["default", "onednn"])
@pytest.mark.parametrize("autocast", [False, True])
def test_what_gelu_gives_is_computed_again_for_the_gradient(library, autocast, request):
    if library == "onednn":
        request.getfixturevalue("onednn")
    results = []
    for function in (matmul.gelu_linear, lambda x, *more: matmul.linear(F.gelu(x), *more)):
        given = _case(True, (2, 3))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            y = function(given[0].bfloat16() if autocast else given[0], *given[1:])
            y.float().square().sum().backward()
        results.append((y, *(t.grad for t in given)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-2 if autocast else 1e-6)


def test_what_gelu_gives_is_not_kept():
    x, weight, offset = _case(True, (4, 9))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        matmul.gelu_linear(x, weight, offset)
    assert {t.untyped_storage().data_ptr() for t in kept} == {
        t.untyped_storage().data_ptr() for t in (x, weight)
    }
