import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from videomae2.config.checks import check_run
from videomae2.config.files import load_config, save_config
from videomae2.config.runs import PretrainRun
from videomae2.errors import ConfigError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.flops import TokenCounts
from videomae2.recipes.datasets import HYBRID_LISTS
from videomae2.recipes.table import FINETUNE_RECIPES, RECIPES
from videomae2.tasks.pretrain import PretrainTask, count_tokens
from videomae2.training.schedules import scale_lr

NAMES = sorted(RECIPES)

PEAKS = {
    "hybrid-base": 4e-3, "hybrid-large": 6e-3, "hybrid-huge": 8e-3, "hybrid-giant": 4.8e-3,
    "ablation-none": 4e-3, "ablation-cell-50": 4e-3,
    "v1-k400-small": 6e-4, "v1-k400-base-800": 1.2e-3, "v1-k400-base-1600": 1.2e-3,
    "v1-k400-large": 3e-4, "v1-k400-huge": 6e-4, "v1-ssv2-base": 1.2e-3,
    "v1-ucf101-base": 2.25e-4,
    "internvideo-base": 1.2e-3, "internvideo-large": 6.75e-4, "internvideo-huge": 1.5e-3,
}  # fmt: skip
"""Absolute learning rates: facts.md 4.2, and V1's scripts by the same rule."""

DUAL = TokenCounts(embedded=160, visible=160, queries=784, num_loss_tokens=704)
PLAIN = TokenCounts(embedded=160, visible=160, queries=1408, num_loss_tokens=1408)


