"""Which operations a clip gets, and that it gets just those."""

from dataclasses import replace

import torch

from tests.data.augment.test_ops import carry_out
from tests.helpers.pillow_ops import clips
from videomae2.data.augment import rand_augment as module
from videomae2.data.augment.ops import OPERATIONS
from videomae2.data.augment.rand_augment import (
    RandAugmentConfig,
    apply_operation,
    draw_operations,
    rand_augment,
)
from videomae2.tensors import rng
from videomae2.tensors.clips import apply_and_mask

USUAL = RandAugmentConfig()


def keys(count, seed=0):
    return torch.tensor([rng.to_int64(rng.make_key(seed, n)) for n in range(count)])


def one_by_one(x, drawn, config):
    """Plain: each clip by itself, operation after operation."""
    layers, out = draw_operations(drawn, config), []
    for number, clip in enumerate(x):
        clip = clip[None]
        for layer in layers:
            if layer.is_applied[number]:
                operation = OPERATIONS[layer.operation[number]]
                one = slice(number, number + 1)
                clip = carry_out(operation, clip, layer.magnitude[one], layer.sign[one])
        out.append(clip)
    return torch.cat(out)


def test_a_batch_equals_its_clips_one_by_one():
    x, drawn = clips(40, 2, 20, 24), keys(40)
    got = rand_augment(x, drawn, USUAL)
    assert torch.equal(got, one_by_one(x, drawn, USUAL))
    assert not torch.equal(got, x)


def test_computing_all_rows_and_keeping_the_chosen_gives_the_same(monkeypatch):
    x, drawn = clips(24, 2, 20, 24), keys(24, seed=1)
    listed = rand_augment(x, drawn, USUAL)
    monkeypatch.setattr(module, "masked_apply", apply_and_mask)
    assert torch.equal(rand_augment(x, drawn, USUAL), listed)


def test_the_clips_around_one_do_not_matter():
    x, drawn = clips(9, 1, 20, 24), keys(9)
    whole = rand_augment(x, drawn, USUAL)
    assert torch.equal(rand_augment(x[4:7], drawn[4:7], USUAL), whole[4:7])


def test_no_operations_change_nothing():
    x = clips(3)
    assert torch.equal(rand_augment(x, keys(3), replace(USUAL, num_ops=0)), x)
    assert torch.equal(rand_augment(x, keys(3), replace(USUAL, prob=0.0)), x)


def test_all_operations_and_both_signs_are_drawn_alike():
    layers = draw_operations(keys(6000), USUAL)
    assert len(layers) == 4
    numbers = torch.stack([layer.operation for layer in layers])
    counts = torch.bincount(numbers.flatten(), minlength=15)
    assert counts.min() > 1450
    assert counts.max() < 1750
    for layer in layers:
        assert abs(layer.is_applied.double().mean() - 0.5) < 0.025
        assert abs(layer.sign.mean()) < 0.05
        assert set(layer.sign.tolist()) == {-1.0, 1.0}


def test_layers_are_drawn_independently():
    one, two = draw_operations(keys(6000), replace(USUAL, num_ops=2))
    both = torch.stack(
        (one.operation, two.operation, one.is_applied, two.is_applied, one.sign, two.sign)
    )
    other = torch.corrcoef(torch.cat((both.double(), one.magnitude[None], two.magnitude[None])))
    assert (other - torch.eye(8)).abs().max() < 0.05


def test_magnitudes_are_normal_around_the_wanted_one_and_cut_at_the_ends():
    (layer,) = draw_operations(keys(6000), replace(USUAL, num_ops=1))
    assert abs(layer.magnitude.mean() - 7) < 0.03
    assert abs(layer.magnitude.std() - 0.5) < 0.02
    (wild,) = draw_operations(keys(2000), RandAugmentConfig(num_ops=1, magnitude_std=20.0))
    assert wild.magnitude.min() == 0
    assert wild.magnitude.max() == 10
    (still,) = draw_operations(keys(10), RandAugmentConfig(num_ops=1, magnitude_std=0.0))
    assert still.magnitude.tolist() == [7.0] * 10


def test_apply_leaves_clips_without_an_operation_alone():
    x = clips(30, 1, 20, 24)
    (layer,) = draw_operations(keys(30), replace(USUAL, num_ops=1))
    got = apply_operation(x, layer)
    assert torch.equal(got[~layer.is_applied], x[~layer.is_applied])
    changed = (got != x).flatten(1).any(dim=1)
    assert (changed == layer.is_applied).double().mean() > 0.9  # a shift by nothing may be drawn
