"""Random erasing: which clips, which boxes, what noise."""

import math
from dataclasses import replace

import torch

from videomae2.data.augment import erasing
from videomae2.data.augment.erasing import EraseConfig, draw_box_masks
from videomae2.tensors import rng
from videomae2.tensors.clips import apply_and_mask

USUAL = EraseConfig()
ALWAYS = EraseConfig(prob=1.0)


def erase(clips, at, config):
    return erasing.erase(clips, at, config, mean=torch.zeros(3), std=torch.ones(3))


def keys(count, seed=0):
    return torch.tensor([rng.to_int64(rng.make_key(seed, n)) for n in range(count)])


def marked(batch, frames=3, height=24, width=20):
    """Clips of a value that noise never has."""
    return torch.full((batch, frames, height, width, 3), 50.0)


def corners(inside):
    """top, left, height, width of the one box of each clip."""
    row, col = inside.any(dim=2), inside.any(dim=1)
    tall, wide = row.sum(dim=1), col.sum(dim=1)
    return row.int().argmax(dim=1), col.int().argmax(dim=1), tall, wide


def test_a_quarter_of_clips_is_erased():
    changed = (erase(marked(2000, 1, 6, 6), keys(2000), USUAL) != 50).flatten(1).any(dim=1)
    assert abs(changed.double().mean() - 0.25) < 0.03
    x = marked(5)
    assert torch.equal(erase(x, keys(5), replace(USUAL, prob=0.0)), x)


def test_the_box_is_one_rectangle_and_the_same_in_all_frames_and_channels():
    x = erase(marked(60), keys(60), ALWAYS)
    changed = x != 50
    assert torch.equal(changed, changed[:, :1, :, :, :1].expand_as(changed))
    inside = draw_box_masks(keys(60), ALWAYS, 24, 20)
    assert torch.equal(changed[:, 0, :, :, 0], inside)
    _, _, tall, wide = corners(inside)
    assert torch.equal(tall * wide, inside.sum(dim=(1, 2)))


def test_areas_and_shapes_lie_in_their_ranges():
    inside = draw_box_masks(keys(3000), USUAL, 100, 100)
    _, _, tall, wide = corners(inside)
    area = (tall * wide).double() / 10000
    assert area.min() > 0.02 - 0.003  # sides are rounded to whole pixels
    assert area.max() < 1 / 3 + 0.01
    fair = (tall.double() / wide).log()
    assert fair.abs().max() < -math.log(0.3) + 0.12
    assert abs(fair.mean()) < 0.05
    assert abs(area.mean() - (0.02 + 1 / 3) / 2) < 0.01


def test_boxes_reach_every_edge_and_no_further():
    top, left, tall, wide = corners(draw_box_masks(keys(5000), USUAL, 12, 10))
    assert top.min() == 0
    assert left.min() == 0
    assert (top + tall).max() == 12
    assert (left + wide).max() == 10
    room = top.double() / (12 - tall).clamp(min=1)
    assert abs(room.mean() - 0.5) < 0.02


def test_noise_is_of_the_given_mean_and_spread():
    mean, std = torch.tensor([10.0, -5.0, 90.0]), torch.tensor([2.0, 3.0, 0.5])
    plain = erase(marked(20), keys(20), ALWAYS)
    moved = erasing.erase(marked(20), keys(20), ALWAYS, mean=mean, std=std)
    inside = draw_box_masks(keys(20), ALWAYS, 24, 20)[:, None, :, :, None].expand_as(plain)
    torch.testing.assert_close(moved[inside], (plain * std + mean)[inside])
    assert torch.equal(moved[~inside], plain[~inside])


def test_noise_is_normal_and_fresh_in_every_frame_channel_and_clip():
    x = erase(marked(40, 2, 40, 40), keys(40), ALWAYS)
    noise = x[x != 50]
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02
    inside = draw_box_masks(keys(40), ALWAYS, 40, 40)
    for one, two in ((x[:, 0, ..., 0], x[:, 1, ..., 0]), (x[:, 0, ..., 0], x[:, 0, ..., 1])):
        pair = torch.corrcoef(torch.stack((one[inside], two[inside])))
        assert abs(pair[0, 1]) < 0.03
        assert not (one[inside] == two[inside]).any()


def test_the_clips_around_one_and_the_way_of_computing_do_not_matter(monkeypatch):
    x = torch.randn(9, 2, 16, 16, 3, generator=torch.Generator().manual_seed(0))
    whole = erase(x, keys(9), replace(USUAL, prob=0.5))
    assert torch.equal(erase(x[2:5], keys(9)[2:5], replace(USUAL, prob=0.5)), whole[2:5])
    monkeypatch.setattr(
        erasing,
        "masked_apply",
        apply_and_mask,
    )
    assert torch.equal(erase(x, keys(9), replace(USUAL, prob=0.5)), whole)


def test_several_boxes_share_the_area():
    config = replace(ALWAYS, max_count=3, scale=(0.3, 0.3))
    inside = draw_box_masks(keys(2000), config, 60, 60)
    covered = inside.double().mean(dim=(1, 2))
    assert covered.max() < 0.32
    assert covered.min() > 0.09
    _, _, tall, wide = corners(inside)
    single = (tall * wide == inside.sum(dim=(1, 2))) & (covered > 0.28)
    assert abs(single.double().mean() - 1 / 3) < 0.04


def test_first_try_that_fits_is_taken(monkeypatch):
    """Boxes by a plain loop over the same draws, as the released code tries them."""
    from videomae2.tensors.rng_torch import fold_in, uniform

    config = replace(ALWAYS, scale=(0.2, 0.9))
    shape = (
        uniform(fold_in(keys(200), erasing._SHAPE), 2 * erasing.MAX_ATTEMPTS)
        .double()
        .view(200, -1, 2)
    )
    got = corners(draw_box_masks(keys(200), config, 30, 20))
    for number, tries in enumerate(shape.tolist()):
        for area, aspect in tries:
            pixels = (0.2 + 0.7 * area) * 600
            ratio = math.exp(math.log(0.3) + aspect * (math.log(1 / 0.3) - math.log(0.3)))
            tall, wide = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
            if tall < 30 and wide < 20:
                break
        assert (got[2][number], got[3][number]) == (tall, wide)


def test_a_frame_of_one_pixel_has_no_room_for_a_box():
    x = marked(20, 1, 1, 1)
    assert torch.equal(erase(x, keys(20), ALWAYS), x)
