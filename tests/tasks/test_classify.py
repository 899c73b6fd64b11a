"""Supervised training: losses against plain restatements, holes, weights, errors, and learning."""

from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers.classifiers import small_classifier
from tests.helpers.host_syncs import Crossings
from videomae2.models.weights.head import TargetScaler
from videomae2.tasks.classify import (
    ClassifyConfig,
    ClassifyTask,
    compute_batch_metrics,
    ineffective_settings,
)
from videomae2.tensors.clips import Clips
from videomae2.tensors.normalization import Normalization
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.runtime import RuntimeConfig, prepare_runtime
from videomae2.training.step import TrainingTask, train_step

HARD = torch.tensor([3, 0, 3, 4])
LABELS = (torch.arange(20).reshape(4, 5) % 3 == 0).float()
NUMBERS = torch.linspace(-1, 1, 20).reshape(4, 5)
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 3.0, 0.25])


def _clips(targets=HARD, weights=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batch = 4 if targets is None else len(targets)
    return Clips(
        torch.randint(0, 256, (batch, 8, 32, 32, 3), dtype=torch.uint8, generator=generator),
        torch.arange(batch),
        torch.ones(batch) if weights is None else torch.tensor(weights),
        targets,
    )


def _task(class_weights=None, model=None, **config):
    balance = 0.0 if class_weights is None else 1.0
    config = ClassifyConfig(**{"balance": balance} | config)
    return ClassifyTask(model or small_classifier(), config, class_weights=class_weights)


def _scores():
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(2))


def _loss(targets, *, weights=None, class_weights=None, training=True, **config):
    task = _task(class_weights, **config).train(training)
    return task.compute_loss(_scores(), _clips(targets, weights))[0]


# ---- losses


def test_hard_labels_give_pytorchs_cross_entropy():
    for smoothing in (0.0, 0.1):
        want = F.cross_entropy(_scores(), HARD, label_smoothing=smoothing)
        torch.testing.assert_close(_loss(HARD, label_smoothing=smoothing), want)


def test_soft_targets_give_pytorchs_cross_entropy():
    soft = torch.rand(4, 5, generator=torch.Generator().manual_seed(3))
    soft = soft / soft.sum(dim=1, keepdim=True)
    want = F.cross_entropy(_scores(), soft, label_smoothing=0.1)
    torch.testing.assert_close(_loss(soft, label_smoothing=0.1), want)


def test_hard_labels_and_their_soft_form_are_the_same():
    for changes in ({}, {"class_weights": WEIGHTS}, {"label_smoothing": 0.2}):
        soft = F.one_hot(HARD, 5).float()
        torch.testing.assert_close(_loss(HARD, **changes), _loss(soft, **changes))


def test_weights_of_classes_give_pytorchs_weighted_mean():
    want = F.cross_entropy(_scores(), HARD, weight=WEIGHTS)
    torch.testing.assert_close(_loss(HARD, class_weights=WEIGHTS), want)


def test_a_mixed_clip_counts_as_its_parts_do():
    soft = torch.zeros(4, 5)
    soft[:, 0], soft[:, 3] = 0.25, 0.75
    soft[3] = torch.eye(5)[4]
    counted = torch.tensor([0.25 * 0.5 + 0.75 * 3.0] * 3 + [0.25])
    each = -(soft * F.log_softmax(_scores(), dim=1)).sum(dim=1)
    want = (each * counted).sum() / counted.sum()
    torch.testing.assert_close(_loss(soft, class_weights=WEIGHTS), want)


def test_labels_of_which_any_number_holds_give_binary_cross_entropy():
    config = {"task_type": "multilabel"}
    want = F.binary_cross_entropy_with_logits(_scores(), LABELS)
    torch.testing.assert_close(_loss(LABELS, **config), want)
    smoothed = F.binary_cross_entropy_with_logits(_scores(), 0.9 * LABELS + 0.05)
    torch.testing.assert_close(_loss(LABELS, label_smoothing=0.1, **config), smoothed)
    weighed = F.binary_cross_entropy_with_logits(_scores(), LABELS, pos_weight=WEIGHTS)
    torch.testing.assert_close(_loss(LABELS, class_weights=WEIGHTS, **config), weighed)


