"""Mean and contrast of cubes such that they join."""

import pytest
import torch

from videomae2.tensors import grid, pixels
from videomae2.tensors.grid import Cubes
from videomae2.tensors.visible_stats import PRIOR_WEIGHT, TIME_WEIGHT, match_boundaries

CUBES = Cubes(frames=6, height=12, width=16, tubelet_size=2, patch_size=4, channels=2)


def scene(seed=0, batch=2):
    """Smooth clips as cubes in [0, 1], and a quarter of the cubes that is visible."""
    generator = torch.Generator().manual_seed(seed)
    t, y, x = torch.meshgrid(*(torch.arange(n) for n in (6, 12, 16)), indexing="ij")
    phase = torch.rand(batch, 1, 1, 1, 2, generator=generator) * 6
    clips = 0.5 + 0.4 * torch.sin(phase + (0.1 * t + 0.35 * y + 0.3 * x)[None, ..., None])
    values = grid.split(clips, CUBES)
    visible = torch.rand(batch, CUBES.tokens, generator=generator) < 0.25
    return values, visible


def guess(values, visible):
    mean, std = pixels.compute_moments(values, 2)
    shown = visible[:, :, None, None]
    return torch.where(shown, mean, 0.5), torch.where(shown, std, 0.1)


def total(x, patterns, first_guess, known):
    """The sum of the module's first lines, cube by cube and pixel by pixel, for one clip."""
    time, row, col = CUBES.grid
    cubes = patterns.view(time, row, col, 2, 4, 4, 2) * x[1].view(time, row, col, 1, 1, 1, 2)
    cubes = cubes + x[0].view(time, row, col, 1, 1, 1, 2)
    known = known.view(time, row, col)
    found = PRIOR_WEIGHT * (x - first_guess).square().sum()
    for a in [(t, r, c) for t in range(time) for r in range(row) for c in range(col)]:
        for axis, weight in enumerate((TIME_WEIGHT, 1.0, 1.0)):
            b = tuple(p + (i == axis) for i, p in enumerate(a))
            if b[axis] < CUBES.grid[axis] and known[a] and known[b]:
                face, other = cubes[a].select(axis, -1), cubes[b].select(axis, 0)
                found = found + weight * (face - other).square().mean(dim=(0, 1)).sum()
    return found


@pytest.mark.parametrize("share_predicted", [1.0, 0.6])
def test_it_is_the_minimum_of_the_sum(share_predicted):
    values, visible = scene(batch=1)
    generator = torch.Generator().manual_seed(5)
    predicted = ~visible & (torch.rand(visible.shape, generator=generator) < share_predicted)
    patterns = pixels.compute_target(values * 255, channels=2).double()
    mean, std = (m.double() for m in guess(values, visible))
    found = match_boundaries(patterns, mean, std, visible=visible, predicted=predicted, cubes=CUBES)
    assert (found[1] > 0).all()  # or else the cut at 0 would move it off the minimum
    first_guess, known = torch.stack((mean[0], std[0])), (visible | predicted)[0]
    x = torch.stack((found[0][0], found[1][0])).requires_grad_()
    (slope,) = torch.autograd.grad(total(x, patterns[0], first_guess, known), x)
    assert slope[:, predicted[0]].abs().max() < 1e-6


def test_what_is_visible_or_unknown_stays():
    values, visible = scene()
    predicted = ~visible
    predicted[:, ::5] = False
    mean, std = guess(values, visible)
    patterns = pixels.compute_target(values * 255, channels=2)
    found = match_boundaries(patterns, mean, std, visible=visible, predicted=predicted, cubes=CUBES)
    for got, before in zip(found, (mean, std), strict=True):
        assert torch.equal(got[~predicted], before[~predicted])
        assert not torch.equal(got[predicted], before[predicted])


def test_true_patterns_bring_pixels_nearer_to_the_truth():
    values, visible = scene()
    mean, std = guess(values, visible)
    patterns = pixels.compute_target(values * 255, channels=2)
    found = match_boundaries(patterns, mean, std, visible=visible, predicted=~visible, cubes=CUBES)
    before, after = (
        (pixels.denormalize(patterns, *moments) - values).square().mean().sqrt()
        for moments in ((mean, std), found)
    )
    assert after < 0.6 * before


def test_a_true_guess_stays_where_the_scene_is_flat():
    values = torch.full((1, CUBES.tokens, CUBES.values), 0.3)
    visible = torch.zeros(1, CUBES.tokens, dtype=torch.bool)
    mean, std = pixels.compute_moments(values, 2)
    found = match_boundaries(
        torch.zeros_like(values), mean, std, visible=visible, predicted=~visible, cubes=CUBES
    )
    torch.testing.assert_close(found, (mean, std))
