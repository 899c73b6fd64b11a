"""Everything that can be known before the first step is said before it, all at once."""

from pathlib import Path

import pytest

from tests.helpers.finetune_runs import small_finetune
from tests.helpers.pipelines import RECIPES, TEXT, prepared
from videomae2.commands.pipeline.run import plan_pipeline
from videomae2.errors import ConfigError
from videomae2.models.weights.init_from import InitConfig


def problems(text):
    with pytest.raises(ConfigError) as caught:
        prepared(text)
    assert not Path("runs").exists()
    return caught.value.problems


def stages(*lines):
    return "stages:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_stage_takes_what_it_shares_by_an_anchor_and_puts_its_own_over_it(place):
    text = TEXT.replace("stages:\n", "  optim: &optim {epochs: 7, warmup_epochs: 0.5}\nstages:\n")
    for own in ("epochs: 2", "epochs: 1", "ema_decay: 0.9, epochs: 2"):
        text = text.replace(f"optim: {{{own}}}", f"optim: {{<<: *optim, {own}}}")
    pretrained, post, tuned, judged = (stage.config for stage in prepared(text).stages)
    assert [run.optim.epochs for run in (pretrained, post, tuned)] == [2.0, 1.0, 2.0]
    assert {run.optim.warmup_epochs for run in (pretrained, post, tuned)} == {0.5}
    assert tuned.optim.ema_decay == 0.9
    assert {run.output_dir.parent for run in (pretrained, post, tuned)} == {Path("runs")}
    assert {run.reading.num_workers for run in (pretrained, post, tuned)} == {0}
    assert (judged.device, judged.precision, judged.reading.num_workers) == ("cpu", "fp32", 0)


def test_out_can_be_chosen_anew(place):
    pipeline = prepared(out=Path("there"))
    assert [str(stage.out) for stage in pipeline.stages] == [
        "there/pretrained",
        "there/post",
        "there/tuned",
        "there/judged",
    ]
    assert pipeline.stages[0].config.output_dir == Path("there/pretrained")


def test_every_wrong_word_is_said_with_its_line_and_the_nearest(place):
    text = """common: {}
shared:
  - &reading {num_workers: many}
  - &unused {sed: 4}
stages:
  a: {kind: pretran, recipe: small, videos: v}
  b: {kind: pretrain, recipe: smal}
  c: {kind: pretrain, videos: v, from: b}
  d:
    kind: finetune
    recipe: small
    videos: v
    from: {teacher: b}
    settings:
      optim: {epoch: 4}
      reading: *reading
"""
    assert problems(text) == [
        "p.yaml:1: common is nothing that stands here; there are name, out, shared, stages",
        "p.yaml:3: reading.num_workers wants a whole number or null, found 'many'",
        "p.yaml:6: stages.a.kind: pretran is no kind of stage; did you mean pretrain?",
        "p.yaml:7: stages.b: videos is missing: a folder or a list of videos",
        "p.yaml:7: stages.b.recipe: smal is no pretrain recipe; did you mean small?",
        "p.yaml:8: stages.c.from: a pretrain stage starts from nothing; leave it out",
        "p.yaml:8: stages.c: recipe is missing; videomae2 pretrain lists them",
        "p.yaml:13: stages.d.from: a finetune stage has no teacher; there are weights",
        "p.yaml:15: optim.epoch is no setting; did you mean optim.epochs?",
    ]


def test_what_the_pipeline_sets_itself_is_refused(place):
    settings = "init: {weights: a.pth}\n      output_dir: here"
    assert problems(TEXT.replace("optim: {epochs: 1}", settings)) == [
        "p.yaml:20: stages.post.settings: output_dir has no effect: the folder of a stage is its "
        "name, under out",
        "p.yaml:20: stages.post.settings: init.weights has no effect: the weights are those of "
        "pretrained; leave out one of both",
    ]


