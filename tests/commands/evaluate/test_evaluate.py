"""Evaluation from files to numbers."""

import html
import io
import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.logs import watching_jobs
from tests.helpers.reference_evaluation import (
    CLASSES,
    CONFIG,
    copied,
    run_it,
    save_run,
    save_videos,
    slow_probabilities,
)
from tests.helpers.slow_videos import late_at_first
from tests.helpers.videos import encode
from videomae2.cli.evaluate import print_metrics
from videomae2.data.manifests.read import ListConfig
from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.read import read_views
from videomae2.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    Interrupted,
    ManifestError,
    TooManyUnreadableError,
)
from videomae2.inference.views import EvalViews, format_views, resolve_views
from videomae2.metrics.bootstrap import Interval, widen_if_certain
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling
from videomae2.models.weights.resolve import resolve_classifier

PLAIN = EvalViews(clips=5, crops=3, antialias=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    save_run(folder / "run")
    save_videos(folder / "videos")
    return folder


@pytest.fixture(scope="module")
def straight(place):
    """An evaluation without trouble."""
    return run_it(place / "run", place / "videos", place / "straight", views=PLAIN)


def test_probabilities_are_those_of_the_released_way(place, straight):
    model = resolve_classifier(place / "run").load(torch.device("cpu"))
    assert len(straight.identities) == 6
    for path, found in zip(straight.identities, straight.probabilities, strict=True):
        slow = slow_probabilities(model, path, clips=5, crops=3, stride=2)
        assert np.abs(found - slow).max() < 2e-4
        assert slow.max() - slow.min() > 0.05


def test_numbers_follow_from_the_probabilities(straight):
    labels = np.array([CLASSES.index("run")] * 3 + [CLASSES.index("walk")] * 3)
    told = straight.probabilities.argmax(axis=1)
    numbers = {name: one.value for name, one in straight.metrics.values.items()}
    assert numbers["top-1 accuracy"] == (told == labels).mean()
    each = [(told[labels == label] == label).mean() for label in (1, 2)]
    assert numbers["mean-class accuracy"] == np.mean(each)
    table = np.zeros((3, 3), int)
    for label, one in zip(labels, told, strict=True):
        table[label, one] += 1
    assert np.array_equal(straight.metrics.confusion, table)
    own = [straight.probabilities[row, label] for row, label in enumerate(labels)]
    assert [video.row for video in straight.metrics.videos] == np.argsort(own).tolist()
    assert straight.metrics.view_ablation[-1].value == numbers["top-1 accuracy"]
    assert len(straight.metrics.view_ablation) == 15


def test_each_video_is_opened_once_for_all_its_views(place, tmp_path, monkeypatch):
    opened = []

    def counting(request, allocate):
        opened.append(request.path)
        return read_views(request, allocate)

    monkeypatch.setattr("videomae2.data.views.read.read_views", counting)
    found = run_it(place / "run", place / "videos", tmp_path, views=PLAIN)
    assert sorted(opened[:6]) == sorted(found.identities)
    assert found.run_stats.num_decodings == 6
    assert sorted(opened[6:]) == sorted(found.identities), "once more for their pictures"
    assert found.report.read_text().count("data:image/jpeg") == 6
    again = run_it(place / "run", place / "videos", tmp_path, views=PLAIN)
    assert again.run_stats.num_decodings == 0
    assert len(opened) == 18
    assert again.filmstrips == found.filmstrips
    assert all(strip.startswith(b"\xff\xd8") for strip in found.filmstrips.values())


def test_videos_that_are_not_shown_are_opened_once(place, tmp_path, monkeypatch):
    monkeypatch.setattr("videomae2.reports.evaluation.SHEET_SIZE", 1)
    opened = []

    def counting(request, allocate):
        opened.append(request.path)
        return read_views(request, allocate)

    monkeypatch.setattr("videomae2.data.views.read.read_views", counting)
    found = run_it(place / "run", place / "videos", tmp_path, views=EvalViews(clips=1, crops=1))
    shown = found.report.read_text().count("data:image/jpeg")
    assert 1 <= shown == len(found.filmstrips) <= 2
    assert len(opened) == 6 + shown
    assert sorted(opened[:6]) == sorted(found.identities)


def test_a_strip_shows_the_middle_of_the_video_of_its_row(place, tmp_path):
    """Also behind one that cannot be read; each has a grey of its own, and a brighter middle."""
    greys = {"a": 30, "c": 90, "d": 150}
    for name, grey in greys.items():
        video = np.full((24, 40, 40, 3), grey, np.uint8)
        video[8:16] += 25  # the middle
        np.save(tmp_path / f"{name}.npy", video)
    (tmp_path / "b.npy").write_bytes(b"no video")
    rows = [f"{name}.npy,{label}" for name, label in zip("abcd", ("run", "walk") * 2, strict=True)]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    found = run_it(
        place / "run",
        tmp_path / "list.csv",
        tmp_path / "out",
        views=EvalViews(clips=3, crops=1, frame_interval=1.0),
        allow_unreadable=True,
    )
    assert set(found.filmstrips) == {0, 1, 2}
    for row, path in enumerate(found.identities):
        picture = np.asarray(Image.open(io.BytesIO(found.filmstrips[row])).convert("L"))
        for columns in (slice(10, 90), slice(-90, -10)):  # of the first frame and of the last
            off = picture[:, columns].astype(int) - greys[Path(path).stem] - 25
            assert np.abs(off).max() < 6


def test_equal_file_names_in_two_folders_are_two_videos(straight):
    names = [path.rsplit("/", 1)[1] for path in straight.identities]
    assert len(set(names)) == 3
    assert len(set(straight.identities)) == len(straight.probabilities) == 6


def test_classes_keep_the_order_of_the_model(straight):
    """The videos have no 'fall', which would shift the labels behind it."""
    assert [(one.name, one.videos) for one in straight.metrics.outputs] == [
        ("fall", 0),
        ("run", 3),
        ("walk", 3),
    ]


def test_an_interrupted_evaluation_goes_on_to_the_same_bits(place, straight, tmp_path):
    """Stopped after every group of videos in turn; the list's own groups are of two videos."""
    changed = {"views": replace(PLAIN, clips=2, crops=1)}
    whole = run_it(place / "run", place / "videos", tmp_path / "whole", **changed)
    out = tmp_path / "parts"
    for _ in range(2):
        with pytest.raises(Interrupted, match="the same command goes on"):
            _stopped_after_a_group(place, out, changed)
    found = run_it(place / "run", place / "videos", out, **changed)
    assert found.run_stats.num_decodings == 2
    assert np.array_equal(found.probabilities, whole.probabilities)
    assert _results(out) == _results(tmp_path / "whole")
    again = run_it(place / "run", place / "videos", out, **changed)
    assert again.run_stats.num_decodings == 0
    assert np.array_equal(again.probabilities, whole.probabilities)


def _stopped_after_a_group(place, out, changed):
    with watching_jobs(lambda job: signal.raise_signal(signal.SIGTERM)):
        run_it(place / "run", place / "videos", out, **changed)


def _results(folder):
    found = json.loads((folder / "results.json").read_text())
    return {name: value for name, value in found.items() if name not in ("run_stats", "report")}


def test_scores_cut_off_in_the_middle_of_a_line_are_made_again(place, straight, tmp_path):
    copied(place / "straight", tmp_path / "cut")
    (book,) = (tmp_path / "cut").glob("scores-*.jsonl")
    book.write_bytes(book.read_bytes()[:-40])
    found = run_it(place / "run", place / "videos", tmp_path / "cut", views=PLAIN)
    assert found.run_stats.num_decodings == 1
    assert np.array_equal(found.probabilities, straight.probabilities)


def test_scores_of_another_model_list_or_setting_do_not_count(place, straight, tmp_path):
    copied(place / "straight", tmp_path / "out")
    for changed in ({"views": replace(PLAIN, crops=2)}, {"views": PLAIN, "batch_size": 3}):
        (tmp_path / "out" / "results.json").unlink()  # as if it had not been finished
        found = run_it(place / "run", place / "videos", tmp_path / "out", **changed)
        assert found.run_stats.num_decodings == 6
    videos = copied(place / "videos", tmp_path / "videos")
    encode(videos / "run" / "000.mp4", frames=20)
    run_it(place / "run", videos, tmp_path / "two", views=PLAIN)
    encode(videos / "run" / "000.mp4", frames=25)
    assert run_it(place / "run", videos, tmp_path / "two", views=PLAIN).run_stats.num_decodings == 1


def test_views_share_batches_without_changing_a_bit_beside_a_broken_video(place, tmp_path):
    views = EvalViews(clips=1, crops=1)
    whole = run_it(place / "run", place / "videos", tmp_path / "whole", views=views)
    videos = copied(place / "videos", tmp_path / "videos")
    (videos / "run" / "001.mp4").write_bytes(b"no video")
    with pytest.raises(TooManyUnreadableError, match="1 of 6 videos cannot be read"):
        run_it(place / "run", videos, tmp_path / "out", views=views)
    found = run_it(place / "run", videos, tmp_path / "out", views=views, allow_unreadable=True)
    kept = [0, 2, 3, 4, 5]
    assert np.array_equal(found.probabilities, whole.probabilities[kept])
    assert list(found.unreadable) == [str(videos / "run" / "001.mp4")]
    assert found.run_stats.num_decodings == 4  # the group of the broken one, and no other


def test_unreadable_videos_are_listed_and_the_results_kept(place, tmp_path):
    videos = copied(place / "videos", tmp_path / "videos")
    (videos / "walk" / "000.mp4").write_bytes(b"no video")
    with pytest.raises(TooManyUnreadableError, match="--allow-unreadable"):
        run_it(place / "run", videos, tmp_path / "out")
    listed = [
        json.loads(line)
        for line in (tmp_path / "out" / "unreadable.jsonl").read_text().splitlines()
    ]
    assert [line["path"] for line in listed] == [str(videos / "walk" / "000.mp4")]
    results = _results(tmp_path / "out")
    assert (results["num_listed"], results["num_scored"]) == (6, 5)
    assert "1 of 6 videos could not be read" in (tmp_path / "out" / "report.html").read_text()
    encode(videos / "walk" / "000.mp4", frames=20)
    found = run_it(place / "run", videos, tmp_path / "out")
    assert found.unreadable == {}
    assert not (tmp_path / "out" / "unreadable.jsonl").exists()


def test_one_busy_moment_costs_no_video(place, tmp_path, monkeypatch):
    late = late_at_first(monkeypatch)
    found = run_it(place / "run", place / "videos", tmp_path, views=EvalViews(clips=1, crops=1))
    assert len(late) == 6
    assert found.unreadable == {}


def test_nothing_readable_is_an_error(place, tmp_path):
    (tmp_path / "videos" / "run").mkdir(parents=True)
    (tmp_path / "videos" / "walk").mkdir()
    (tmp_path / "videos" / "run" / "a.mp4").write_bytes(b"x")
    (tmp_path / "videos" / "walk" / "a.mp4").write_bytes(b"x")
    with pytest.raises(DataError, match="none of the 2 videos can be read"):
        run_it(place / "run", tmp_path / "videos", tmp_path / "out")


def test_reading_processes_give_the_same(place, straight, tmp_path):
    reading = replace(CONFIG.reading, num_workers=2)
    found = run_it(place / "run", place / "videos", tmp_path, views=PLAIN, reading=reading)
    assert np.array_equal(found.probabilities, straight.probabilities)


def test_other_classes_are_an_error_that_shows_both_lists(place, tmp_path):
    save_videos(tmp_path / "videos", classes=("run", "swim"), each=1)
    with pytest.raises(CheckpointError, match=r"run, swim\n.*fall, run, walk"):
        run_it(place / "run", tmp_path / "videos", tmp_path / "out")


def test_a_video_that_is_listed_twice_is_an_error(place, tmp_path):
    path = place / "videos" / "run" / "000.mp4"
    (tmp_path / "list.csv").write_text(f"path,label\n{path},run\n{path},walk\n")
    with pytest.raises(ManifestError, match=r"twice \(.*list.csv:2 and .*list.csv:3\)"):
        run_it(place / "run", tmp_path / "list.csv", tmp_path / "out")


def test_scores_that_are_not_finite_are_an_error(place, tmp_path):
    save_run(tmp_path / "run")
    from safetensors.torch import load_file, save_file

    path = tmp_path / "run" / "best" / "model.safetensors"
    weights = load_file(path)
    weights["head.bias"][0] = float("nan")
    save_file(weights, path)
    with pytest.raises(CheckpointError, match=r"scores of .*000.mp4 that are not finite"):
        run_it(tmp_path / "run", place / "videos", tmp_path / "out")


# ---- what the model's card decides


def views_of(sampling, wish):
    return resolve_views(EncoderConfig(), sampling, wish, limits=ReadLimits())


def test_views_are_as_the_model_was_trained():
    dense = views_of(FrameSampling(frame_interval=3.0), EvalViews())
    assert (dense.frame_sampling, dense.clips, dense.crops) == ("strided", 5, 3)
    assert (dense.frame_interval, dense.source, dense.antialias) == (
        3.0,
        "as in training",
        True,
    )
    sparse = views_of(FrameSampling(kind="tsn"), EvalViews())
    assert (sparse.frame_sampling, sparse.clips, sparse.crops) == ("tsn", 2, 3)
    unknown = views_of(None, EvalViews())
    assert (unknown.frame_interval, unknown.interval_unit, unknown.antialias) == (
        4.0,
        "frames",
        False,
    )
    assert "does not say how it was trained" in format_views(unknown)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (EvalViews(clips=0, crops=0), r"clips 0 cannot.*\n.*crops 0 cannot"),
        (
            EvalViews(frame_sampling="tsn", frame_interval=2.0),
            "a frame interval has no effect on tsn clips",
        ),
        (EvalViews(frame_interval=1.5), "is 1.5 frames, wanted whole ones"),
        (EvalViews(frame_interval=-1.0), "-1.0 cannot work; it wants a number above 0"),
        (EvalViews(interval_unit="seconds"), "an interval unit wants a frame interval"),
    ],
)
def test_views_that_cannot_be_are_refused(wish, said):
    with pytest.raises(ConfigError, match=said):
        views_of(FrameSampling(), wish)