def make(name: str, folder: Path = Path("/videos")) -> PretrainRun:
    return RECIPES[name]([folder], Path("runs") / name)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_passes_all_checks(name, tmp_path):
    for list_name in HYBRID_LISTS:
        (tmp_path / list_name).touch()
    check_run(make(name, tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_comes_back_from_a_file(name, tmp_path):
    save_config(make(name), tmp_path / "run.yaml")
    assert load_config(PretrainRun, tmp_path / "run.yaml") == make(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_its_model(name):
    run = make(name)
    with torch.device("meta"):
        task = PretrainTask(Autoencoder(run.model), run.masking, normalization=run.data)
    assert len(task.model.decoder.blocks) == run.model.decoder.depth


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_all_about_itself(name):
    text = inspect.getdoc(RECIPES[name])
    for entry in ("Source", "Data", "Hardware", "Time", "Score", "Command"):
        assert f"\n{entry}: " in text
    assert f"Command: videomae2 pretrain {name} " in text
    assert text.splitlines()[0].endswith(".")


def test_no_recipe_stands_in_the_table_twice():
    assert len(set(RECIPES.values())) == len(RECIPES)


@pytest.mark.parametrize("name", sorted(PEAKS))
def test_the_peak_of_the_learning_rate_is_the_released_one(name):
    optim = make(name).optim
    assert optim.lr_scale_by == "videos"
    assert scale_lr(optim.lr, optim.global_batch_size) == pytest.approx(PEAKS[name])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("hybrid-base", DUAL),
        ("hybrid-large", DUAL),
        ("hybrid-huge", DUAL),
        ("hybrid-giant", TokenCounts(embedded=208, visible=208, queries=1024, num_loss_tokens=920)),
        ("v1-k400-base-800", PLAIN),
        (
            "v1-ucf101-base",
            TokenCounts(embedded=392, visible=392, queries=1176, num_loss_tokens=1176),
        ),
        ("ablation-none", PLAIN),
        ("ablation-frame", DUAL),
        (
            "ablation-cell-25",
            TokenCounts(embedded=160, visible=160, queries=1176, num_loss_tokens=1056),
        ),
        ("ablation-cell-50", DUAL),
        (
            "ablation-cell-75",
            TokenCounts(embedded=160, visible=160, queries=392, num_loss_tokens=352),
        ),
        ("ablation-cell-all", TokenCounts(160, 160, 784, 784)),
        ("ablation-random", TokenCounts(160, 160, 784, 784)),
    ],
)
def test_the_numbers_of_cubes_are_the_papers(name, counts):
    run = make(name)
    assert count_tokens(run.masking, run.model.encoder.cubes.grid) == counts


@pytest.mark.parametrize(
    ("name", "views_per_step", "epochs", "warmup", "clip"),
    [
        ("hybrid-small", 4096, 800, 80, None),
        ("hybrid-base", 4096, 800, 80, None),
        ("hybrid-large", 6144, 1200, 120, None),
        ("hybrid-huge", 8192, 1200, 120, None),
        ("hybrid-giant", 8192, 1200, 120, 0.02),
    ],
)
def test_lengths_are_the_papers_when_views_are_counted(name, views_per_step, epochs, warmup, clip):
    run = make(name)
    optim, views = run.optim, run.data.views
    assert optim.global_batch_size * views == views_per_step
    assert (optim.epochs * views, optim.warmup_epochs * views) == (epochs, warmup)
    assert (optim.clip_norm, optim.betas, optim.weight_decay) == (clip, (0.9, 0.95), 0.05)
    assert optim.min_lr == 1e-5


def test_only_something_something_is_read_at_stride_two():
    sources = make("hybrid-giant").data.sources
    assert {s.name: s.frame_interval for s in sources} == {
        "k710": 4, "ssv2": 2, "ava": 4, "webvid2m": 4, "instagram": 4,
    }  # fmt: skip
    assert {s.weight for s in sources} == {1.0}
    assert sources[0].path == Path("/videos/k710.csv")


def test_lists_at_hand_are_known_by_their_names():
    run = RECIPES["hybrid-base"]([Path("a/ssv2.txt"), Path("b/k710.csv")], Path("out"))
    assert [(s.name, s.frame_interval) for s in run.data.sources] == [("ssv2", 2), ("k710", 4)]


def test_a_list_of_another_name_is_refused():
    with pytest.raises(ConfigError, match=r"x.csv is none of the lists .* name them k710.csv"):
        RECIPES["hybrid-base"]([Path("x.csv"), Path("k710.csv")], Path("out"))


def test_own_takes_several_sources_by_the_second():
    run = RECIPES["own"]([Path("a"), Path("b")], Path("out"))
    assert [(s.path.name, s.interval_unit) for s in run.data.sources] == [
        ("a", "per-second"),
        ("b", "per-second"),
    ]


def test_own_cpu_shows_whole_videos_for_as_many_steps_as_pay():
    run = RECIPES["own-cpu"]([Path("a"), Path("b")], Path("out"))
    assert {source.frame_sampling for source in run.data.sources} == {"whole"}
    assert run.model.encoder.cubes.grid == (8, 2, 2)
    optim = run.optim
    assert (optim.steps, optim.warmup_steps, optim.epochs) == (9000, 450, None)
    rates = [scale_lr(lr, optim.global_batch_size) for lr in (optim.lr, optim.min_lr)]
    assert rates == pytest.approx([1e-3, 1e-5])
    tuned = FINETUNE_RECIPES["own-cpu"]([Path("a")], Path("out"))
    assert replace(tuned.model.encoder, drop_path=0.0) == run.model.encoder
    assert tuned.data.sources[0].frame_sampling == "whole"
    assert (tuned.data.mean, tuned.data.std) == (run.data.mean, run.data.std)
    assert scale_lr(tuned.optim.lr, tuned.optim.global_batch_size) == pytest.approx(1e-3)
    assert tuned.model.global_pool == "slots"


def test_own_cpu_motion_is_own_cpu_without_the_mean_over_time():
    for recipes in (RECIPES, FINETUNE_RECIPES):
        plain, motion = (
            recipes[name]([Path("a")], Path("out")) for name in ("own-cpu", "own-cpu-motion")
        )
        data = replace(plain.data, subtract="temporal-mean", std=(0.05,))
        assert motion.data == data
        assert replace(motion, data=plain.data, **unscored(plain)) == plain
        assert "resting cameras where motion decides" in inspect.getdoc(recipes["own-cpu-motion"])


def unscored(run):
    """The target of pre-training, which is not z-scored where the mean over time is gone."""
    return {"masking": run.masking} if isinstance(run, PretrainRun) else {}