def test_problems_of_form_words_and_content_are_said_at_once(place):
    (place / "empty").mkdir()
    text = """nme: x
shared:
  sed: &seed {sed: 4}
stages:
  a: {kind: pretrain, recipe: small, videos: 3}
  b: {kind: pretrain, recipe: small, videos: unlabelled/train, vidoes: v}
  c: {kind: pretrain, recipe: smal, videos: unlabelled/train}
  d: {kind: finetune, recipe: small, videos: empty, from: c}
  e: {kind: finetune, recipe: small, videos: labelled/v, settings: {model: {num_classes: 4}}}
  f: {kind: evaluate, videos: gone, from: d}
  g: {kind: distill, recipe: small, videos: labelled/v, from: h}
  h: {kind: distill, recipe: small, videos: labelled/v, from: g}
  i: {kind: evaluate, videos: test/v, from: none}
  j: {kind: evaluate, videos: test/v, form: d}
  k: {kind: finetune, recipe: small, videos: labelled/v, settings: {optim: {epochs: -1}}}
  l: {kind: pretrain, recipe: small, videos: unlabelled/train, settings: *seed}
"""
    found = problems(text)
    starts = [
        "p.yaml:1: nme is nothing that stands here; did you mean name?",
        "p.yaml:3: sed is no setting; did you mean seed?",
        "p.yaml:5: stages.a.videos wants a path or a list of paths, found 3",
        "p.yaml:6: stages.b.vidoes is nothing that stands here; did you mean videos?",
        "p.yaml:7: stages.c.recipe: smal is no pretrain recipe; did you mean small?",
        "p.yaml:8: stage d: empty",
        "p.yaml:9: stage e: the data asks for 3 outputs, --model.num-classes says 4",
        "p.yaml:10: stage f: videos: gone does not exist",
        "p.yaml:11: the stages g -> h -> g wait for each other (from in lines 11, 12)",
        "p.yaml:13: stages.i.from: none is no stage here",
        "p.yaml:14: stages.j.form is nothing that stands here; did you mean from?",
        "p.yaml:15: stage k: --optim.epochs -1.0 cannot work",
    ]
    assert len(found) == len(starts), "\n".join(found)
    for one, start in zip(found, starts, strict=True):
        assert one.startswith(start)


def test_problems_of_all_stages_are_said_before_the_first_starts(place):
    text = (
        TEXT.replace("epochs: 2}\n  post", "epochs: -2}\n  post")
        .replace("videos: unlabelled/train", "videos: gone")
        .replace(
            "optim: {epochs: 1}",
            "optim: {epochs: 1, global_batch_size: 3}\n      model: {num_classes: 4}",
        )
    )
    first, second, third = problems(text)
    assert first == (
        "p.yaml:8: stage pretrained: --optim.epochs -2.0 cannot work; it wants a number above 0"
    )
    assert second.startswith("p.yaml:8: stage pretrained: videos: gone does not exist")
    assert third.startswith(
        "p.yaml:15: stage post: --optim.global-batch-size 3 does not split into micro-b"
    )
    (alone,) = problems(TEXT.replace("epochs: 1}", "epochs: 1}\n      model: {num_classes: 4}"))
    assert alone.startswith(
        "p.yaml:15: stage post: the data asks for 3 outputs, --model.num-classes"
    )


def test_a_model_is_held_against_the_one_before_it(place):
    text = TEXT.replace("optim: {epochs: 1}", "model: {encoder: {embed_dim: 48}}")
    (problem,) = problems(text)
    assert problem.startswith(
        "p.yaml:15: stage post: runs/pretrained has another encoder: embed_dim 24 there and 48 here"
    )


def test_the_choice_of_a_head_is_held_against_the_classes_before_it(place):
    text = TEXT.replace("ema_decay: 0.9, epochs: 2}", "epochs: 2}\n      init: {head: keep}")
    prepared(text)
    (problem,) = problems(text.replace("    from: post\n", "    from: pretrained\n"))
    assert problem == "p.yaml:24: stage tuned: head 'keep' wants 3 classes, the parent has 0"


