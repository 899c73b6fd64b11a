"""Recipes of supervised training, held against the tables of the paper and the scripts."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.helpers.official_names import classifier_to_official
from videomae2.commands.train.finetune import dry_run
from videomae2.commands.train.setup import build_classifier, build_loop_config
from videomae2.config.checks import check_run
from videomae2.config.files import load_config, save_config
from videomae2.config.runs import FinetuneRun
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.loading.labels import read_multiclass
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.data.views.crops import CropConfig
from videomae2.errors import ConfigError, ManifestError
from videomae2.models.classifier import Classifier
from videomae2.models.lora import apply_tuning
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.pretrained import Pretrained, resolve_encoder
from videomae2.recipes.table import FINETUNE_RECIPES, RECIPES
from videomae2.tasks.classify import ClassifyTask
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD
from videomae2.training.loop import LoopConfig
from videomae2.training.schedules import scale_lr

NAMES = sorted(FINETUNE_RECIPES)
OWN = [name for name in NAMES if name.startswith("own") or name == "demo"]
PUBLIC = [name for name in NAMES if name not in OWN]

COLUMNS = (
    "size", "classes", "gpus", "videos", "lr", "layer_decay", "drop_path", "head_drop_rate",
    "weight_decay", "epochs", "warmup", "clip", "views", "last_lr",
)  # fmt: skip
TABLE = {
    # post-pre-training: facts.md 4.3
    "k710-small": ("small", 710, 32, 16, 7e-4, .75, .1, 0., .05, 90, 5, None, 2, 1e-6),
    "k710-base":  ("base",  710, 32, 16, 7e-4, .75, .1, 0., .05, 90, 5, None, 2, 1e-6),
    "k710-huge":  ("huge",  710, 32,  4, 1e-3, .8,  .2, .5, .05, 40, 5, None, 2, 1e-6),
    "k710-giant": ("giant", 710, 32,  3, 1e-3, .9,  .3, 0., .1,  35, 5, 5.0,  2, 1e-6),
    # scripts: facts.md 4.4
    "k400-base":  ("base",  400, 32, 16, 7e-4, .75, .1, 0., .05, 90, 5, None, 2, 1e-6),
    "ssv2-base":  ("base",  174, 16, 16, 2e-3, .65, .1, 0., .05, 25, 5, None, 2, 1e-6),
    "k400-large": ("large", 400, 32,  6, 2e-3, .75, .2, 0., .05, 35, 5, None, 2, 1e-6),
    "ssv2-large": ("large", 174, 32,  6, 5e-4, .75, .2, 0., .05, 20, 5, None, 2, 1e-6),
    "k400-huge":  ("huge",  400, 32,  4, 1e-3, .8,  .2, .5, .05, 40, 5, None, 2, 1e-6),
    "k600-huge":  ("huge",  600, 32,  4, 1e-3, .8,  .2, .5, .05, 40, 5, None, 2, 1e-6),
    "ssv2-huge":  ("huge",  174, 32,  4, 5e-4, .8,  .2, 0., .05, 20, 5, None, 2, 1e-6),
    "k400-giant": ("giant", 400, 64,  3, 1e-3, .9,  .2, 0., .1,  30, 5, None, 2, 1e-6),
    "k710-k400-giant": ("giant", 400, 32, 3, 1e-5, .9, .25, 0., .1, 3, 1, None, 2, 1e-6),
    "k710-k600-giant": ("giant", 600, 32, 3, 1e-5, .9, .25, 0., .1, 3, 1, None, 2, 1e-6),
    "k710-k700-giant": ("giant", 700, 32, 3, 1e-5, .9, .25, 0., .1, 3, 1, None, 2, 1e-6),
    "k710-ucf101-giant": ("giant", 101, 8, 3, 1e-3, .9, .35, .5, .05, 50, 5, None, 2, 1e-6),
    "k710-hmdb51-giant": ("giant", 51, 8, 3, 5e-4, .9, .35, .5, .05, 15, 5, None, 2, 1e-6),
    "ssv2-giant": ("giant", 174, 32,  3, 3e-4, .9,  .25, 0., .05, 20, 5, None, 2, 1e-6),
    # the paper's columns: facts.md 4.3, 4.4; only the product of GPUs and videos is given there
    "k710-giant-paper": ("giant", 710, 32, 4, 1e-3, .9, .3, 0., .1, 35, 5, 5.0, 2, 1e-6),
    "k710-k400-giant-paper": ("giant", 400, 8, 4, 1e-5, .9, .3, .5, .05, 3, 0, None, 2, 1e-6),
    "k710-k600-giant-paper": ("giant", 600, 8, 4, 1e-5, .9, .3, .5, .05, 3, 0, None, 2, 1e-6),
    "k710-k400-giant-64x266": ("giant", 400, 16, 2, 1e-4, .9, .35, .5, .05, 5, 0, None, 2, 1e-6),
    "k710-k600-giant-64x266": ("giant", 600, 16, 2, 1e-4, .9, .35, .5, .05, 5, 0, None, 2, 1e-6),
    "ssv2-giant-paper": ("giant", 174, 32, 3, 3e-4, .9, .35, .5, .05, 10, 5, None, 2, 1e-6),
    "ssv1-giant":       ("giant", 174, 32, 3, 3e-4, .9, .35, .5, .05, 10, 5, None, 2, 1e-6),
    # V1's scripts: facts.md 4.4, and the defaults of its program
    "v1-k400-small":     ("small", 400, 32, 12, 5e-4, .75, .1, 0., .05, 150, 5, None, 2, 1e-6),
    "v1-k400-base-800":  ("base",  400, 64,  8, 1e-3, .75, .1, 0., .05, 100, 5, None, 1, 1e-6),
    "v1-k400-base-1600": ("base",  400, 64,  6, 5e-4, .75, .1, 0., .05,  75, 5, None, 2, 1e-6),
    "v1-k400-large":     ("large", 400, 64,  2, 2e-3, .75, .1, 0., .05,  35, 5, None, 2, 1e-6),
    "v1-k400-huge":      ("huge",  400, 64,  8, 1e-3, .75, .2, .5, .05,  50, 5, None, 2, 1e-5),
    "v1-ssv2-small":     ("small", 174, 32, 12, 1e-3, .7,  .1, 0., .05,  40, 5, None, 2, 1e-6),
    "v1-ssv2-base":      ("base",  174, 64,  6, 5e-4, .75, .1, 0., .05,  30, 5, None, 2, 1e-6),
    "v1-ucf101-base":    ("base",  101,  8, 16, 5e-4, .7,  .2, .5, .05, 100, 5, None, 2, 1e-5),
    # InternVideo's scripts: facts.md 4.4
    "internvideo-k710-k400-huge": ("huge", 400, 8, 4, 2e-6, .8, .2, .5, .05, 3, 1, None, 2, 1e-6),
    "internvideo-k710-k600-huge": ("huge", 600, 8, 4, 2e-6, .8, .2, .5, .05, 3, 1, None, 2, 1e-6),
    "internvideo-k710-k700-huge": ("huge", 700, 8, 4, 2e-6, .8, .2, .5, .05, 3, 1, None, 2, 1e-6),
    "internvideo-k600-k400-huge": ("huge", 400, 32, 4, 5e-4, .8, .3, .5, .05, 15, 3, None, 2, 1e-6),
    "internvideo-k400-huge-segments":
        ("huge", 400, 32, 8, 3e-4, .8, .2, .5, .05, 75, 5, None, 1, 1e-6),
}  # fmt: skip

PEAKS = {
    "k400-base": 1.4e-3, "k710-base": 1.4e-3, "ssv2-base": 2e-3, "k400-large": 1.5e-3,
    "ssv2-large": 3.75e-4, "k400-huge": 5e-4, "k710-huge": 5e-4, "ssv2-huge": 2.5e-4,
    "k400-giant": 7.5e-4, "k710-giant": 3.75e-4, "k710-k400-giant": 3.75e-6,
    "k710-k600-giant": 3.75e-6, "k710-ucf101-giant": 9.4e-5, "k710-hmdb51-giant": 4.7e-5,
    "ssv2-giant": 1.1e-4, "k710-giant-paper": 5e-4,
}  # fmt: skip
"""Absolute learning rates as facts.md 4.4 prints them, to two or three digits."""


def make(name: str, folder: Path = Path("/videos"), runs: Path = Path("runs")) -> FinetuneRun:
    return FINETUNE_RECIPES[name]([folder], runs / f"{name}-finetune")


def stand_in(name: str, folder: Path) -> FinetuneRun:
    """A recipe with lists that are there and a parent that seems to be."""
    videos = folder / "videos"
    videos.mkdir()
    for file in ("train.csv", "val.csv"):
        (videos / file).touch()
    run = make(name, videos, folder / "runs")
    if run.init.weights is not None:
        run.init.weights.mkdir(parents=True)
    return run


def test_the_table_has_every_public_recipe():
    assert sorted(TABLE) == PUBLIC
    assert set(FINETUNE_RECIPES) == set(NAMES)
    assert len(set(FINETUNE_RECIPES.values())) == len(FINETUNE_RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_passes_all_checks(name, tmp_path):
    check_run(stand_in(name, tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_comes_back_from_a_file(name, tmp_path):
    save_config(make(name), tmp_path / "run.yaml")
    assert load_config(FinetuneRun, tmp_path / "run.yaml") == make(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_all_about_itself(name):
    text = inspect.getdoc(FINETUNE_RECIPES[name])
    for entry in ("Source", "Data", "Hardware", "Time", "Score", "Command"):
        assert f"\n{entry}: " in text
    assert f"Command: videomae2 finetune {name} " in text
    assert text.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_its_model_with_its_classes(name):
    run = make(name)
    classes = TABLE[name][1] if name in TABLE else 3
    if run.labels.class_names is not None:
        assert len(read_class_names(run.labels.class_names)) == classes
    with torch.device("meta"):
        model = Classifier(replace(run.model, num_classes=classes))
        task = ClassifyTask(model, run.task, normalization=run.data)
    encoder = run.model.encoder
    parts = encoder.cubes.grid[0] if run.model.global_pool == "slots" else 1
    assert task.model.head.weight.shape == (classes, parts * encoder.shape.embed_dim)
    assert task.model.encoder.blocks.drop_path == run.model.encoder.drop_path


@pytest.mark.parametrize("name", PUBLIC)
def test_the_numbers_are_those_of_the_tables(name):
    run, row = make(name), dict(zip(COLUMNS, TABLE[name], strict=True))
    optim, encoder = run.optim, run.model.encoder
    found = {
        "size": encoder.size,
        "classes": len(load_public_classes(run.labels.class_names.name)),
        "gpus": optim.gradient_accumulation_steps,
        "videos": optim.micro_batch_size,
        "lr": optim.lr,
        "layer_decay": optim.layer_decay,
        "drop_path": encoder.drop_path,
        "head_drop_rate": run.model.head_drop_rate,
        "weight_decay": optim.weight_decay,
        "epochs": optim.epochs,
        "warmup": optim.warmup_epochs,
        "clip": optim.clip_norm,
        "views": run.data.views,
        "last_lr": optim.min_lr,
    }
    assert found == row


@pytest.mark.parametrize("name", PUBLIC)
def test_what_all_scripts_share(name):
    run = make(name)
    assert (run.optim.betas, run.optim.eps, run.optim.lr_scale_by) == ((0.9, 0.999), 1e-8, "videos")
    assert run.augment == AugmentConfig()
    assert (run.augment.erase.prob, run.augment.erase.max_count) == (0.25, 1)
    mix, rand = run.augment.mix, run.augment.rand_augment
    assert (mix.mixup_alpha, mix.cutmix_alpha, mix.prob, mix.switch_prob) == (0.8, 1.0, 1.0, 0.5)
    assert (rand.num_ops, rand.magnitude, rand.magnitude_std, rand.prob) == (4, 7.0, 0.5, 0.5)
    assert run.task.label_smoothing == 0.1
    assert run.model.head_init_scale == 0.001
    assert run.model.global_pool == "avg"
    assert run.data.crop == CropConfig(kind="random-resized", flip=run.data.crop.flip)
    assert run.data.crop.scale == (0.08, 1.0)


@pytest.mark.parametrize("name", sorted(PEAKS))
def test_the_peak_of_the_learning_rate_is_the_released_one(name):
    row = dict(zip(COLUMNS, TABLE[name], strict=True))
    by_hand = row["lr"] * row["gpus"] * row["videos"] / 256
    assert by_hand == pytest.approx(PEAKS[name], rel=0.03)
    optim = make(name).optim
    assert scale_lr(optim.lr, optim.global_batch_size) == pytest.approx(by_hand)


def test_the_schedule_counts_videos_and_begins_at_zero(tmp_path):
    """k710-giant on 960 videos: 10 steps an epoch, whatever the number of views."""
    (tmp_path / "train.csv").write_text("".join(f"{n}.mp4 {n % 710}\n" for n in range(960)))
    (tmp_path / "0.mp4").touch()
    run = make("k710-giant", tmp_path)
    plan = plan_of(run)
    assert plan.steps == 35 * 10
    assert plan.lr_schedule(0) == 0
    assert plan.lr_schedule(49) == pytest.approx(
        1e-3 * 96 / 256
    )  # 5 epochs of 10 steps, both ends in
    assert plan.lr_schedule(349) > 1e-6 * 96 / 256
    assert plan.lr_schedule(349) == pytest.approx(1e-6 * 96 / 256, rel=0.1)


def plan_of(run: FinetuneRun) -> LoopConfig:
    return build_loop_config(run, read_multiclass(run.data.sources, run.labels).manifests)


@pytest.mark.parametrize("name", PUBLIC)
def test_only_something_something_takes_segments_and_is_never_mirrored(name):
    run = make(name)
    source = run.data.sources[0]
    of_something = "ssv" in name
    assert run.labels.class_names.name.startswith("something") == of_something
    assert run.data.crop.flip != of_something
    sparse = of_something or name == "internvideo-k400-huge-segments"
    assert source.frame_sampling == ("tsn" if sparse else "dense")
    assert source.frame_interval == (2 if "hmdb51" in name else 4)
    assert source.interval_unit == "frames"


def test_own_videos_are_never_mirrored_unasked():
    assert not any(make(name).data.crop.flip for name in OWN)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_recipe_starts_from_what_the_stage_before_writes(name):
    run = make(name)
    parent = run.init.weights
    assert parent.parent == Path("runs")
    if parent.name in RECIPES:
        before = RECIPES[parent.name]([Path("v")], parent).model.encoder
    else:
        before = make(parent.name.removesuffix("-finetune")).model.encoder
    assert before.shape == run.model.encoder.shape
    of_710 = run.labels.class_names == Path("kinetics-710")
    after_710 = name.startswith(("k710-", "internvideo-k710-")) and not of_710
    assert parent.name.startswith("k710-") == after_710


@pytest.mark.parametrize("name", [n for n in PUBLIC if make(n).init.head == "select"])
def test_after_kinetics_710_the_rows_of_the_head_go_by_name(name, tmp_path):
    run = make(name)
    assert "k710-k" in name
    tiny = replace(run.model.encoder, size="tiny", embed_dim=24, depth=1, num_heads=2,
                   patch_size=None, frames=16, height=224, width=224, mlp_ratio=None)  # fmt: skip
    parent = Classifier(replace(run.model, encoder=tiny, num_classes=710))
    torch.save(classifier_to_official(parent.state_dict(), parent.cubes), tmp_path / "a.pth")
    classes = read_class_names(run.labels.class_names)
    run = replace(
        run,
        model=replace(run.model, encoder=tiny, num_classes=len(classes)),
        init=replace(run.init, weights=tmp_path / "a.pth"),
    )
    model, said = build_classifier(run, classes, torch.Generator())
    large = load_public_classes("kinetics-710")
    for row in (0, 7, len(classes) - 1):
        theirs = parent.head.weight[large.index(classes[row])]
        assert torch.equal(model.head.weight[row], theirs)
    assert f"the rows of the same names, {len(classes)} of 710" in str(said)


def test_small_sets_after_kinetics_710_get_a_fresh_head():
    for name in ("k710-ucf101-giant", "k710-hmdb51-giant", "internvideo-k600-k400-huge"):
        assert make(name).init.head == "reinit"


def test_64_frames_of_266_pixels_keep_the_places_of_16_of_224(tmp_path):
    run, card = make("k710-k400-giant-64x266"), make("k710-giant")
    parent = Pretrained(
        path=tmp_path / "vit_g_k710.pth",
        state={},
        config=SavedClassifierConfig(model=card.model, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        says_clips=False,
    )
    encoder = resolve_encoder(run.model.encoder, run.init.pos_embed, parent)
    assert encoder.cubes.grid == (32, 19, 19)
    assert encoder.pretrained_grid == make("k710-giant").model.encoder.cubes.grid


def test_a_folder_is_a_training_and_a_validation_list():
    run = make("k400-base", Path("k400"))
    assert [source.path for source in run.data.sources] == [Path("k400/train.csv")]
    assert run.validation.path == Path("k400/val.csv")


def test_lists_are_taken_as_they_are_and_nothing_is_held_out():
    run = FINETUNE_RECIPES["k400-base"]([Path("a.csv"), Path("b.txt")], Path("out"))
    assert [source.path for source in run.data.sources] == [Path("a.csv"), Path("b.txt")]
    assert (run.validation.path, run.validation.share) == (None, 0.0)


def test_numbers_of_a_list_get_the_names_of_the_set(tmp_path):
    lines = "".join(f"{n}.mp4 {n}\n" for n in range(101))
    (tmp_path / "train.csv").write_text(lines)
    (tmp_path / "val.csv").write_text(lines.replace(".mp4", "v.mp4"))
    for name in ("0.mp4", "0v.mp4"):
        (tmp_path / name).touch()
    run = make("v1-ucf101-base", tmp_path, tmp_path)
    run = replace(
        run,
        init=replace(run.init, weights=None),
        model=replace(run.model, encoder=replace(run.model.encoder, depth=1)),
        optim=replace(run.optim, global_batch_size=16),
    )
    said = str(dry_run(run))
    assert "classes  101: ApplyEyeMakeup, ApplyLipstick, Archery" in said
    assert "val      101 videos of" in said
    (tmp_path / "train.csv").write_text(lines + "0.mp4 101\n")
    with pytest.raises(ManifestError, match="label is 101, but there are 101 classes, from 0"):
        dry_run(run)


@pytest.mark.parametrize("name", ["k400-giant", "own-lora", "own-frozen"])
def test_a_parent_that_is_not_there_stops_it(name, tmp_path):
    run = stand_in(name, tmp_path)
    run.init.weights.rmdir()
    with pytest.raises(
        ConfigError, match=r"--init.weights .* does not exist.* or weights of other"
    ):
        check_run(run)


def test_own_frozen_teaches_two_blocks_and_own_lora_adapters():
    learnt = {}
    for name in ("own-frozen", "own-lora"):
        run = make(name)
        model = Classifier(replace(run.model, num_classes=3))
        apply_tuning(model, run.tuning, torch.Generator())
        learnt[name] = {n for n, p in model.named_parameters() if p.requires_grad}
    frozen = {n.split(".")[2] for n in learnt["own-frozen"] if n.startswith("encoder.blocks")}
    assert frozen == {"10", "11"}
    assert not any("patch_embed" in n for n in learnt["own-frozen"] | learnt["own-lora"])
    rest = {"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}
    assert all(n.endswith((".down", ".up")) for n in learnt["own-lora"] - rest)
    assert rest <= learnt["own-lora"] & learnt["own-frozen"]
