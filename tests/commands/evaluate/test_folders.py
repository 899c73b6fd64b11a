"""Two evaluations do not share a folder, and none is lost to another without a word."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import save_file

from tests.helpers.reference_evaluation import CONFIG, run_it, save_run, save_videos
from videomae2.commands.evaluate.run import prepare_evaluation
from videomae2.data.manifests.read import ListConfig
from videomae2.errors import ConfigError
from videomae2.inference.views import EvalViews
from videomae2.models.weights.model_ref import EMA_FILE
from videomae2.models.weights.saved import load_saved_state

ONE = {"views": EvalViews(clips=1, crops=1)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return save_videos(tmp_path_factory.mktemp("videos") / "test", each=1)


@pytest.fixture
def place(made, tmp_path):
    """A run, two folders of videos with one name, and a table of both."""
    save_run(tmp_path / "run")
    lines = ["path,label,split"]
    for fold in ("a", "b"):
        shutil.copytree(made, tmp_path / fold / "test")
        paths = sorted((tmp_path / fold).rglob("*.mp4"))
        lines += [f"{path},{path.parent.name},{fold}" for path in paths]
    (tmp_path / "test.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def planned(place, videos, out=None, **changed):
    config = replace(CONFIG, **ONE | changed)
    return prepare_evaluation(place / "run", place / videos, out=out, config=config)


def evaluated(place, videos, out=None, **changed):
    return run_it(place / "run", place / videos, out, **ONE | changed)


def test_what_is_asked_again_goes_where_it_was(place):
    first = evaluated(place, "a/test")
    assert re.fullmatch("test-[0-9a-f]{8}", first.folder.name)
    assert first.folder.parent == place / "run/evaluation"
    again = evaluated(place, "a/test", n_resamples=200, batch_size=1, allow_unreadable=True)
    assert again.folder == first.folder


@pytest.mark.parametrize(
    ("videos", "changed"),
    [
        ("b/test", {}),
        ("a/test", {"views": EvalViews(clips=2, crops=1)}),
        ("test.csv", {"list": ListConfig(filter="split=b")}),
    ],
)
def test_another_question_gets_a_folder_of_its_own(place, videos, changed):
    first = evaluated(place, "a/test")
    before = (first.folder / "results.json").read_bytes()
    plan = planned(place, videos, **changed)
    assert plan.out_dir.parent == first.folder.parent
    assert plan.out_dir.name.startswith("test-")
    assert plan.out_dir != first.folder
    assert f"folder   {plan.out_dir}" in str(plan.summary())
    second = evaluated(place, videos, **changed)
    assert second.folder == plan.out_dir
    assert (first.folder / "results.json").read_bytes() == before
    assert planned(place, videos, **changed).out_dir == second.folder
    assert planned(place, "a/test").out_dir == first.folder


def test_rows_of_one_table_are_told_apart(place):
    folders = [
        evaluated(place, "test.csv", list=ListConfig(filter=f"split={fold}")).folder.name
        for fold in ("a", "b", "a")
    ]
    assert folders[0] == folders[2] != folders[1]


def test_weights_are_told_apart_raw_means_and_checkpoints(place):
    best, last = place / "run/best", place / "run/checkpoints/step-00000003"
    weights = {name: value + 0.01 for name, value in load_saved_state(best).items()}
    save_file(weights, best / EMA_FILE)
    shutil.copytree(best, last)
    save_file(weights, last / "model.safetensors")
    (last / EMA_FILE).unlink()
    wanted = ((place / "run", "raw"), (place / "run", "ema"), (last, "auto"))
    folders = [
        run_it(run, place / "a/test", None, weights=kind, **ONE).folder for run, kind in wanted
    ]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {place / "run/evaluation"}


def test_a_named_folder_with_other_results_is_refused(place):
    out = place / "out"
    evaluated(place, "a/test", out)
    wanted = r"out holds the results of another evaluation: videos: \S+/a/test before → \S+/b/test "
    with pytest.raises(ConfigError, match=wanted):
        planned(place, "b/test", out)
    with pytest.raises(ConfigError, match=r"views\.clips: 1 before → 2 now; choose another --out"):
        planned(place, "a/test", out, views=EvalViews(clips=2, crops=1))
    first = {"list": ListConfig(filter="split=a")}
    with pytest.raises(ConfigError, match=r"list\.filter: None before → split=a now, "):
        planned(place, "test.csv", out, **first)
    evaluated(place, "a/test", out)
    (out / "results.json").unlink()
    assert evaluated(place, "b/test", out).folder == out, "nothing was finished there"
    (out / "provenance.json").unlink()
    with pytest.raises(ConfigError, match="which one is not known; choose another"):
        evaluated(place, "b/test", out)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.html", "<p>mine"),
        ("predictions.jsonl", "{}\n"),
        ("probabilities.npy", ""),
        ("provenance.json", '{"settings": {}, "videos": []}'),
    ],
)
def test_nothing_of_others_is_written_over(place, name, content):
    out = place / f"others-{name}"
    out.mkdir()
    (out / name).write_text(content)
    with pytest.raises(ConfigError, match=rf"{name} would be written over.*another --out"):
        planned(place, "a/test", out)
    assert (out / name).read_text() == content


@pytest.mark.parametrize("out", ["a/test", "a/test/out", "a/test/jump/../x/y", "link/out"])
def test_nothing_is_written_into_the_videos_that_are_read(place, out):
    (place / "link").unlink(missing_ok=True)
    (place / "link").symlink_to(place / "a/test")
    with pytest.raises(ConfigError, match=r"lies in \S+/a/test, whose videos are read"):
        planned(place, "a/test", place / out)
    planned(place, "a/test", place / "a/out")
    planned(place, "a/test", place / "a/test-out")


def test_the_question_stands_in_the_folder(place):
    folder = evaluated(place, "a/test").folder
    asked = json.loads((folder / "provenance.json").read_text())
    assert asked["videos"] == str(place / "a/test")
    assert asked["precision"] == "fp32"
