"""Keyed random numbers: the same bits in NumPy and torch, of no order, and evenly spread."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import rng, rng_torch

words = st.integers(0, 2**64 - 1)
few = settings(max_examples=50)


def _keys(*word):
    return torch.tensor([rng.to_int64(w) for w in word])


@few
@given(st.lists(words, min_size=1, max_size=5), st.integers(1, 40))
def test_numpy_and_torch_give_the_same_bits(word, count):
    ours = rng_torch.bits(_keys(*word), count).numpy().view(np.uint64)
    for row, one in zip(ours, word, strict=True):
        np.testing.assert_array_equal(row, rng.bits(one, count))


@few
@given(words, st.integers(0, 10))
def test_a_split_key_is_one_of_the_keys_own_numbers(word, stream):
    split = int(rng_torch.fold_in(_keys(word), stream).numpy().view(np.uint64)[0])
    assert split == int(rng.bits(word, stream + 1)[stream])


@few
@given(words, st.integers(1, 30))
def test_torch_uniforms_are_the_numpy_ones_to_24_bits(word, count):
    ours = rng_torch.uniform(_keys(word), count)[0].double().numpy()
    np.testing.assert_array_equal(ours, np.floor(rng.uniform(word, count) * 2**24) / 2**24)


def test_bits_are_fixed_for_all_time():
    """SplitMix64 from state 1234567: the numbers that other implementations test against."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert rng.bits(1234567, 4).tolist() == known


@few
@given(words)
def test_signed_keeps_the_bits(word):
    assert rng.to_int64(word) % 2**64 == word
    assert -(2**63) <= rng.to_int64(word) < 2**63


def test_keys_depend_on_every_part_and_on_their_order():
    parts = [(a, b, c) for a in range(8) for b in range(8) for c in range(8)]
    assert (
        len({rng.make_key(*p) for p in parts} | {rng.make_key(*p[:2]) for p in parts}) == 512 + 64
    )
    assert rng.make_key(1, 2) != rng.make_key(2, 1)
    assert 0 <= rng.make_key(-3, 2**70) < 2**64


def test_mix_is_a_bijection_on_what_is_tried():
    assert len({rng.mix(x << s) for x in range(1000) for s in (1, 20, 44)}) == len(
        {x << s for x in range(1000) for s in (1, 20, 44)}
    )


def test_numbers_of_a_key_do_not_depend_on_how_many_are_asked():
    np.testing.assert_array_equal(rng.bits(7, 100)[:9], rng.bits(7, 9))
    assert torch.equal(rng_torch.bits(_keys(7, 8), 100)[:, :9], rng_torch.bits(_keys(7, 8), 9))


@pytest.mark.parametrize("stream", [0, 3])
def test_numbers_of_neighbouring_keys_are_uniform_and_unrelated(stream):
    keys = _keys(
        *(rng.make_key(0, epoch, sample, 0) for epoch in range(4) for sample in range(1000))
    )
    x = rng_torch.uniform(rng_torch.fold_in(keys, stream), 8).double()
    assert x.min() >= 0
    assert x.max() < 1
    assert abs(x.mean().item() - 0.5) < 0.01
    counts = torch.histc(x, bins=16, min=0, max=1)
    chi2 = ((counts - x.numel() / 16) ** 2 / (x.numel() / 16)).sum().item()
    assert chi2 < 40  # 15 degrees of freedom
    correlation = torch.corrcoef(torch.cat((x, x.roll(1, dims=0)), dim=1).T) - torch.eye(16)
    assert correlation.abs().max() < 0.08


def test_one_more_in_a_key_part_changes_half_of_the_bits():
    flips = [(rng.make_key(0, n, 5) ^ rng.make_key(0, n + 1, 5)).bit_count() for n in range(500)]
    assert abs(np.mean(flips) - 32) < 1
    assert min(flips) > 10


@few
@given(words, st.integers(1, 200))
def test_below_is_in_range(word, stop):
    assert 0 <= rng.randint(word, stop) < stop


def test_below_reaches_everything_equally_often():
    counts = np.bincount([rng.randint(rng.make_key(3, n), 7) for n in range(7000)], minlength=7)
    assert counts.min() > 850
    assert counts.max() < 1150


@few
@given(words, st.integers(0, 200))
def test_permutations_are_permutations(word, count):
    assert sorted(rng.permutation(word, count)) == list(range(count))


def test_every_permutation_of_four_is_about_as_likely():
    seen: dict[tuple[int, ...], int] = {}
    for n in range(4800):
        order = tuple(rng.permutation(rng.make_key(1, n), 4).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 24
    assert min(seen.values()) > 140
    assert max(seen.values()) < 260


def test_scores_want_a_key_for_every_row():
    with pytest.raises(ValueError, match="one key for each of 3 rows, got 2 keys"):
        rng_torch.draw_scores(3, 5, _keys(1, 2))


def test_scores_of_a_generator_follow_its_state():
    one, two = (torch.Generator().manual_seed(5) for _ in range(2))
    first = rng_torch.draw_scores(2, 6, one)
    assert torch.equal(first, rng_torch.draw_scores(2, 6, two))
    assert not torch.equal(first, rng_torch.draw_scores(2, 6, one))
    assert first.shape == (2, 6)
