"""Changing some rows: both ways give the same."""

import torch

from videomae2.tensors.clips import apply_and_mask, masked_apply


def test_chosen_rows_are_changed_and_the_others_kept():
    x, more = torch.arange(12.0).view(4, 3), torch.tensor([1.0, 10.0, 100.0, 1000.0])
    chosen = torch.tensor([True, False, True, False])
    got = masked_apply(x, chosen, lambda part, by: part + by[:, None], more)
    want = x + torch.tensor([1.0, 0.0, 100.0, 0.0])[:, None]
    assert torch.equal(got, want)
    assert x[0, 0] == 0  # what was given is left alone
    masked = apply_and_mask(x, chosen, lambda part, by: part + by[:, None], more)
    assert torch.equal(masked, want)


def test_nothing_chosen_computes_nothing():
    x = torch.ones(2, 2)
    calls = []
    assert masked_apply(x, torch.tensor([False, False]), calls.append) is x
    assert not calls


def test_only_the_chosen_rows_are_computed():
    sizes = []

    def change(part):
        sizes.append(len(part))
        return part

    masked_apply(torch.ones(5, 2), torch.tensor([True, False, False, True, False]), change)
    assert sizes == [2]
