"""Pixels into inputs and targets, and back."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import pixels

few = settings(max_examples=30)


def _cubes(channels, count, seed, batch=2, picked=3):
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, picked, count * channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@few
@given(st.sampled_from([1, 3, 4, 12]), st.integers(1, 20), st.integers(0, 99))
def test_normalise_is_done_channel_by_channel(channels, count, seed):
    cubes = _cubes(channels, count, seed)
    mean, std = torch.rand(channels) * 0.6, 0.1 + torch.rand(channels)
    got = pixels.normalize(cubes, mean, std)
    want = (cubes.unflatten(2, (count, channels)).double() / 255 - mean) / std
    torch.testing.assert_close(got, want.flatten(2).float(), atol=5e-6, rtol=1e-5)


@few
@given(st.sampled_from([1, 3, 4]), st.integers(2, 30), st.integers(0, 99))
def test_a_target_has_mean_0_and_unbiased_variance_1(channels, count, seed):
    target = pixels.compute_target(_cubes(channels, count, seed), channels=channels)
    per_channel = target.unflatten(2, (count, channels))
    torch.testing.assert_close(
        per_channel.mean(dim=2), torch.zeros(2, 3, channels), atol=1e-4, rtol=0
    )
    spread = per_channel.std(dim=2, correction=1)
    assert ((spread - 1).abs() < 1e-3).logical_or(spread < 1e-3).all()


@few
@given(st.sampled_from([1, 3]), st.integers(2, 30), st.integers(0, 99))
def test_denormalise_undoes_the_target(channels, count, seed):
    cubes = _cubes(channels, count, seed)
    plain = pixels.compute_target(cubes, channels=channels, normalize_target=False)
    mean, std = pixels.compute_moments(plain, channels)
    back = pixels.denormalize(pixels.compute_target(cubes, channels=channels), mean, std)
    torch.testing.assert_close(back, plain, atol=1e-6, rtol=0)


def test_plain_targets_are_pixels_from_0_to_1():
    cubes = torch.tensor([[[0, 51, 255]]], dtype=torch.uint8)
    got = pixels.compute_target(cubes, channels=3, normalize_target=False)
    torch.testing.assert_close(got, torch.tensor([[[0, 0.2, 1.0]]]))


def test_a_cube_without_contrast_stays_finite():
    for value in (0, 77, 255):
        cubes = torch.full((1, 2, 512 * 3), value, dtype=torch.uint8)
        assert pixels.compute_target(cubes, channels=3).abs().max() < 0.2


def test_floats_on_the_scale_of_bytes_give_the_same_target():
    cubes = _cubes(3, 20, 0)
    assert torch.equal(
        pixels.compute_target(cubes, channels=3), pixels.compute_target(cubes.float(), channels=3)
    )
