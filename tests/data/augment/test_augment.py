"""All augmentations together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.pillow_ops import clips as pictures
from videomae2.data.augment.augment import AugmentConfig, augment
from videomae2.data.augment.erasing import EraseConfig, erase
from videomae2.data.augment.mixing import MixConfig, mix
from videomae2.data.augment.rand_augment import (
    RandAugmentConfig,
    rand_augment,
)
from videomae2.tensors import rng
from videomae2.tensors.clips import Clips
from videomae2.tensors.label_losses import smooth_labels, to_soft_targets

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
RELEASED = AugmentConfig()
NOTHING = AugmentConfig(
    rand_augment=RandAugmentConfig(num_ops=0),
    erase=EraseConfig(prob=0.0),
    mix=MixConfig(prob=0.0),
)


def batch(size, device="cpu"):
    keys = torch.tensor([rng.to_int64(rng.make_key(3, n)) for n in range(size)])
    made = Clips(pictures(size, 2, 20, 24), keys, torch.ones(size))
    return Clips(made.pixels.to(device), keys.to(device), made.weights.to(device))


def targets(size, device="cpu"):
    return smooth_labels(to_soft_targets(torch.arange(size, device=device) % 5, 5), 0.1)


def run(clips, config, **more):
    device = clips.pixels.device
    asked = replace(clips, targets=targets(len(clips.keys), device))
    return augment(asked, config, mean=MEAN.to(device), std=STD.to(device), **more)


def test_the_defaults_are_the_released_ones():
    numbers = RandAugmentConfig(num_ops=4, magnitude=7.0, magnitude_std=0.5)  # rand-m7-n4-mstd0.5
    assert RELEASED.rand_augment == numbers
    assert (RELEASED.erase.prob, RELEASED.erase.max_count) == (0.25, 1)
    assert (RELEASED.mix.mixup_alpha, RELEASED.mix.cutmix_alpha) == (0.8, 1.0)


def test_without_augmentations_clips_stay_as_they_are():
    clips = batch(3)
    got = run(clips, NOTHING)
    assert torch.equal(got.pixels, clips.pixels)
    assert torch.equal(got.targets, targets(3))
    assert got.keys is clips.keys
    assert got.weights is clips.weights


@pytest.mark.parametrize("size", [1, 2, 5])
def test_parts_are_done_in_their_order(size):
    clips = batch(size)
    x = rand_augment(clips.pixels, clips.keys, RELEASED.rand_augment).float()
    x = erase(x, clips.keys, RELEASED.erase, mean=255 * MEAN, std=255 * STD)
    want = mix(x, targets(size), clips.keys, clips.weights, RELEASED.mix)
    got = run(clips, RELEASED)
    assert torch.equal(got.pixels, want[0])
    assert torch.equal(got.targets, want[1])
    assert torch.equal(run(clips, RELEASED).pixels, got.pixels)  # a function of the keys


def test_other_keys_give_other_clips():
    clips = batch(6)
    other = replace(clips, keys=clips.keys + 1)
    assert not torch.equal(run(clips, RELEASED).pixels, run(other, RELEASED).pixels)


def test_on_a_device_the_host_is_never_asked():
    """On the meta device any look at a value, and any shape that depends on one, is an error."""
    clips = batch(3, "meta")
    got = run(clips, RELEASED)
    assert got.pixels.shape == clips.pixels.shape
    assert got.pixels.dtype == torch.float32


def test_keys_of_the_host_serve_clips_of_a_device():
    clips = batch(6)
    got = run(clips, RELEASED, host_keys=clips.keys)
    assert torch.equal(got.pixels, run(clips, RELEASED).pixels)


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives():
    clips = batch(16)
    want = run(clips, RELEASED)
    there = batch(16, "cuda")
    for host_keys in (None, clips.keys):
        got = run(there, RELEASED, host_keys=host_keys)
        error = (got.pixels.cpu() - want.pixels).abs()
        assert error.max() < 2  # a moved value may be cut down to its neighbour
        assert (error > 1e-2).double().mean() < 1e-3
        np.testing.assert_allclose(got.targets.cpu(), want.targets, atol=1e-6)
