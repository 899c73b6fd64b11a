"""Numbers far from 0 are learnt in a scale of their own, and said in the units of the data."""

import pytest
import torch
import torch.nn.functional as F

from tests.helpers.classifiers import STATISTICS, classifier_config, small_classifier
from videomae2.models.weights.config_json import (
    SavedClassifierConfig,
    load_model_config,
    save_model_config,
)
from videomae2.models.weights.head import TargetScaler, fit_target_scaler, rescale_head
from videomae2.models.weights.init_from import InitConfig, init_classifier
from videomae2.models.weights.saved import save_model

BEFORE = TargetScaler(mean=(100.0, -3.0), std=(20.0, 0.5))
AFTER = TargetScaler(mean=(80.0, 0.0), std=(10.0, 2.0))


def test_the_scale_is_that_of_all_training_videos():
    rows = [torch.tensor([[1.0, 7.0], [3.0, 7.0]]), torch.tensor([[5.0, 7.0]])]
    found = fit_target_scaler(rows)
    assert found.mean == (3.0, 7.0)
    assert found.std == pytest.approx(((8 / 3) ** 0.5, 1.0))  # one that never changes: its unit


@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (None, AFTER), (BEFORE, None)])
def test_a_head_says_the_same_in_another_scale(before, after):
    generator = torch.Generator().manual_seed(0)
    head = {
        "head.weight": torch.randn(2, 6, generator=generator),
        "head.bias": torch.randn(2, generator=generator),
    }
    x = torch.randn(4, 6, generator=generator)

    def said(weights, scale):
        y = F.linear(x, weights["head.weight"], weights["head.bias"])
        return y if scale is None else y * torch.tensor(scale.std) + torch.tensor(scale.mean)

    torch.testing.assert_close(
        said(rescale_head(head, before, after), after), said(head, before), rtol=1e-5, atol=1e-4
    )


def test_a_head_that_is_still_to_come_has_shapes_only():
    head = {
        "head.weight": torch.empty(2, 6, device="meta"),
        "head.bias": torch.empty(2, device="meta"),
    }
    found = rescale_head(head, TargetScaler(mean=(1.0, 2.0), std=(3.0, 4.0)), None)
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in head.items()
    }


def test_no_head_has_nothing_to_rescale():
    assert rescale_head({}, BEFORE, AFTER) == {}


def test_a_head_that_is_taken_over_is_rescaled(tmp_path):
    parent = small_classifier(2)
    card = SavedClassifierConfig(
        model=parent.config,
        class_names=("speed", "angle"),
        task_type="regression",
        target_scaler=BEFORE,
        **STATISTICS,
    )
    save_model(tmp_path, parent.state_dict(), card)
    child = small_classifier(2, seed=1)
    begin = InitConfig(weights=tmp_path)
    init_classifier(
        child, begin, torch.Generator(), class_names=("speed", "angle"), target_scaler=AFTER
    )
    want = rescale_head(
        {"head.weight": parent.head.weight, "head.bias": parent.head.bias}, BEFORE, AFTER
    )
    assert torch.equal(child.head.weight, want["head.weight"])
    assert torch.equal(child.head.bias, want["head.bias"])


def test_cards_keep_it(tmp_path):
    card = SavedClassifierConfig(
        model=classifier_config(2), task_type="regression", target_scaler=BEFORE, **STATISTICS
    )
    save_model_config(tmp_path, card)
    assert load_model_config(tmp_path) == card


@pytest.mark.parametrize(("answers", "outputs"), [("multiclass", 2), ("regression", 3)])
def test_a_scale_that_fits_nothing_is_refused(answers, outputs):
    with pytest.raises(ValueError, match=f"a scale of 2 numbers, but the model has {outputs}"):
        SavedClassifierConfig(
            model=classifier_config(outputs), task_type=answers, target_scaler=BEFORE, **STATISTICS
        )


def test_a_deviation_is_above_0():
    with pytest.raises(ValueError, match="one std above 0 for each number"):
        TargetScaler(mean=(1.0,), std=(0.0,))
