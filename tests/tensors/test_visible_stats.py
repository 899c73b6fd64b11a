"""Mean and contrast of cubes, from the cubes around."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import pixels
from videomae2.tensors.visible_stats import estimate_moments, interpolate_grid


def _index(tokens, vis, seed, batch=2):
    generator = torch.Generator().manual_seed(seed)
    order = [torch.randperm(tokens, generator=generator)[:vis] for _ in range(batch)]
    return torch.stack(order)


@settings(max_examples=30)
@given(st.tuples(*(st.integers(1, 4) for _ in range(3))), st.integers(0, 99), st.data())
def test_known_places_stay_and_others_lie_between(shape, seed, data):
    tokens = shape[0] * shape[1] * shape[2]
    index = _index(tokens, data.draw(st.integers(1, tokens)), seed)
    known = torch.randn(2, index.shape[1], 3)
    filled = interpolate_grid(known, index, shape)
    assert filled.shape == (2, tokens, 3)
    assert torch.equal(filled.gather(1, index[:, :, None].expand(-1, -1, 3)), known)
    assert (filled <= known.amax(dim=1, keepdim=True) + 1e-5).all()
    assert (filled >= known.amin(dim=1, keepdim=True) - 1e-5).all()


def test_what_is_nearer_counts_more():
    known = torch.tensor([[[0.0], [1.0]]])
    filled = interpolate_grid(known, torch.tensor([[0, 4]]), (1, 1, 5))[0, :, 0]
    assert (filled.diff() > 0).all()
    torch.testing.assert_close(filled[2], torch.tensor(0.5))


def test_moments_are_true_where_cubes_are_visible():
    visible = torch.rand(2, 4, 8 * 3, generator=torch.Generator().manual_seed(0))
    index = _index(12, 4, 0)
    mean, std = estimate_moments(visible, index, (3, 2, 2), channels=3)
    assert mean.shape == std.shape == (2, 12, 1, 3)
    for got, want in zip((mean, std), pixels.compute_moments(visible, 3), strict=True):
        picked = torch.stack([row[at] for row, at in zip(got, index, strict=True)])
        assert torch.equal(picked, want)
