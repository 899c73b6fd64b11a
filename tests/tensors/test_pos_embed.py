"""Position tables: the released numbers, and what another grid makes of them."""

import pytest
import torch

from videomae2.tensors.pos_embed import (
    build_axial_sinusoid,
    build_pos_embed,
    build_sinusoid,
    resample_pos_embed,
)


@pytest.mark.parametrize(
    ("tokens", "dim", "row", "first", "total"),
    [
        (1568, 768, 1, (0.841471, 0.540302, 0.828431, 0.560091), 245744.99),
        (1568, 768, 1567, (0.608948, -0.793210, 0.093232, -0.995644), 245744.99),
        (1568, 384, 1, (0.841471, 0.540302, 0.815251, 0.579108), 122425.86),
        (2048, 1408, 2047, (-0.968319, 0.249715, -0.342627, -0.939472), 543941.74),
    ],
)
def test_tables_have_the_released_numbers(tokens, dim, row, first, total):
    whole = build_sinusoid(tokens, dim)
    assert whole.shape == (tokens, dim)
    torch.testing.assert_close(whole[row, :4], torch.tensor(first), atol=1e-6, rtol=0)
    assert whole.double().sum().item() == pytest.approx(total, abs=0.02)
    assert whole.double().square().sum().item() == pytest.approx(tokens * dim / 2, abs=0.05)


def test_last_numbers_of_the_last_row():
    last = build_sinusoid(1568, 768)[1567, -2:]
    torch.testing.assert_close(last, torch.tensor([0.159816, 0.987147]), atol=1e-6, rtol=0)


def test_the_trained_grid_itself_is_not_touched():
    fresh = build_sinusoid(4 * 6 * 8, 16)
    assert torch.equal(build_pos_embed((4, 6, 8), 16, pretrained_grid=(4, 6, 8)), fresh)
    assert torch.equal(resample_pos_embed(fresh, (4, 6, 8), (4, 6, 8)), fresh)


def test_without_a_trained_grid_the_table_is_fresh():
    assert torch.equal(build_pos_embed((2, 3, 5), 16), build_sinusoid(30, 16))
    assert not torch.allclose(
        build_pos_embed((2, 3, 5), 16, pretrained_grid=(4, 6, 8)), build_sinusoid(30, 16)
    )


@pytest.mark.parametrize("new", [(8, 6, 8), (2, 6, 8), (4, 9, 8), (4, 6, 5), (7, 3, 11)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_table_that_rises_along_one_axis_still_does(new, axis):
    old = (4, 6, 8)

    def ramp(grid):
        places = (torch.arange(grid[axis]) + 0.5) / grid[axis]
        shape = [-1 if i == axis else 1 for i in range(3)]
        return places.view(shape).expand(grid)

    got = resample_pos_embed(ramp(old).reshape(-1, 1), old, new).view(new).movedim(axis, 0)
    want = ramp(new).movedim(axis, 0)
    torch.testing.assert_close(got, got[:, :1, :1].expand_as(got))  # flat along the others
    assert (got.diff(dim=0) > 0).all()
    torch.testing.assert_close(got[1:-1], want[1:-1], atol=0.03, rtol=0)


def test_space_and_time_are_not_mixed():
    old = build_sinusoid(4 * 4 * 4, 12).unflatten(0, (4, 4, 4))
    only_time = resample_pos_embed(old.flatten(0, 2), (4, 4, 4), (8, 4, 4)).unflatten(0, (8, 4, 4))
    between = 0.75 * old[1] + 0.25 * old[2]
    torch.testing.assert_close(only_time[3], between)
    only_space = resample_pos_embed(old.flatten(0, 2), (4, 4, 4), (4, 6, 8)).unflatten(0, (4, 6, 8))
    alone = resample_pos_embed(old[2].flatten(0, 1), (1, 4, 4), (1, 6, 8)).unflatten(0, (6, 8))
    torch.testing.assert_close(only_space[2], alone)


def test_twice_the_resolution_is_smooth_and_near_the_trained_places():
    old = build_sinusoid(8 * 14 * 14, 32)
    new = resample_pos_embed(old, (8, 14, 14), (16, 28, 28)).unflatten(0, (16, 28, 28))
    assert torch.isfinite(new).all()
    assert new.abs().max() < 1.5
    means = new.unflatten(0, (8, 2)).unflatten(2, (14, 2)).unflatten(4, (14, 2)).mean(dim=(1, 3, 5))
    slow = slice(22, 32)  # channels whose angle moves little from place to place
    error = (means - old.unflatten(0, (8, 14, 14)))[..., slow]
    assert error[1:-1, 1:-1, 1:-1].abs().max() < 0.1


def test_a_table_by_axes_tells_every_place_from_every_other():
    numbers = build_pos_embed((8, 12, 14), 48, kind="axes")
    distance = torch.cdist(numbers, numbers).fill_diagonal_(torch.inf)
    assert numbers.shape == (8 * 12 * 14, 48)
    assert distance.min() > 0.1


def test_a_table_by_axes_says_the_same_of_a_row_in_every_column_and_slot():
    numbers = build_pos_embed((4, 6, 5), 20, kind="axes").reshape(4, 6, 5, 20)
    time, row, col = numbers.split((8, 6, 6), dim=-1)
    assert torch.equal(row, row[:1, :, :1].expand_as(row))
    assert torch.equal(col, col[:1, :1].expand_as(col))
    assert torch.equal(time, time[:, :1, :1].expand_as(time))
    places = torch.arange(6.0)
    torch.testing.assert_close(row[0, :, 0, 0], places.sin())
    torch.testing.assert_close(row[0, :, 0, 3], places.cos())


@pytest.mark.parametrize("dim", [4, 21])
def test_a_table_by_axes_wants_a_pair_of_channels_for_each(dim):
    with pytest.raises(ValueError, match="even dim of 6 or more"):
        build_pos_embed((2, 2, 2), dim, kind="axes")


def test_a_table_by_axes_is_resampled_like_the_flat_one():
    numbers = build_pos_embed((4, 8, 8), 12, pretrained_grid=(4, 4, 4), kind="axes")
    assert numbers.shape == (4 * 8 * 8, 12)
    assert torch.equal(
        numbers, resample_pos_embed(build_axial_sinusoid((4, 4, 4), 12), (4, 4, 4), (4, 8, 8))
    )
