"""What is left out of clips: the right share, by the clip's key alone, the same on every device."""

import pytest
import torch

from tests.helpers.host_syncs import Crossings
from videomae2.tensors.rng_torch import drop_path_mask, dropout_mask

KEYS = torch.arange(20_000) * 0x1234567 + 5


@pytest.mark.parametrize("depth", [1, 2, 12])
def test_rates_of_blocks_rise_evenly_from_exactly_0(depth):
    factors = drop_path_mask(KEYS, 0.3, depth)
    assert factors.shape == (depth, 2, len(KEYS), 1, 1)
    assert (factors[0] == 1).all()
    for number, block in enumerate(factors):
        rate = 0.3 * number / max(1, depth - 1)
        values = block.unique().tolist()
        assert values == pytest.approx([0.0, 1 / (1 - rate)] if rate else [1.0])
        assert (block == 0).float().mean() == pytest.approx(rate, abs=0.01)
        assert block.mean() == pytest.approx(1, abs=0.02)


def test_blocks_and_branches_are_drawn_independently():
    left_out = (drop_path_mask(KEYS, 0.5, 9)[4:] == 0).float().flatten(0, 1).squeeze()
    found = torch.corrcoef(left_out)
    assert found.fill_diagonal_(0).abs().max() < 0.03


def test_features_are_left_out_one_by_one():
    factors = dropout_mask(KEYS[:2000], 0.25, 24)
    assert factors.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (factors == 0).float().mean() == pytest.approx(0.25, abs=0.01)


def test_a_clip_has_its_own_draws_whatever_is_beside_it():
    whole = drop_path_mask(KEYS[:8], 0.5, 4)
    parts = torch.cat([drop_path_mask(part, 0.5, 4) for part in KEYS[:8].split(3)], dim=2)
    assert torch.equal(whole, parts)
    assert torch.equal(dropout_mask(KEYS[3:4], 0.5, 9), dropout_mask(KEYS[:8], 0.5, 9)[3:4])


def test_nothing_is_drawn_globally_and_nothing_waits():
    before = torch.get_rng_state()
    with Crossings() as crossings:
        drop_path_mask(torch.empty(3, dtype=torch.int64, device="meta"), 0.5, 4)
        dropout_mask(torch.empty(3, dtype=torch.int64, device="meta"), 0.5, 4)
    assert crossings.found == []
    assert torch.equal(before, torch.get_rng_state())
