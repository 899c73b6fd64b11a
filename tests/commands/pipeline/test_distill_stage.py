"""Distillation as a stage: its teacher is another stage, and what follows takes its student."""

import shutil
import signal
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.helpers.pipelines import actions, left_behind, prepared, run, run_to_the_end
from tests.helpers.pretrain_runs import stop_after
from videomae2.errors import ConfigError, Interrupted
from videomae2.models.weights.config_json import load_model_config
from videomae2.models.weights.saved import load_saved_state

TEXT = """name: tiny
out: runs
shared: &train
  loading: {num_workers: 0}
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
TWO = TEXT.replace(
    "{<<: *train, optim: {epochs: 2}}",
    """
      <<: *train
      optim: {epochs: 2}
      students:
      - {name: a, model: {encoder: {size: tiny, frames: 4, height: 32, width: 32, depth: 1}}}
      - {name: b, model: {encoder: {size: tiny, frames: 4, height: 32, width: 32, depth: 2}}}""",
)


def test_a_student_follows_its_teacher_and_is_judged(place):
    done = run(TEXT)
    assert done["small"].path == Path("runs/small/students/student")
    assert done["small"].output.metrics.keys() >= {"accuracy", "agreement"}
    assert done["judged"].output.metrics.keys() >= {"mean-class accuracy"}
    lineage = load_model_config(done["small"].path).metadata["lineage"]
    assert lineage["parents"] == {
        "teacher": {"from": "tuned", "weights": done["tuned"].output.digest}
    }
    assert set(actions(TEXT).values()) == {"cached"}
    before = left_behind(Path("runs"))
    Path("runs").rename("gone")
    assert run_to_the_end(TEXT, say=lambda: stop_after(2, signal.SIGTERM)) >= 3
    assert left_behind(Path("runs")) == before


def test_several_students_are_a_result_without_followers(place):
    alone = TWO[: TWO.index("  judged")]
    done = run(alone)["small"]
    assert done.path == Path("runs/small/students")
    assert done.output.metrics.keys() == {"a accuracy", "b accuracy"}
    assert set(actions(alone).values()) == {"cached"}
    (Path("runs/small/students/b/model.safetensors")).write_bytes(b"x")
    assert actions(alone)["small"] == "rerun"
    with pytest.raises(ConfigError, match="stage judged: from: small gives no model, or several"):
        prepared(TWO)


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
            "stage small: the student 'student' reads clips of 4x32x32 of 3 channels",
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


def test_weights_of_a_second_student_count_by_content(place):
    """Two students that start from weights of their own: another content is another result."""
    first = TEXT[: TEXT.index("  small:")]
    parent = run(first)["tuned"].path
    for name in ("one", "two"):
        shutil.copytree(parent, name)
    encoder = (
        "encoder: {size: tiny, frames: 4, height: 32, width: 32, embed_dim: 24, depth: 1, "
        "num_heads: 2}"
    )
    students = "".join(
        f"      - {{name: {name}, model: {{{encoder}}}, init: {{weights: {name}}}}}\n"
        for name in ("one", "two")
    )
    text = TEXT[: TEXT.index("  judged")].replace(
        "{<<: *train, optim: {epochs: 2}}",
        f"\n      <<: *train\n      optim: {{epochs: 1}}\n      students:\n{students}",
    )
    run(text)
    assert set(actions(text).values()) == {"cached"}
    weights = load_saved_state(Path("two"))
    save_file(
        {n: v + 1 if n == "head.bias" else v for n, v in weights.items()}, "two/model.safetensors"
    )
    assert actions(text)["small"] == "rerun"
    save_file(weights, "two/model.safetensors")
    assert actions(text)["small"] == "cached"
    Path("two").rename("moved")
    assert actions(text.replace("weights: two", "weights: moved"))["small"] == "cached"


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
