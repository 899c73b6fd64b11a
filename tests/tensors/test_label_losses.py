"""Labels into targets, and weights against imbalance."""

import pytest
import torch
import torch.nn.functional as F

from videomae2.tensors.label_losses import (
    compute_class_weights,
    compute_pos_weights,
    smooth_labels,
    to_soft_targets,
)


def test_a_class_has_all_of_its_clip_and_soft_targets_stay():
    assert to_soft_targets(torch.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    soft = torch.tensor([[0.3, 0.7]])
    assert torch.equal(to_soft_targets(soft, 2), soft)
    with pytest.raises(ValueError, match="targets are over 2 classes, the head has 3"):
        to_soft_targets(soft, 3)


def test_smoothing_spreads_over_all_classes_and_keeps_the_sum():
    got = smooth_labels(torch.tensor([[0.0, 1.0, 0.0, 0.0]]), 0.1)
    torch.testing.assert_close(got, torch.tensor([[0.025, 0.925, 0.025, 0.025]]))


def test_smoothing_may_come_before_or_after_mixing():
    one, two = F.one_hot(torch.tensor([[0], [2]]), 4).float()
    after = smooth_labels(0.3 * one + 0.7 * two, 0.2)
    torch.testing.assert_close(after, 0.3 * smooth_labels(one, 0.2) + 0.7 * smooth_labels(two, 0.2))


def test_balancing_weights_are_1_on_average_over_clips():
    counts = torch.tensor([90, 9, 1])
    for power in (0.0, 0.5, 1.0):
        weights = compute_class_weights(counts.tolist(), power)
        assert (weights * counts).sum().item() == pytest.approx(100)
    assert compute_class_weights(counts.tolist(), 0.0).tolist() == pytest.approx([1, 1, 1])
    totals = compute_class_weights(counts.tolist(), 1.0) * counts
    assert totals.tolist() == pytest.approx([100 / 3] * 3)


def test_a_class_without_clips_is_weighed_as_if_it_had_one():
    weights = compute_class_weights([10, 1, 0], 1.0)
    assert torch.isfinite(weights).all()
    assert weights[2] == weights[1]
    with pytest.raises(ValueError, match="no class has clips to weigh"):
        compute_class_weights([0, 0], 1.0)


def test_presence_weighs_as_much_as_absence():
    assert compute_pos_weights([20, 50, 0, 100], 100, 1.0).tolist() == pytest.approx(
        [4, 1, 99, 0.01]
    )
    assert compute_pos_weights([20, 50], 100, 0.5).tolist() == pytest.approx([2, 1])
    assert compute_pos_weights([20, 50], 100, 0.0).tolist() == [1, 1]
