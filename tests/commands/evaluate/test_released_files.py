"""Released files are evaluated and predicted with: no run, no names, no word about clips."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import videomae2 as vm
from tests.helpers.reference_evaluation import (
    CLASSES,
    copied,
    run_it,
    save_run,
    save_videos,
    slow_probabilities,
)
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.commands.evaluate.run import prepare_evaluation
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.views import EvalViews, is_assumed
from videomae2.models.classifier import Classifier

SIX = ("jump", "run", "sit", "fall", "walk", "wave")
TWO = ("walk", "run")
CLIPS = {"frames": FRAMES, "side": SIDE}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    save_released(folder / "six.pth", drawn_classifier(), half=True)
    for name, names in {"six": SIX, "two": TWO, "turned": SIX[::-1], "five": SIX[:5]}.items():
        (folder / f"{name}.txt").write_text("\n".join(names) + "\n")
    save_videos(folder / "videos", each=2)
    return folder


def judged(place, out, *, run="six.pth", **changed):
    names = {k: place / f"{v}.txt" for k, v in changed.items() if k in ("class_names", "classes")}
    return run_it(place / run, place / "videos", out, **CLIPS | changed | names)


def as_in_file(rows=range(6)):
    """The model of the file, in half precision, with some of its outputs."""
    model = drawn_classifier()
    state = {name: value.half().float() for name, value in model.state_dict().items()}
    index = torch.tensor(list(rows))
    picked = drawn_classifier(len(index))
    for name in ("head.weight", "head.bias"):
        state[name] = state[name][index]
    picked.load_state_dict(state)
    return picked.eval()


def assert_probabilities(found, model: Classifier):
    """One view after the other: dense clips of a frame in 4, resized plainly, softmax, mean."""
    for path, scores in zip(found.identities, found.probabilities, strict=True):
        slow = slow_probabilities(model, path, clips=5, crops=3, stride=4, frames=FRAMES, side=SIDE)
        assert np.abs(scores - slow).max() < 2e-4
        assert slow.max() - slow.min() > 0.05


def test_a_file_is_evaluated_as_the_released_code_does_it(place, tmp_path):
    found = judged(place, tmp_path, class_names="six")
    assert_probabilities(found, as_in_file())
    assert found.classes == SIX
    assert (found.views.frame_interval, found.views.antialias, is_assumed(found.views)) == (
        4,
        False,
        True,
    )
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["class_names_source"] == f"names from {place / 'six.txt'}"
    assert results["model"]["path"] == str(place / "six.pth")
    assert (results["model"]["selection_reason"], results["model"]["outputs_summary"]) == (
        "released file",
        "6",
    )
    report = (tmp_path / "report.html").read_text()
    for said in ("released file", found.model.digest, f"names from {place / 'six.txt'}"):
        assert said in report


def test_selected_outputs_share_all_probability(place, tmp_path):
    found = judged(place, tmp_path, class_names="six", classes="two")
    assert_probabilities(found, as_in_file([4, 1]))
    assert found.classes == TWO
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    results = json.loads((tmp_path / "results.json").read_text())
    said = f"2 of its 6, those of {place / 'two.txt'}"
    assert results["model"]["outputs_summary"] == said
    assert results["model"]["metadata"]["selected"]["of"] == 6
    assert said in results["class_names_source"]
    assert said in (tmp_path / "report.html").read_text()


def test_prediction_and_evaluation_say_the_same(place, tmp_path):
    found = judged(place, tmp_path, class_names="six", classes="two")
    model = vm.Predictor(
        place / "six.pth", class_names=place / "six.txt", classes=str(place / "two.txt"), **CLIPS,
        device="cpu", precision="fp32",
    )  # fmt: skip
    assert model.outputs.class_names == TWO
    assert model.scorer.views.to_provenance() == found.views.to_provenance()
    for answer, path, scores in zip(
        model.predict_all(found.identities), found.identities, found.probabilities, strict=True
    ):
        assert answer.video == path
        np.testing.assert_allclose(answer.scores, scores, atol=1e-5)


def test_names_as_words_are_public_data_sets(tmp_path):
    save_released(tmp_path / "k710.pth", drawn_classifier(710))
    model = vm.Predictor(
        tmp_path / "k710.pth",
        class_names="kinetics-710",
        classes="kinetics-400",
        **CLIPS,
        device="cpu",
    )
    assert (model.outputs.count, model.outputs.get_name(0)) == (400, "abseiling")
    assert "outputs: 400 of its 710, those of kinetics-400" in model.classifier.display_name


def as_if_not_finished(folder):
    """What is finished is not given up for another question."""
    (folder / "results.json").unlink(missing_ok=True)


def test_going_on_notices_a_change(place, tmp_path):
    views, digests = {"views": EvalViews(clips=1, crops=1)}, set()
    for changed in ({"class_names": "six"}, {"class_names": "six", "frames": 4}):
        as_if_not_finished(tmp_path / "out")
        found = judged(place, tmp_path / "out", **changed | views)
        assert found.run_stats.num_decodings == 4
        assert judged(place, tmp_path / "out", **changed | views).run_stats.num_decodings == 0
        digests.add(found.model.digest)
    assert len(digests) == 2


def test_going_on_notices_other_weights_and_names_in_the_same_files(place, tmp_path):
    copied(place, tmp_path / "place")
    place, words = tmp_path / "place", {"class_names": "six", "classes": "two"}
    words["views"] = EvalViews(clips=1, crops=1)
    judged(place, tmp_path / "out", **words)
    as_if_not_finished(tmp_path / "out")
    (place / "two.txt").write_text("run\nwalk\n")
    found = judged(place, tmp_path / "out", **words)
    assert (found.run_stats.num_decodings, found.classes) == (4, ("run", "walk"))
    as_if_not_finished(tmp_path / "out")
    save_released(place / "six.pth", drawn_classifier(seed=2))
    assert judged(place, tmp_path / "out", **words).run_stats.num_decodings == 4


@pytest.mark.slow
def test_going_on_notices_every_change(place, tmp_path):
    copied(place, tmp_path / "place")
    place = tmp_path / "place"
    changes = [
        {"class_names": "six"},
        {"class_names": "turned"},
        {"class_names": "turned", "classes": "two"},
    ]
    changes += [{"class_names": "six", "classes": "two"}, {"class_names": "six", "frames": 4}]
    views = {"views": EvalViews(clips=1, crops=1)}
    digests = set()
    for changed in changes:
        as_if_not_finished(tmp_path / "out")
        found = judged(place, tmp_path / "out", **changed | views)
        assert found.run_stats.num_decodings == 4
        assert judged(place, tmp_path / "out", **changed | views).run_stats.num_decodings == 0
        digests.add(found.model.digest)
    as_if_not_finished(tmp_path / "out")
    (place / "two.txt").write_text("run\nwalk\n")
    found = judged(place, tmp_path / "out", class_names="six", classes="two", **views)
    assert (found.run_stats.num_decodings, found.classes) == (4, ("run", "walk"))
    as_if_not_finished(tmp_path / "out")
    save_released(place / "six.pth", drawn_classifier(seed=2))
    found = judged(place, tmp_path / "out", class_names="six", **views)
    assert found.run_stats.num_decodings == 4
    assert len(digests | {found.model.digest}) == len(changes) + 1


def test_results_go_to_runs_and_not_beside_the_file(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = judged(place, None, class_names="six", views=EvalViews(clips=1, crops=1))
    assert found.folder.parent == Path("runs/six/evaluation")
    assert found.folder.name.startswith("videos-")
    assert found.report.is_file()
    assert sorted(path.name for path in place.iterdir() if path.is_dir()) == ["videos"]


def test_names_selections_and_clips_are_other_questions(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    views = {"views": EvalViews(clips=1, crops=1)}
    first = judged(place, None, class_names="six", **views)
    (tmp_path / "same.txt").write_text((place / "six.txt").read_text())

    def planned(**changed):
        names = {k: place / f"{v}.txt" for k, v in changed.items() if isinstance(v, str)}
        return plan(
            place / "six.pth", place / "videos", device="cpu", precision="fp32",
            **views | changed | names,
        )  # fmt: skip

    asked = json.loads((first.folder / "provenance.json").read_text())
    for changed, what in (
        ({"class_names": "turned"}, {"outputs", "list"}),
        ({"class_names": "six", "classes": "two"}, {"outputs", "list"}),
        ({"class_names": "six", "frames": 4}, {"model", "clip", "views"}),
    ):
        found = planned(**changed)
        assert found.out_dir.parent == first.folder.parent
        assert found.out_dir != first.folder
        assert {name for name, value in found.provenance.items() if asked[name] != value} == what
    assert planned(class_names="six").out_dir == first.folder
    assert planned(class_names=tmp_path / "same.txt").out_dir == first.folder, (
        "the same names elsewhere"
    )


# ---- what nobody says is not guessed


def plan(model, videos, **changed):
    return prepare_evaluation(model, videos, config=vm.EvaluateConfig(**CLIPS | changed))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of as many outputs as Kinetics-710 and one of Kinetics-600, and lists of labels."""
    folder = tmp_path_factory.mktemp("large")
    for count in (600, 710):
        save_released(folder / f"{count}.pth", drawn_classifier(count))
    for name in "ab":
        (folder / f"{name}.mp4").touch()
    for last in (399, 205):
        (folder / f"{last}.txt").write_text(f"a.mp4 0\nb.mp4 {last}\n")
    return folder


