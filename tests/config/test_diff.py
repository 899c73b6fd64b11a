from pathlib import Path

import pytest

from tests.helpers.run_configs import changed, good_distill, good_finetune, good_run
from videomae2.base.schema import flatten, wildcard_path
from videomae2.config.diff import RESUME_SAFE_FIELDS, diff_configs
from videomae2.config.files import to_builtin


def test_equal_runs_do_not_differ(tmp_path):
    assert diff_configs(good_run(tmp_path), good_run(tmp_path)) == []


@pytest.mark.parametrize(
    ("path", "value", "matters"),
    [
        ("optim.lr", 2e-3, True),
        ("optim.epochs", 11.0, True),
        ("seed", 1, True),
        ("data.views", 2, True),
        ("data.sources.0.frame_interval", 2.0, True),
        ("reading.max_short_side", 256, True),
        ("runtime.precision", "fp32", True),
        ("reading.num_workers", 3, False),
        ("online_probe.videos", Path("labels.csv"), False),
        ("online_probe.interval", 7, False),
        ("checkpoint.interval", 7, False),
        ("runtime.device", "cuda", False),
        ("runtime.compile", True, False),
        ("data.max_unreadable_share", 0.5, False),
    ],
)
def test_a_difference_is_named_and_weighed(tmp_path, path, value, matters):
    old = good_run(tmp_path)
    new = changed(old, path, value)
    leaves = [to_builtin(dict(flatten(run))[path]) for run in (old, new)]
    assert diff_configs(old, new) == (
        [f"{path}: {leaves[0]} before → {leaves[1]} now"] if matters else []
    )


def test_the_place_of_a_cache_is_none_of_the_results(tmp_path):
    old = good_distill(tmp_path)
    for path, value, matters in (
        ("teacher.cache_dir", tmp_path / "c", False),
        ("model.encoder.activation_checkpointing", True, False),
        ("teacher.weights", tmp_path, True),
        ("task.temperature", 1.0, True),
    ):
        found = diff_configs(old, changed(old, path, value))
        assert [line.split(":")[0] for line in found] == ([path] if matters else [])


def test_a_source_that_came_matters(tmp_path):
    found = diff_configs(good_run(tmp_path, 1), good_run(tmp_path, 2))
    assert found
    assert all(line.startswith("data.sources.1.") for line in found)
    assert all(": (absent) before → " in line for line in found)


def test_the_table_names_only_settings_that_exist(tmp_path):
    runs = (good_run(tmp_path), good_finetune(tmp_path), good_distill(tmp_path))
    settings = [leaf for run in runs for leaf in flatten(run)]
    assert {wildcard_path(path) for path, _ in settings} >= RESUME_SAFE_FIELDS


def test_the_size_of_a_micro_batch_matters_where_its_clips_are_mixed(tmp_path):
    run = good_finetune(tmp_path)
    assert len(diff_configs(run, changed(run, "optim.micro_batch_size", 16))) == 1
    plain = changed(run, "augment.mix.prob", 0.0)
    assert diff_configs(plain, changed(plain, "optim.micro_batch_size", 16)) == []
