"""Each row of the table of task types fits together: losses of clips, metrics of videos."""

import pytest
import torch

from videomae2.errors import DataError
from videomae2.models.task_type import TASK_TYPES, LossOptions

VIDEOS, OUTPUTS = 8, 6
TARGETS = {
    "multiclass": torch.arange(VIDEOS) % OUTPUTS,
    "multilabel": torch.eye(OUTPUTS).repeat(2, 1)[:VIDEOS],
    "regression": torch.linspace(-1, 1, VIDEOS * OUTPUTS).view(VIDEOS, OUTPUTS),
}


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_the_loss_of_validation_is_the_plain_one_of_training(task_type):
    scores = torch.randn(VIDEOS, OUTPUTS, generator=torch.Generator().manual_seed(0))
    row, targets = TASK_TYPES[task_type], TARGETS[task_type]
    losses, balance = row.compute_losses(scores, targets, LossOptions())
    metrics = row.compute_metrics(scores, targets, 1.0)
    assert losses.shape == (VIDEOS,)
    assert balance is None
    assert metrics["loss"] == pytest.approx(losses.mean().item(), rel=1e-5)
    assert next(iter(metrics)) == row.best_metric, "the first one chooses the best model"


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_right_answers_are_better(task_type):
    row, targets = TASK_TYPES[task_type], TARGETS[task_type]
    right = targets
    if task_type == "multiclass":
        right = torch.nn.functional.one_hot(targets, OUTPUTS).float()
    if task_type != "regression":
        right = 10 * (right - 0.5)
    better, worse = (
        row.compute_metrics(scores, targets, 1.0)[row.best_metric] for scores in (right, -right)
    )
    assert (better > worse) == row.maximize
    for values in row.batch_metrics(right, targets, 1.0).values():
        assert values.tolist() == [float(row.maximize)] * VIDEOS


def test_held_out_videos_without_a_label_are_refused():
    scores = torch.zeros(VIDEOS, OUTPUTS)
    with pytest.raises(DataError, match="none of the held-out videos that can be read has any"):
        TASK_TYPES["multilabel"].compute_metrics(scores, torch.zeros_like(scores), 1.0)