def test_folders_of_classes_want_names(large, place):
    with pytest.raises(
        ConfigError, match=r"600 outputs.*--class-names kinetics-600 if these are its"
    ):
        plan(large / "600.pth", place / "videos")


def test_numbers_are_numbers_and_it_says_how_to_name_them(large):
    said = plan(large / "710.pth", large / "205.txt").dataset.class_names_source
    assert "classes called by their numbers: there are no names" in said
    assert "--class-names FILE, or --class-names kinetics-710 if these are its classes" in said
    assert "--classes" not in said


@pytest.mark.parametrize("names", [None, Path("kinetics-710")])
def test_numbers_that_look_like_those_of_a_part_are_told(large, names):
    said = plan(large / "710.pth", large / "399.txt", class_names=names).dataset.class_names_source
    assert "numbers up to 399" in said
    assert "if they are of kinetics-400, say --classes kinetics-400" in said


def test_numbers_of_a_selection_are_its_own(large):
    names = {"class_names": Path("kinetics-710"), "classes": Path("kinetics-400")}
    found = plan(large / "710.pth", large / "399.txt", **names)
    assert (found.dataset.truth.labels.tolist(), len(found.dataset.classes)) == ([0, 399], 400)
    assert found.dataset.class_names_source.endswith("; 400 of its 710, those of kinetics-400")