@pytest.mark.parametrize(("distance", "want"), [("squared", F.mse_loss), ("absolute", F.l1_loss)])
def test_numbers_give_their_distance(distance, want):
    got = _loss(NUMBERS, task_type="regression", distance=distance)
    torch.testing.assert_close(got, want(_scores(), NUMBERS))


def test_numbers_are_learnt_in_their_own_scale_and_said_in_units_of_the_data():
    scale = TargetScaler(mean=(1e4,) * 5, std=(100.0, 1.0, 2.0, 3.0, 4.0))
    config, model = ClassifyConfig(task_type="regression"), small_classifier()
    plain, scaled = ClassifyTask(model, config), ClassifyTask(model, config, target_scaler=scale)
    clips = _clips(NUMBERS * torch.tensor(scale.std) + torch.tensor(scale.mean))
    raw, said = plain.predict(clips), scaled.predict(clips)
    torch.testing.assert_close(said, raw * torch.tensor(scale.std) + 1e4)
    loss, _, told = scaled(clips)
    torch.testing.assert_close(loss, F.mse_loss(raw, NUMBERS), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(told["mae"], F.l1_loss(raw, NUMBERS), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("targets", [HARD, LABELS])
def test_in_evaluation_the_loss_is_plain(targets):
    task_type = "multiclass" if targets.ndim == 1 else "multilabel"
    plain = _loss(targets, task_type=task_type)
    for changes in ({"class_weights": WEIGHTS}, {"label_smoothing": 0.2}):
        changes = changes | {"task_type": task_type}
        assert torch.equal(_loss(targets, training=False, **changes), plain)
        assert not torch.allclose(_loss(targets, **changes), plain)


# ---- holes


KINDS = [("multiclass", HARD), ("multilabel", LABELS), ("regression", NUMBERS)]


@pytest.mark.parametrize(("task_type", "targets"), KINDS)
def test_a_hole_counts_nothing(task_type, targets):
    task = _task(task_type=task_type)
    holed = _clips(targets, [1.0, 0.0, 1.0, 1.0])
    rest = [0, 2, 3]
    kept = Clips(holed.pixels[rest], holed.keys[rest], torch.ones(3), targets[rest])
    got, want = task(holed), task(kept)
    torch.testing.assert_close(got[0], want[0])
    torch.testing.assert_close(got[1], want[1])
    black = holed.pixels.clone()
    black[1] = 0
    torch.testing.assert_close(task(replace(holed, pixels=black))[0], want[0])


def test_in_a_batch_of_holes_nothing_counts():
    loss, count = _task().compute_loss(_scores(), _clips(HARD, [0.0] * 4))
    assert (loss.item(), count.item()) == (0, 0)


# ---- what is logged


def test_agreement():
    scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, -1.0], [0.0, 5.0]])
    hard = _clips(torch.tensor([0, 1, 1, 0]), [1.0, 1.0, 1.0, 0.0])
    assert compute_batch_metrics(scores, hard, "multiclass")["accuracy"].item() == pytest.approx(
        2 / 3
    )
    soft = replace(hard, targets=torch.tensor([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [1.0, 0.0]]))
    assert compute_batch_metrics(scores, soft, "multiclass")["accuracy"].item() == pytest.approx(
        2 / 3
    )
    many = replace(hard, targets=torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]))
    assert compute_batch_metrics(scores, many, "multilabel")[
        "label_accuracy"
    ].item() == pytest.approx(4 / 6)
    numbers = replace(hard, targets=scores + torch.tensor([1.0, -2.0]))
    assert compute_batch_metrics(scores, numbers, "regression")["mae"].item() == pytest.approx(1.5)


# ---- clips


def test_float_clips_on_the_same_scale_give_the_same_scores():
    task, clips = _task(), _clips()
    floats = replace(clips, pixels=clips.pixels.float())
    torch.testing.assert_close(task.predict(floats), task.predict(clips))