def test_a_clock_is_asked_for_before_anything_is_read(place, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((30, 40, 40, 3), np.uint8))
    (tmp_path / "list.csv").write_text("path,label\na.npy,run\n")
    views = EvalViews(frame_interval=0.1, interval_unit="seconds", clips=1, crops=1)
    with pytest.raises(ConfigError, match=r"a\.npy is a folder of images or an array"):
        run_it(place / "run", tmp_path / "list.csv", tmp_path / "out", views=views)
    how = ListConfig(frame_rate=10.0)
    run_it(place / "run", tmp_path / "list.csv", tmp_path / "out", views=views, list=how)


# ---- answers of other kinds


def test_labels_of_which_any_number_holds(place, tmp_path):
    save_run(tmp_path / "run", task_type="multilabel")
    paths = sorted((place / "videos").rglob("*.mp4"))
    truth = ["run", "run;walk", "", "walk", "fall", "fall;walk"]
    lines = [f"{path},{labels}\n" for path, labels in zip(paths, truth, strict=True)]
    (tmp_path / "list.csv").write_text("path,label\n" + "".join(lines))
    found = run_it(tmp_path / "run", tmp_path / "list.csv", tmp_path / "out")
    assert list(found.metrics.values) == [
        "mAP", "label accuracy", "subset accuracy",
    ]  # fmt: skip
    targets = np.array([[name in labels for name in CLASSES] for labels in truth])
    told = found.probabilities > 0.5
    assert found.metrics.values["label accuracy"].value == (told == targets).mean()
    average = []
    for scores, positive in zip(found.probabilities.T, targets.T, strict=True):
        ranked = positive[np.argsort(-scores)]
        average.append(np.mean([ranked[: i + 1].mean() for i in np.flatnonzero(ranked)]))
    assert found.metrics.main[1].value == pytest.approx(np.mean(average))
    assert found.metrics.view_ablation[-1].value == pytest.approx(np.mean(average), abs=1e-6)
    assert found.report.exists()


