"""Other files under the same names are other videos, to a pipeline and to a run; moved ones not."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands.pipeline.test_interrupted import stop_at
from tests.helpers.finetune_runs import small_finetune
from tests.helpers.logs import logging_to, stop_at_step, watching_jobs
from tests.helpers.pipelines import TEXT, actions, reasons, run
from tests.helpers.pretrain_runs import small_run, small_videos
from videomae2.base.provenance import read_provenance
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.errors import ConfigError, Interrupted

SKIPPED = {"pretrained": "cached", "post": "cached", "tuned": "cached", "judged": "cached"}


def shifted(folder, place, by):
    """The same names, each with the content of another video."""
    videos = sorted(folder.rglob("*.mp4"))
    for old, new in zip(videos, videos[by:] + videos[:by], strict=True):
        target = place / old.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(new, target)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("same", ["place", "root"])
def test_an_evaluation_of_other_files_of_the_same_names_is_done_again(copy, same):
    shifted(Path("test/v").resolve(), copy / "fold2" / "v", 1)
    old, new = TEXT, TEXT.replace("test/v", "fold2/v")
    if same == "root":
        for name in ("test", "fold2"):
            lines = [f"{path},{path.parent.name}" for path in relative_videos(Path(name))]
            Path(f"{name}.csv").write_text("\n".join(["path,label", *lines]) + "\n")
        assert Path("test.csv").read_text() == Path("fold2.csv").read_text()
        old = TEXT.replace("test/v", "test.csv").replace("n_resamples: 100", "list: {root: test}")
        new = old.replace("{root: test}", "{root: fold2}")
        run(old)
    before = predictions()
    found = reasons(new)["judged"]
    assert found.startswith("other files at ")
    assert found.endswith("(3 of 3 that were looked at differ)")
    assert run(new)["judged"].action == "rerun"
    assert predictions() != before


def relative_videos(root):
    return sorted(path.relative_to(root) for path in root.rglob("v/*/*.mp4"))


def predictions():
    lines = Path("runs/judged/predictions.jsonl").read_text().splitlines()
    return [json.loads(line)["best"] for line in lines]


def test_a_training_on_other_files_of_the_same_names_is_done_again(copy):
    shifted(Path("labelled").resolve() / "v", copy / "again" / "v", 4)
    text = TEXT.replace("labelled/v", "again/v")
    found = reasons(text)
    assert found["post"] == "other files at again/v (12 of 12 that were looked at differ)"
    assert found["tuned"].count("other files at again/v") == 2  # training, and held out


def test_what_was_moved_with_its_content_is_skipped(copy):
    for name in ("unlabelled", "labelled", "test"):
        shutil.copytree(Path(name).resolve(), copy / "elsewhere" / name)
        Path(name).unlink()
    text = TEXT
    for name in ("unlabelled", "labelled", "test"):
        text = text.replace(f"videos: {name}/", f"videos: elsewhere/{name}/")
    assert actions(text) == SKIPPED


def test_a_file_that_is_gone_is_no_change_and_one_that_changed_is(copy):
    shutil.copytree(Path("test").resolve(), copy / "own")
    videos = sorted(Path("own").rglob("v/*/*.mp4"))
    Path("own.csv").write_text("path,label\n" + "".join(f"{p},{p.parent.name}\n" for p in videos))
    text = TEXT.replace("test/v", "own.csv")
    run(text)
    videos[0].rename("kept.mp4")
    assert actions(text) == SKIPPED
    shutil.copy(videos[1], videos[0])
    assert reasons(text)["judged"] == "other files at own.csv (1 of 3 that were looked at differ)"
    Path("kept.mp4").rename(videos[0])
    os.utime(videos[0], (0, 0))
    assert actions(text) == SKIPPED


def test_an_evaluation_that_was_stopped_scores_what_changed_and_goes_on(copy):
    shutil.copytree(Path("test").resolve(), copy / "own")
    text = TEXT.replace("test/v", "own/v").replace(
        "n_resamples: 100", "n_resamples: 100\n      batch_size: 1"
    )
    shutil.rmtree("runs/judged")
    message = "with 1 of 3 videos done; the same command goes on"
    with pytest.raises(Interrupted, match=message), watching_jobs(stop_at_step("evaluate", 1)):
        run(text)
    first, second = sorted(Path("own").rglob("v/*/*.mp4"))[:2]
    shutil.copy(second, first)
    assert actions(text)["judged"] == "resume"
    assert run(text)["judged"].action == "resume"
    lines = Path("runs/judged/predictions.jsonl").read_text().splitlines()
    assert len({str(json.loads(line)["best"]) for line in lines}) == 2, "two videos are the same"
    assert actions(text)["judged"] == "cached"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


def moved(run, path):
    (source,) = run.data.sources
    return replace(run, data=replace(run.data, sources=(replace(source, path=path),)))


def test_a_run_does_not_go_on_with_other_files_of_the_same_names(videos, tmp_path):
    first = small_run(videos, tmp_path / "run", epochs=1.0)
    last = pretrain(first)
    shutil.copytree(videos, tmp_path / "elsewhere")
    assert pretrain(moved(first, tmp_path / "elsewhere")) == last
    other = moved(first, shifted(videos, tmp_path / "other", 4))
    with pytest.raises(ConfigError) as caught:
        pretrain(other)
    listed = tmp_path / "run" / "provenance.json"
    assert str(caught.value) == (
        f"{tmp_path / 'run'} holds a run that differs, so it cannot go on as this one:\n"
        f"  videos of elsewhere: other files at {tmp_path / 'other'} (16 of 16 that were looked at "
        f"differ); if they are meant to be in the place of the old ones, delete {listed} to go on "
        f"with them\nuse the old values, or another --out"
    )
    listed.unlink()
    assert pretrain(other) == last


def test_a_supervised_run_looks_at_the_files_that_are_held_out_too(finished, tmp_path):
    own = shutil.copytree(finished / "labelled" / "v", tmp_path / "own")
    first = small_finetune(own, tmp_path / "run")
    with pytest.raises(Interrupted), logging_to(stop_at("step ")):
        finetune(first)
    names = [one["source"] for one in read_provenance(tmp_path / "run")["videos"]]
    assert names == ["own", "own, held out"]
    other = moved(first, shifted(own, tmp_path / "other", 4))
    with pytest.raises(
        ConfigError, match=r"videos of own, held out: other files at .*other \(3 of"
    ):
        finetune(other)
