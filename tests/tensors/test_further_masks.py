"""Further masks that keep what the first leaves out."""

import math

import pytest
import torch

from videomae2.tensors.masks import build_further_masks, build_running_cell_maps, drop

SHAPE = (4, 4, 6)
CASES = [("running-cell", r) for r in (0.25, 0.5, 0.75)] + [
    (kind, r) for kind in ("random", "frame") for r in (0.25, 0.5, 0.75)
]


def drawn(kind, ratio, batch=5):
    return drop(kind, SHAPE, ratio, batch=batch, rng=torch.arange(batch))


@pytest.mark.parametrize(("kind", "ratio"), [*CASES, ("random", 0.9), ("random", 0.37)])
def test_together_they_keep_every_cube_and_each_drops_as_many(kind, ratio):
    first = drawn(kind, ratio)
    further = build_further_masks(kind, first, SHAPE, ratio)
    assert not torch.stack([first, *further]).all(dim=0).any()
    counts = {int(count) for mask in (first, *further) for count in mask.sum(dim=1)}
    assert len(counts) == 1
    kept = math.prod(SHAPE) - counts.pop()
    assert len(further) + 1 == math.ceil(math.prod(SHAPE) / kept)


@pytest.mark.parametrize("kind", ["running-cell", "random", "frame"])
def test_half_and_half_is_the_opposite(kind):
    first = drawn(kind, 0.5)
    (second,) = build_further_masks(kind, first, SHAPE, 0.5)
    assert torch.equal(second, ~first)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75])
def test_running_cells_stay_running_cells(ratio):
    maps = build_running_cell_maps(SHAPE, ratio)
    for mask in build_further_masks("running-cell", drawn("running-cell", ratio), SHAPE, ratio):
        assert (mask[:, None] == maps).all(dim=2).any(dim=1).all()


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75])
def test_frames_stay_whole(ratio):
    for mask in build_further_masks("frame", drawn("frame", ratio), SHAPE, ratio):
        slots = mask.reshape(-1, SHAPE[0], SHAPE[1] * SHAPE[2])
        assert torch.equal(slots.all(dim=2), slots.any(dim=2))