def test_labels_that_no_video_has_leave_the_precision_unknown(place, tmp_path, capsys):
    save_run(tmp_path / "run", task_type="multilabel")
    paths = sorted((place / "videos").rglob("*.mp4"))
    (tmp_path / "list.csv").write_text("path,label\n" + "".join(f"{path},\n" for path in paths))
    found = run_it(tmp_path / "run", tmp_path / "list.csv", tmp_path / "out")
    written = _results(tmp_path / "out")["metrics"]
    assert written["mAP"] == {"value": None, "low": None, "high": None, "confidence": 0.95}
    assert written["label accuracy"]["value"] == (found.probabilities <= 0.5).mean()
    print_metrics(found)
    assert capsys.readouterr().out.splitlines()[0].split(maxsplit=1) == [
        "mAP",
        "not known: no video tells",
    ]
    page = found.report.read_text()
    assert ">not known<" in page
    assert "nan%" not in page


def test_the_report_says_which_intervals_are_of_which_kind(straight):
    page = html.unescape(straight.report.read_text())
    assert "bootstrap intervals over videos, but Wilson's for single classes and where" in page


def test_numbers(place, tmp_path):
    save_run(tmp_path / "run", outputs=2, class_names=("age", "height"), task_type="regression")
    paths = sorted((place / "videos").rglob("*.mp4"))
    rows = [f"{path},{i},{i * i}\n" for i, path in enumerate(paths)]
    (tmp_path / "list.csv").write_text("path,age,height\n" + "".join(rows))
    found = run_it(tmp_path / "run", tmp_path / "list.csv", tmp_path / "out")
    off = found.probabilities - np.array([[i, i * i] for i in range(6)])
    numbers = {name: one.value for name, one in found.metrics.values.items()}
    assert numbers["mean absolute error"] == pytest.approx(np.abs(off).mean())
    assert numbers["root mean square error"] == pytest.approx(np.sqrt((off**2).mean()))
    assert [one.value for one in found.metrics.outputs] == pytest.approx(np.abs(off).mean(axis=0))
    assert found.metrics.calibration is None
    assert found.report.exists()


