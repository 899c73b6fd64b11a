"""Recipes of distillation: they check, build, come back from a file, and are the paper's."""

import inspect
from pathlib import Path

import pytest
import torch

from videomae2.config.checks import check_run
from videomae2.config.files import load_config, save_config
from videomae2.config.runs import DistillRun
from videomae2.models.classifier import Classifier
from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES
from videomae2.training.schedules import scale_lr

NAMES = sorted(DISTILL_RECIPES)


OWN = ("demo", "own", "own-cpu", "own-cpu-motion")
PUBLIC = [name for name in NAMES if name not in OWN]


def make(name, videos=Path("/videos.csv"), runs=Path("runs")):
    run = DISTILL_RECIPES[name]([videos], runs / f"{name}-distill")
    assert run.teacher.weights is None
    return run


def listed(folder):
    """A list of videos, as far as a check looks at it."""
    path = folder / "videos.csv"
    path.write_text("path,label\n")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_wants_a_teacher_and_nothing_else(name, tmp_path):
    run = make(name, listed(tmp_path), tmp_path / "runs")
    if run.init.weights is not None:
        run.init.weights.mkdir(parents=True)
    with pytest.raises(ValueError, match=r"--teacher.weights is missing") as caught:
        check_run(run)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_comes_back_from_a_file(name, tmp_path):
    save_config(make(name), tmp_path / "run.yaml")
    assert load_config(DistillRun, tmp_path / "run.yaml") == make(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_its_student(name):
    with torch.device("meta"):
        assert Classifier(make(name).model)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_all_about_itself(name):
    text = inspect.getdoc(DISTILL_RECIPES[name])
    for entry in ("Source", "Data", "Hardware", "Time", "Score", "Command"):
        assert f"\n{entry}: " in text
    assert f"Command: videomae2 distill {name} " in text
    assert text.splitlines()[0].endswith(".")


@pytest.mark.parametrize(
    ("name", "lr", "batch", "flip", "sampling", "size"),
    [
        ("k710-base", 1e-3, 1024, True, "dense", "base"),
        ("k710-small", 1e-3, 1024, True, "dense", "small"),
        ("ssv2-base", 5e-4, 512, False, "tsn", "base"),
    ],
)
def test_numbers_are_the_papers(name, lr, batch, flip, sampling, size):
    """facts.md 4.6; nothing of Something-Something is mirrored."""
    run = make(name)
    optim = run.optim
    assert scale_lr(optim.lr, optim.global_batch_size) == pytest.approx(lr * batch / 256)
    assert (optim.epochs, optim.warmup_epochs, optim.betas) == (100, 5, (0.9, 0.999))
    assert (optim.weight_decay, optim.layer_decay, optim.clip_norm) == (0.05, 0.75, 1.0)
    assert (run.model.encoder.size, run.model.encoder.drop_path) == (size, 0.1)
    assert run.model.head_drop_rate == 0
    assert (run.task.temperature, run.task.soft_weight, run.task.hard_weight) == (3.0, 1.0, 0.0)
    mix = run.augment.mix
    assert (mix.mixup_alpha, mix.cutmix_alpha, mix.prob) == (0.8, 1.0, 1.0)
    assert run.augment.rand_augment.prob == 0.5
    assert run.data.crop.flip is flip
    assert {source.frame_sampling for source in run.data.sources} == {sampling}


@pytest.mark.parametrize("name", ["own", "own-cpu", "own-cpu-motion"])
def test_students_read_the_clips_that_finetuning_made(name):
    teacher = FINETUNE_RECIPES[name]([Path("v")], Path("out"))
    student = make(name)
    shape = [
        (run.model.encoder.cubes.frames, run.model.encoder.height, run.model.encoder.width)
        for run in (teacher, student)
    ]
    assert shape[0] == shape[1]
    spans = [(s.frame_interval, s.interval_unit, s.frame_sampling) for s in teacher.data.sources]
    assert spans == [
        (s.frame_interval, s.interval_unit, s.frame_sampling) for s in student.data.sources
    ]
    subtractions = [(run.data.subtract, run.data.std) for run in (teacher, student)]
    assert subtractions[0] == subtractions[1]
    assert student.model.global_pool == teacher.model.global_pool


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_set_is_used_whole_and_its_folder_has_a_list_for_validation(name):
    assert (make(name).validation.path, make(name).validation.share) == (None, 0.0)
    assert [source.path for source in make(name).data.sources] == [Path("/videos.csv")]
    of_folder = make(name, Path("/set"))
    assert of_folder.validation.path == Path("/set/val.csv")
    assert [source.path for source in of_folder.data.sources] == [Path("/set/train.csv")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_student_of_a_public_set_starts_after_post_pretraining(name):
    """facts.md 4.6: by name, and from a run that a recipe of its size writes."""
    student = make(name)
    parent = student.init.weights
    assert parent.parent == Path("runs")
    before = FINETUNE_RECIPES[parent.name.removesuffix("-finetune")]([Path("v")], parent)
    assert before.model.encoder.shape == student.model.encoder.shape
    assert before.labels.class_names == Path("kinetics-710")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_parent_that_is_not_there_stops_it(name, tmp_path):
    with pytest.raises(ValueError, match=r"weights") as caught:
        check_run(make(name, listed(tmp_path), tmp_path / "runs"))
    _, absent = sorted(caught.value.problems, reverse=True)
    parent = make(name, listed(tmp_path), tmp_path / "runs").init.weights
    assert absent.startswith(f"--init.weights {parent} does not exist; {tmp_path} ")
    assert absent.endswith("it wants a run folder, a saved model or weights of other software")


def test_only_own_students_start_from_scratch():
    assert {n for n in NAMES if make(n).init.weights is None} == set(OWN)
