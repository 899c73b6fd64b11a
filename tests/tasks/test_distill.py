"""Distillation: losses against plain restatements, one view for all, holes, learning, errors."""

from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F

from tests.helpers.classifiers import small_classifier
from tests.helpers.host_syncs import Crossings
from videomae2.tasks.distill import (
    DistillConfig,
    DistillTask,
    TeacherOutput,
    build_projection,
    ineffective_settings,
)
from videomae2.tensors.clips import Clips
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.runtime import RuntimeConfig, prepare_runtime
from videomae2.training.step import TrainingTask, train_step

HARD = torch.tensor([3, 0, 3, 4])
WIDE = 48


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SCORES, TAUGHT = 3 * drawn(4, 5, seed=1), 3 * drawn(4, 5, seed=2)
FEATURES, TAUGHT_FEATURES = drawn(4, WIDE, seed=3), drawn(4, WIDE, seed=4)


def clips(targets=HARD, weights=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Clips(
        torch.randint(0, 256, (4, 8, 32, 32, 3), dtype=torch.uint8, generator=generator),
        torch.arange(4),
        torch.ones(4) if weights is None else torch.tensor(weights),
        targets,
    )


def teach(_):
    return TeacherOutput(TAUGHT, TAUGHT_FEATURES)


def task(teach=teach, task_type="multiclass", seed=0, features=True, **config):
    model, projection = small_classifier(seed=seed), None
    if features:
        projection = build_projection(model, WIDE, torch.Generator().manual_seed(seed))
    config = DistillConfig(**config)
    return DistillTask(model, teach, config, projection=projection, task_type=task_type)


def loss(given=None, scores=SCORES, task_type="multiclass", **config):
    of = task(task_type=task_type, **config)
    given = clips() if given is None else given
    return of.compute_loss(scores, FEATURES, TeacherOutput(TAUGHT, TAUGHT_FEATURES), given)


# ---- losses


def test_the_loss_is_the_divergence_times_the_temperature_squared():
    total, parts = loss()
    want = F.kl_div(F.log_softmax(SCORES / 3, 1), F.softmax(TAUGHT / 3, 1), reduction="batchmean")
    torch.testing.assert_close(parts["kl"], want)
    torch.testing.assert_close(total, 9 * want)
    torch.testing.assert_close(loss(square_temperature=False)[0], want)


def test_all_terms_are_added_with_their_weights():
    config = {"soft_weight": 0.5, "hard_weight": 0.25, "feature_weight": 2.0}
    for kind in ("cosine", "squared"):
        total, parts = loss(**config, label_smoothing=0.1, feature_distance=kind)
        hard = F.cross_entropy(SCORES, HARD, label_smoothing=0.1)
        far = {
            "cosine": 1 - F.cosine_similarity(FEATURES, TAUGHT_FEATURES, dim=1).mean(),
            "squared": F.mse_loss(FEATURES, TAUGHT_FEATURES),
        }[kind]
        torch.testing.assert_close(parts["hard"], hard)
        torch.testing.assert_close(parts["features"], far)
        torch.testing.assert_close(total, 0.5 * 9 * parts["kl"] + 0.25 * hard + 2 * far)


def test_a_term_without_weight_has_no_gradient():
    scores, features = SCORES.clone().requires_grad_(), FEATURES.clone().requires_grad_()
    of = task(soft_weight=0.0, feature_weight=1.0)
    of.compute_loss(scores, features, TeacherOutput(TAUGHT, TAUGHT_FEATURES), clips())[0].backward()
    assert scores.grad is None
    assert features.grad.abs().max() > 0


def test_mixed_labels_and_labels_of_which_any_holds():
    soft = torch.softmax(drawn(4, 5, seed=5), dim=1)
    _, parts = loss(clips(soft), hard_weight=1.0)
    torch.testing.assert_close(parts["hard"], F.cross_entropy(SCORES, soft))
    labels = (soft > 0.2).float()
    _, parts = loss(clips(labels), task_type="multilabel", hard_weight=1.0)
    want = F.binary_cross_entropy_with_logits(SCORES, labels)
    torch.testing.assert_close(parts["hard"], want)


def test_what_is_logged():
    scores = TAUGHT.clone()
    scores[0] = scores[0].flip(0)
    _, parts = loss(scores=scores)
    assert parts["agreement"].item() == 0.75
    right = (scores.argmax(dim=1) == HARD).float().mean()
    assert parts["accuracy"] == right
    assert "accuracy" not in loss(clips(None))[1]
    found = task()(clips())[2]
    assert found["teacher_accuracy"] == (TAUGHT.argmax(dim=1) == HARD).float().mean()


def test_a_hole_counts_nothing():
    config = {"hard_weight": 1.0, "feature_weight": 1.0}
    holed = loss(clips(weights=[1.0, 0.0, 1.0, 1.0]), **config)[1]
    rest = [0, 2, 3]
    of = task(**config)
    few = replace(clips(), pixels=clips().pixels[rest], keys=torch.arange(3),
                  weights=torch.ones(3), targets=HARD[rest])  # fmt: skip
    want = of.compute_loss(
        SCORES[rest], FEATURES[rest], TeacherOutput(TAUGHT[rest], TAUGHT_FEATURES[rest]), few
    )
    for name, value in want[1].items():
        torch.testing.assert_close(holed[name], value)
    empty = task(**config)(clips(weights=[0.0] * 4))
    assert (empty[0].item(), empty[1].item()) == (0, 0)


# ---- one teacher, one view


def test_the_teacher_is_asked_once_about_the_clips_that_the_student_sees():
    asked, seen = [], []

    def teach(clips):
        asked.append(clips)
        return TeacherOutput(TAUGHT, TAUGHT_FEATURES)

    of = task(teach, hard_weight=0.5)
    of.model.encoder.register_forward_pre_hook(lambda _, values: seen.append(values[0]))
    given = clips()
    _, count, _ = of(given)
    assert asked == [given]
    assert len(seen) == 1
    assert count.item() == 4


# ---- learning


def rigged(count, seed):
    """Clips that are bright in one of five places, and a teacher that goes by that place."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.randint(0, 5, (count,), generator=generator)
    x = torch.randint(0, 80, (count, 8, 32, 32, 3), dtype=torch.uint8, generator=generator)
    for clip, where in zip(x, place.tolist(), strict=True):
        clip[:, 6 * where : 6 * where + 6] += 150
    wrong = (place + 1) % 5
    return Clips(x, torch.arange(count), torch.ones(count), wrong)


def by_place(clips):
    rows = clips.pixels.float().mean(dim=(1, 3, 4))[:, :30].unflatten(1, (5, 6)).mean(dim=2)
    return TeacherOutput(rows / 10)


def test_a_student_follows_its_teacher_against_the_labels():
    of = task(by_place, features=False)
    assert isinstance(of, TrainingTask)
    optim = OptimConfig(lr=1.0, epochs=1.0, warmup_epochs=0.0, global_batch_size=16)
    optimizer = build_optimizer(of, optim)
    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
    for seed in range(150):
        step = [rigged(16, seed)]
        train_step(of, optimizer, step, lr=3e-3, clip_norm=1.0, runtime=runtime)
    _, _, found = of.eval()(rigged(40, 1000))
    assert found["agreement"] > 0.9
    assert found["accuracy"] < 0.1
    assert found["teacher_accuracy"] == 0


def test_bf16_autocast_trains():
    of = task(hard_weight=1.0, feature_weight=1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _, _ = of(clips())
    assert total.dtype == torch.float32
    total.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in of.parameters())


def test_a_whole_step_needs_no_number_on_the_host():
    said = TeacherOutput(TAUGHT.to("meta"), TAUGHT_FEATURES.to("meta"))
    of = task(lambda _: said, hard_weight=1.0, feature_weight=1.0).to("meta").train()
    here = clips()
    there = Clips(*(getattr(here, f.name).to("meta") for f in fields(here)))
    with Crossings() as crossings:
        total, _, _ = of(there)
        total.backward()
    assert crossings.found == []


# ---- errors


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"soft_weight": 0.0}, "are all 0: nothing is learnt"),
        (
            {"soft_weight": 0.0, "hard_weight": 1.0, "square_temperature": False},
            "square_temperature has no effect with soft_weight 0",
        ),
        ({"label_smoothing": 0.1}, "label_smoothing has no effect with hard_weight 0"),
        ({"feature_distance": "squared"}, "feature_distance has no effect with feature_weight 0"),
    ],
)
def test_settings_without_effect_are_named(config, said):
    assert said in ineffective_settings(DistillConfig(**config))[0]
    with pytest.raises(ValueError, match=said):
        task(**config)


def test_what_a_task_cannot_do():
    assert ineffective_settings(DistillConfig()) == []
    with pytest.raises(ValueError, match="a teacher that predicts numbers has no distribution"):
        task(task_type="regression")
    with pytest.raises(ValueError, match="these clips have no labels, and hard_weight asks"):
        task(hard_weight=1.0)(clips(None))
    with pytest.raises(ValueError, match="feature_weight asks for features"):
        task(lambda _: TeacherOutput(TAUGHT), feature_weight=1.0)(clips())