@pytest.mark.parametrize(("task_type", "targets"), KINDS)
def test_every_weight_learns_by_the_engines_step(task_type, targets):
    """Thirty steps on the same four clips, with layer decay, bring the loss down by half."""
    task = _task(task_type=task_type).train()
    assert isinstance(task, TrainingTask)
    optim = OptimConfig(
        lr=1.0, epochs=1.0, warmup_epochs=0.0, global_batch_size=4, layer_decay=0.75
    )
    optimizer = build_optimizer(task, optim)
    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
    before = {name: weight.detach().clone() for name, weight in task.named_parameters()}
    losses = []
    for _ in range(30):
        step = train_step(
            task, optimizer, [_clips(targets)], lr=3e-3, clip_norm=1.0, runtime=runtime
        )
        losses.append(step.loss.item())
    assert losses[-1] < 0.5 * losses[0]
    for name, weight in task.named_parameters():
        assert not torch.equal(weight, before[name]), name


def test_bf16_autocast_trains():
    task = _task(label_smoothing=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _, _ = task(_clips())
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in task.parameters())


def test_statistics_and_weights_follow_the_device_and_are_not_saved():
    task = _task(WEIGHTS)
    assert {"normalize.mean", "normalize.std", "class_weights"} < {
        name for name, _ in task.named_buffers()
    }
    assert {name for name in task.state_dict() if not name.startswith("model.")} == set()
    assert isinstance(task, nn.Module)


@pytest.mark.parametrize(("task_type", "targets"), [*KINDS, ("multiclass", LABELS)])
def test_a_whole_step_needs_no_number_on_the_host(task_type, targets):
    weights = None if task_type == "regression" else WEIGHTS
    model = small_classifier(drop_path=0.5, head_drop_rate=0.5)
    task = _task(weights, model, task_type=task_type).to("meta").train()
    on_host = _clips(targets)
    clips = Clips(*(getattr(on_host, f.name).to("meta") for f in fields(on_host)))
    with Crossings() as crossings:
        loss, _, _ = task(clips)
        loss.backward()
    assert crossings.found == []
    assert loss.is_meta


def test_what_is_left_out_of_a_clip_depends_on_its_key_alone():
    """However a batch is cut; before and after, the global generator is the same."""
    task = _task(model=small_classifier(drop_path=0.6, head_drop_rate=0.5)).train()
    whole, before = _clips(), torch.get_rng_state()
    parts = [Clips(whole.pixels[i : i + 1], whole.keys[i : i + 1], whole.weights[i : i + 1])
             for i in range(4)]  # fmt: skip
    scores = task.predict(whole)
    cut = torch.cat([task.predict(part) for part in parts])
    torch.testing.assert_close(scores, cut, rtol=1e-4, atol=1e-5)
    assert torch.equal(before, torch.get_rng_state())
    other = replace(whole, keys=whole.keys + 1)
    assert not torch.allclose(task.predict(other), scores, rtol=1e-2)


def test_a_class_that_is_none_is_no_silent_zero():
    for wrong in (-1, 5):
        with pytest.raises(RuntimeError, match="out of bounds"):
            _task()(_clips(torch.tensor([0, wrong])))


# ---- errors


@pytest.mark.parametrize(
    ("config", "weights", "said"),
    [
        ({"balance": 1.0}, None, "weights of classes go with a balance other than 0"),
        ({}, WEIGHTS, "weights of classes go with a balance other than 0, and only with one"),
        ({"balance": 1.0}, WEIGHTS[:3], "there are 3 weights for 5 classes"),
        ({"distance": "absolute"}, None, "distance 'absolute' has no effect on classes"),
        (
            {"task_type": "regression", "label_smoothing": 0.1},
            None,
            "label_smoothing has no effect",
        ),
        ({"task_type": "regression", "balance": 0.1}, None, "balance has no effect"),
    ],
)
def test_settings_that_do_not_go_together(config, weights, said):
    with pytest.raises(ValueError, match=said):
        ClassifyTask(small_classifier(), ClassifyConfig(**config), class_weights=weights)


def test_models_and_clips_that_do_not_fit():
    with pytest.raises(ValueError, match="a classifier without outputs cannot be trained"):
        ClassifyTask(small_classifier(outputs=0), ClassifyConfig())
    with pytest.raises(ValueError, match="clips have 3 channels, but mean has 1"):
        ClassifyTask(
            small_classifier(),
            ClassifyConfig(),
            normalization=Normalization(mean=(0.5,), std=(0.5,)),
        )
    with pytest.raises(ValueError, match="these clips have no targets"):
        _task()(_clips(None))
    assert ineffective_settings(ClassifyConfig()) == []
