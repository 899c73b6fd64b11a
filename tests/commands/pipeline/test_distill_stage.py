"""Distillation as a stage: its teacher is another stage, and what follows takes its student."""

import shutil
import signal
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.helpers.pipelines import actions, left_behind, prepared, run, run_to_the_end
from tests.helpers.pretrain_runs import stop_after
from videomae2.base.files import DIGESTS_FILE
from videomae2.errors import ConfigError, Interrupted
from videomae2.models.weights.config_json import load_model_config
from videomae2.models.weights.saved import load_saved_state

TEXT = """name: tiny
out: runs
shared: &train
  reading: {num_workers: 0}
  logging: {interval: 1}
  runtime: {device: cpu, precision: fp32}
stages:
  tuned:
    kind: finetune
    recipe: small
    videos: labelled/v
    settings: {<<: *train, optim: {epochs: 1}}
  small:
    kind: distill
    recipe: small
    videos: labelled/v
    from: tuned
    settings: {<<: *train, optim: {epochs: 2}}
  judged:
    kind: evaluate
    videos: test/v
    from: small
    settings: {device: cpu, views: {clips: 1, crops: 1}, n_resamples: 100}
"""


def test_a_student_follows_its_teacher_and_is_judged(place):
    done = run(TEXT)
    assert done["small"].path == Path("runs/small/best")
    assert done["small"].output.metrics.keys() >= {"accuracy", "agreement"}
    assert done["judged"].output.metrics.keys() >= {"mean-class accuracy"}
    lineage = load_model_config(done["small"].path).metadata["lineage"]
    assert lineage["parents"] == {
        "teacher": {"from": "tuned", "weights": done["tuned"].output.digest}
    }
    assert set(actions(TEXT).values()) == {"cached"}


@pytest.mark.slow
def test_stopped_again_and_again_a_student_ends_as_if_undisturbed(place):
    run(TEXT)
    before = left_behind(Path("runs"))
    Path("runs").rename("gone")
    assert run_to_the_end(TEXT, say=lambda: stop_after(2, signal.SIGTERM)) >= 3
    assert left_behind(Path("runs")) == before


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    from: tuned\n", "", "stage small: --teacher.weights is missing"),
        (
            "{<<: *train, optim: {epochs: 2}}",
            "{<<: *train, teacher: {weights: labelled}}",
            "stages.small.settings: teacher.weights has no effect: the weights are those of tuned",
        ),
        (
            "settings: {<<: *train, optim: {epochs: 1}}",
            "settings: {<<: *train, model: {encoder: {frames: 8}}}",
            "stage small: the student reads clips of 4x32x32 of 3 channels",
        ),
        (
            "from: tuned\n",
            "from: {teacher: tuned, student: tuned}\n",
            "",
        ),
        (
            "settings: {<<: *train, optim: {epochs: 1}}",
            "settings: {<<: *train, optim: {epochs: 1}, model: {encoder: {embed_dim: 48}}}",
            "",
        ),
    ],
)
def test_teacher_and_student_are_checked_before_the_first_stage(place, old, new, problem):
    assert old in TEXT
    if not problem:
        prepared(TEXT.replace(old, new))
        return
    with pytest.raises(ConfigError) as caught:
        prepared(TEXT.replace(old, new))
    assert problem in caught.value.problems[0]


def test_what_a_student_starts_from_must_fit(place):
    text = TEXT.replace("from: tuned\n", "from: {teacher: tuned, student: tuned}\n").replace(
        "settings: {<<: *train, optim: {epochs: 1}}",
        "settings: {<<: *train, model: {encoder: {embed_dim: 48}}}",
    )
    with pytest.raises(
        ConfigError, match="stage small: runs/tuned has another encoder: embed_dim 48"
    ):
        prepared(text)


def test_initial_weights_of_a_student_count_by_content(place):
    """Another content is another result, another place is not."""
    parent = run(TEXT[: TEXT.index("  small:")])["tuned"].path
    shutil.copytree(parent, "own")
    (Path("own") / DIGESTS_FILE).unlink()
    text = TEXT[: TEXT.index("  judged")].replace(
        "{<<: *train, optim: {epochs: 2}}",
        "{<<: *train, optim: {epochs: 1}, init: {weights: own}}",
    )
    run(text)
    assert set(actions(text).values()) == {"cached"}
    weights = load_saved_state(Path("own"))
    save_file(
        {n: v + 1 if n == "head.bias" else v for n, v in weights.items()}, "own/model.safetensors"
    )
    assert actions(text)["small"] == "rerun"
    save_file(weights, "own/model.safetensors")
    assert actions(text)["small"] == "cached"
    Path("own").rename("moved")
    assert actions(text.replace("weights: own", "weights: moved"))["small"] == "cached"


@pytest.mark.slow
def test_a_distillation_that_was_stopped_goes_on_where_its_folder_was_moved_to(place):
    """Teacher and student have other paths then, and the same content."""
    text = TEXT[: TEXT.index("  judged")].replace(
        "from: tuned", "from: {teacher: tuned, student: tuned}"
    )
    run(text[: text.index("  small")])
    with pytest.raises(Interrupted):
        run(text, say=stop_after(1, signal.SIGTERM))
    Path("runs").rename("elsewhere")
    done = run(text.replace("out: runs", f"out: {place / 'elsewhere'}"))
    assert {name: one.action for name, one in done.items()} == {
        "tuned": "cached",
        "small": "resume",
    }