def test_names_and_selections_that_do_not_fit(place, large):
    def find(**changed):
        names = {k: place / v if v.endswith("txt") else Path(v) for k, v in changed.items()}
        return plan(place / "six.pth", place / "videos", **names)

    with pytest.raises(CheckpointError, match="has 6 outputs, but 5 names were given"):
        find(class_names="five.txt")
    with pytest.raises(ConfigError, match=r"--classes goes by names, and the 6 outputs of .* none"):
        find(classes="two.txt")
    with pytest.raises(CheckpointError, match="lacks 400 of 400: abseiling"):
        find(class_names="six.txt", classes="kinetics-400")
    with pytest.raises(
        ConfigError, match=r"--class-names kinetics-70 is no file.*did you mean kin"
    ) as e:
        find(class_names="kinetics-70", classes="gone.txt")
    assert len(e.value.problems) == 2
    with pytest.raises(ConfigError, match=r"--frames 0 cannot.*\n--class-names gone is no file"):
        vm.Predictor(place / "six.pth", class_names="gone", frames=0)


def test_a_run_can_be_selected_from_too(tmp_path, place):
    save_run(tmp_path / "run")
    assert set(TWO) < set(CLASSES)
    found = run_it(
        tmp_path / "run", place / "videos", tmp_path / "out", classes=place / "two.txt",
        views=EvalViews(clips=1, crops=1),
    )  # fmt: skip
    assert found.classes == TWO
    assert (
        found.class_names_source
        == f"names from the model; 2 of its 3, those of {place / 'two.txt'}"
    )
    assert found.views.source == "as in training"
