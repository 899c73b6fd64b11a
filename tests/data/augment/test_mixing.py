"""Mixup and cutmix against a plain restatement, for batches of any size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tensors.test_rng_distributions import beta_cumulative, distance
from videomae2.data.augment.mixing import MixConfig, draw_mix_weights, mix
from videomae2.tensors import rng
from videomae2.tensors.label_losses import smooth_labels, to_soft_targets

USUAL = MixConfig()
MIXUP = MixConfig(cutmix_alpha=0.0)
CUTMIX = MixConfig(mixup_alpha=0.0)
NEITHER = MixConfig(mixup_alpha=0.0, cutmix_alpha=0.0)
few = settings(max_examples=40)


def key(number, seed=0):
    return torch.tensor([rng.to_int64(rng.make_key(seed, number))])


def batch(size, height=12, width=10, classes=7):
    generator = np.random.default_rng(size)
    x = torch.tensor(generator.normal(size=(size, 2, height, width, 3)), dtype=torch.float32)
    labels = torch.tensor(generator.integers(0, classes, size))
    keys = torch.cat([key(100 + n, size) for n in range(size)])
    return x, labels, keys, torch.ones(size)


def plain(x, labels, classes, smoothing, pixels_kept):
    """Clip by clip in NumPy; the share of the target is counted from the pixels."""
    x, size = x.numpy().astype(np.float64), len(x)
    out, targets = np.zeros_like(x), np.zeros((size, classes))
    kept = pixels_kept.astype(np.float64).mean()
    for n in range(size):
        other = size - 1 - n
        for row in range(x.shape[2]):
            for col in range(x.shape[3]):
                share = pixels_kept[row, col]
                out[n, :, row, col] = x[n, :, row, col] * share + x[other, :, row, col] * (
                    1 - share
                )
        for label, part in ((labels[n], kept), (labels[other], 1 - kept)):
            for number in range(classes):
                right = 1 - smoothing + smoothing / classes
                targets[n, number] += part * (right if number == label else smoothing / classes)
    return out, targets


@few
@given(st.integers(1, 7), st.integers(0, 10**6), st.sampled_from([USUAL, MIXUP, CUTMIX, NEITHER]))
def test_clips_and_targets_are_those_of_the_restatement(size, seed, config):
    x, labels, keys, weights = batch(size)
    keys[0] = key(seed)[0]
    got, targets = mix(x, smooth_labels(to_soft_targets(labels, 7), 0.1), keys, weights, config)
    kept = draw_mix_weights(keys, config, 12, 10)[1].numpy()
    want, want_targets = plain(x, labels, 7, 0.1, kept)
    np.testing.assert_allclose(got, want, atol=2e-6)
    np.testing.assert_allclose(targets, want_targets, atol=2e-6)
    np.testing.assert_allclose(targets.sum(dim=1), 1, atol=1e-5)


def test_only_the_middle_clip_of_an_odd_batch_stays_as_it_is():
    x, labels, keys, weights = batch(5)
    got, targets = mix(x, to_soft_targets(labels, 7), keys, weights, MIXUP)
    same = (got == x).flatten(1).all(dim=1)
    assert same.tolist() == [False, False, True, False, False]
    assert targets[2].max() == 1


def test_a_clip_whose_partner_could_not_be_read_stays_as_it_is():
    x, labels, keys, weights = batch(6)
    weights[1] = 0
    for config in (MIXUP, CUTMIX):
        got, targets = mix(x, to_soft_targets(labels, 7), keys, weights, config)
        assert torch.equal(got[4], x[4])
        assert targets[4].max() == 1
        assert not torch.equal(got[0], x[0])


def test_nothing_is_mixed_where_nothing_is_wanted():
    x, labels, keys, weights = batch(4)
    for config in (NEITHER, replace(USUAL, prob=0.0)):
        got, targets = mix(x, to_soft_targets(labels, 7), keys, weights, config)
        assert torch.equal(got, x)
        assert torch.equal(targets, to_soft_targets(labels, 7))


def test_half_of_the_batches_is_mixed_by_cutmix():
    mixes = [draw_mix_weights(key(n), USUAL, 40, 40) for n in range(250)]
    cut = [bool(((pixels == 0) | (pixels == 1)).all()) for _, pixels in mixes]
    assert abs(np.mean(cut) - 0.5) < 0.08
    rare = replace(CUTMIX, prob=0.3)
    mixed = [float(draw_mix_weights(key(n), rare, 40, 40)[0]) < 1 for n in range(250)]
    assert abs(np.mean(mixed) - 0.3) < 0.08


@pytest.mark.parametrize("alpha", [0.8, 0.3])
def test_shares_of_mixup_are_beta_distributed(alpha):
    config = replace(MIXUP, mixup_alpha=alpha)
    kept = [float(draw_mix_weights(key(n, 5), config, 4, 4)[0]) for n in range(200)]
    assert distance(kept, beta_cumulative(alpha, alpha)) < 1.95 / np.sqrt(200)


def test_boxes_of_cutmix_are_the_released_ones():
    """cutmix_bbox_and_lam of timm, given its draws, in whole pixels."""
    from videomae2.data.augment import mixing
    from videomae2.tensors.rng_torch import beta, fold_in, uniform

    for n in range(80):
        share = float(beta(fold_in(key(n), mixing._CUTMIX), 1.0, 1.0))
        place = uniform(fold_in(key(n), mixing._POSITION), 2)[0].double().tolist()
        ratio = np.sqrt(1 - share)
        cut_h, cut_w = int(30 * ratio), int(20 * ratio)
        cy, cx = int(place[0] * 30), int(place[1] * 20)
        top, bottom = np.clip((cy - cut_h // 2, cy + cut_h // 2), 0, 30)
        left, right = np.clip((cx - cut_w // 2, cx + cut_w // 2), 0, 20)
        want = np.ones((30, 20))
        want[top:bottom, left:right] = 0
        lam, pixels = draw_mix_weights(key(n), CUTMIX, 30, 20)
        np.testing.assert_array_equal(pixels, want)
        assert abs(float(lam) - (1 - (bottom - top) * (right - left) / 600)) < 1e-12


def test_one_draw_serves_the_whole_batch_and_depends_on_its_first_clip():
    x, labels, keys, weights = batch(4)
    other = keys.clone()
    other[1:] += 1
    one = mix(x, to_soft_targets(labels, 7), keys, weights, USUAL)
    assert torch.equal(one[0], mix(x, to_soft_targets(labels, 7), other, weights, USUAL)[0])
    other[0] += 1
    assert not torch.equal(one[0], mix(x, to_soft_targets(labels, 7), other, weights, USUAL)[0])


def test_several_labels_and_numbers_are_mixed_too():
    x, _, keys, weights = batch(2)
    targets = torch.tensor([[1.0, 1.0, 0.0, 3.5], [0.0, 1.0, 1.0, -1.0]])
    _, mixed = mix(x, targets, keys, weights, MIXUP)
    kept = float(draw_mix_weights(keys, MIXUP, 12, 10)[0])
    np.testing.assert_allclose(mixed[0], kept * targets[0] + (1 - kept) * targets[1], atol=1e-6)