def test_class_names_can_be_given_where_nobody_has_them(place, tmp_path):
    save_run(tmp_path / "run", class_names=None)
    paths = sorted((place / "videos").rglob("*.mp4"))
    (tmp_path / "list.txt").write_text("".join(f"{path} 2\n" for path in paths))
    found = run_it(tmp_path / "run", tmp_path / "list.txt", tmp_path / "out")
    assert (found.classes, "their numbers" in found.class_names_source) == (("0", "1", "2"), True)
    (tmp_path / "names.txt").write_text("x\ny\nz\n")
    found = run_it(
        tmp_path / "run",
        tmp_path / "list.txt",
        tmp_path / "named",
        class_names=tmp_path / "names.txt",
    )
    assert found.classes == ("x", "y", "z")
    with pytest.raises(ConfigError, match=r"2 classes .* the model has 3 outputs and no names"):
        run_it(tmp_path / "run", place / "videos", tmp_path / "out")


def test_an_interval_wants_a_hundred_samples():
    with pytest.raises(ConfigError) as caught:
        replace(CONFIG, batch_size=0, n_resamples=99)
    assert caught.value.problems == [
        "--batch-size 0 cannot work; it wants 1 or more",
        "--n-resamples 99 cannot work; it wants 100 or more",
    ]


@pytest.mark.parametrize(("hits", "value"), [([1, 1, 1], 1.0), ([0, 0, 0], 0.0), ([1, 0, 1], 0.75)])
def test_a_mean_over_classes_keeps_its_value_where_a_bootstrap_is_certain(hits, value):
    """Wilson's interval is that of the hits, whose share is another number."""
    found = widen_if_certain(Interval(value, value, value, 0.95), np.array(hits, dtype=float))
    assert found.value == value
    assert found.low <= value <= found.high
    assert found.low < found.high
    sure = Interval(0.5, 0.4, 0.6, 0.95)
    assert widen_if_certain(sure, np.array(hits, dtype=float)) == sure