def test_weights_of_a_file_are_read_before_the_first_stage(place):
    (place / "a.pth").write_bytes(b"nothing")
    text = TEXT.replace("    from: post\n", "").replace(
        "ema_decay: 0.9, epochs: 2}", "epochs: 2}\n      init: {weights: a.pth}"
    )
    (problem,) = problems(text)
    assert problem.startswith("p.yaml:24: stage tuned: cannot read a.pth")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("test/v\n    from: tuned\n", "test/v\n", "stages.judged: from is missing: the stage that"),
        (
            "test/v\n    from: tuned\n",
            "test/v\n    from: pretrained\n",
            "stage judged: from: pretrained gives no classifier",
        ),
        ("test/v", "tast/v", "stage judged: videos: tast/v does not exist; "),
        ("test/v", "[test/v, labelled/v]", "stage judged: videos: an evaluation has one list"),
        (
            "kind: evaluate\n",
            "kind: evaluate\n    recipe: small\n",
            "stages.judged.recipe: evaluate has no recipes; leave it out",
        ),
        ("clips: 2", "clips: 0", "p.yaml:37: --views.clips 0 cannot work; it wants 1 or more"),
        ("clips: 2", "clip: 2", "views.clip is no setting; did you mean views.clips?"),
        (
            "n_resamples: 100",
            "n_resamples: 0",
            "p.yaml:37: --n-resamples 0 cannot work; it wants 100 or more",
        ),
        ("n_resamples: 100", "frames: 8", "stage judged: frames and side have no effect"),
        (
            "n_resamples: 100",
            "class_names: gone.txt",
            "stage judged: --class-names gone.txt is no file",
        ),
        ("n_resamples: 100", "classes: kinetics-400", "lacks 400 of 400: abseiling"),
    ],
)
def test_an_evaluation_is_checked_too(place, old, new, problem):
    assert old in TEXT
    assert problem in problems(TEXT.replace(old, new))[0]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("runs/none", "stage judged: runs/none"),
        ("labelled/v", "stage judged: labelled/v"),
        ("no stage", "stage judged: no stage"),
    ],
)
def test_a_model_that_is_not_there_is_said_before(place, path, problem):
    (found,) = problems(TEXT.replace("from: tuned", f"from: {path}"))
    assert found.startswith(f"p.yaml:32: {problem} "), found


def test_only_an_evaluation_starts_from_a_path(place):
    (found,) = problems(TEXT.replace("from: pretrained", "from: a.pth"))
    assert found == (
        "p.yaml:19: stages.post.from: a.pth is no stage; name it in settings, as init.weights"
    )


def test_an_evaluation_gives_no_model(place):
    more = "  more: {kind: finetune, recipe: small, videos: labelled/v, from: judged}\n"
    (problem,) = problems(TEXT + more)
    assert problem == "p.yaml:42: stage more: from: judged gives no model"


def test_a_stage_takes_the_place_of_the_parent_that_a_recipe_names(place, monkeypatch):
    start = InitConfig(weights=Path("runs/own"))
    recipes = {"small": lambda videos, out: small_finetune(videos[0], out, init=start)}
    monkeypatch.setitem(RECIPES, "finetune", recipes)
    pipeline = prepared()
    found = plan_pipeline(pipeline)
    assert {decision.name for decision in found.values()} == {"run"}
    assert "start    15 weights of runs/pretrained\n" in pipeline.plans["post"].summary
    (problem,) = problems(TEXT.replace("    from: pretrained\n", ""))
    assert "--init.weights runs/own does not exist" in problem


def test_a_stage_of_other_clips_is_promised_the_table_of_its_parent(place):
    """From the first on: each later stage knows on which grid the weights were trained."""
    larger = "      model: {encoder: {frames: 6, height: 48}}\n      validation: {share: 0}"
    text = TEXT.replace("      validation: {share: 0}", larger)
    said = "positions: the table for 2x4x4 cubes, with which the weights were trained"
    pipeline = prepared(text)
    assert f"{said}, resampled to 3x6x4" in pipeline.plans["post"].summary
    assert pipeline.plans["post"].produces.config.model.encoder.pretrained_grid == (2, 4, 4)
    assert said in pipeline.plans["tuned"].summary
    assert pipeline.plans["tuned"].produces.config.model.encoder.pretrained_grid is None
    fresh = text.replace(larger, larger + "\n      init: {pos_embed: reinit}")
    pipeline = prepared(fresh)
    assert "positions: a fresh table for 3x6x4 cubes" in pipeline.plans["post"].summary
    assert "positions: the table for 3x6x4 cubes" in pipeline.plans["tuned"].summary
    assert pipeline.plans["tuned"].produces.config.model.encoder.pretrained_grid == (3, 6, 4)


def test_lists_of_a_stage_whose_parent_has_problems_are_checked_all_the_same(place):
    (place / "empty").mkdir()
    text = TEXT.replace("epochs: 1}", "epochs: -1}").replace(
        "videos: labelled/v\n    from: post", "videos: empty\n    from: post"
    )
    first, second = problems(text)
    assert first.startswith("p.yaml:15: stage post: --optim.epochs -1.0 cannot work")
    assert second.startswith("p.yaml:24: stage tuned: empty")
