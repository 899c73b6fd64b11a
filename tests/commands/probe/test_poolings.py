"""What probes see of videos: time slots, tokens in place; groups; and what stands beside them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.labelled_videos import labelled_videos, small_encoder
from tests.helpers.logs import logging_to
from tests.helpers.probes import counted_reads, run
from videomae2.commands.extract.config import ExtractConfig, WindowConfig
from videomae2.commands.extract.plan import prepare_extract
from videomae2.commands.extract.run import run_extract
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.knn_linear import probe_knn, probe_linear, probe_ridge
from videomae2.commands.probe.plan import prepare_probe
from videomae2.commands.probe.poolings import embed_in_place
from videomae2.commands.probe.split_features import SplitFeatures, cv_splits
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError, DataError
from videomae2.inference.probe_data import ProbeListConfig, load_train_test
from videomae2.metrics.linear_probe import FeatureScaler
from videomae2.reports.probe import format_json, tabulate_baselines, tabulate_results

CPU = torch.device("cpu")


def parts(videos, seed, shape=(6, 5)):
    return np.random.default_rng(seed).normal(size=(videos, *shape)).astype(np.float16)


@pytest.mark.parametrize("train_videos", [12, 80])
def test_coordinates_keep_inner_products_and_lengths(train_videos):
    train, test = parts(30 + train_videos, 1), parts(20, 2)
    rows = np.arange(5, 5 + train_videos), np.arange(3, 17)
    x, y = embed_in_place(train[rows[0]], test[rows[1]], CPU)
    plain = [
        torch.from_numpy(a[r]).flatten(1).float() for a, r in zip((train, test), rows, strict=True)
    ]
    scaler = FeatureScaler.fit(plain[0])
    wanted_x, wanted_y = (scaler(each) for each in plain)
    torch.testing.assert_close(x @ x.T, wanted_x @ wanted_x.T, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(y @ x.T, wanted_y @ wanted_x.T, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(y.square().sum(1), wanted_y.square().sum(1), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("probe", [probe_knn, probe_linear, probe_ridge])
def test_coordinates_are_probed_as_the_numbers_themselves(probe):
    labels = [np.arange(count) % 3 for count in (24, 15)]
    arrays = [parts(24, 1), parts(15, 2)]
    for array, label in zip(arrays, labels, strict=True):
        array[np.arange(len(array)), label] += 1
    settings = ProbeSettings(ks=(1, 3), folds=3, l2=(0.1, 1.0), ridge_l2=(1.0, 10.0))
    coordinates = embed_in_place(*arrays, CPU)
    scaler = FeatureScaler.fit(torch.from_numpy(arrays[0]).flatten(1).float())
    plain = [scaler(torch.from_numpy(array).flatten(1).float()) for array in arrays]
    results = [
        probe(
            *(
                SplitFeatures(each[:, None], label, kinds=("scaled",), is_scaled=True)
                for each, label in zip(pair, labels, strict=True)
            ),
            3,
            settings,
        )
        for pair in (coordinates, plain)
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize("pooling", ["mean", "slots", "tokens"])
def test_features_that_were_extracted_are_probed_as_those_of_the_weights(
    place, tmp_path, monkeypatch, pooling
):
    """Without reading a video."""
    poolings = {"mean": ("mean",), "slots": ("mean", "slots"), "tokens": ("in-place",)}[pooling]
    norm = "standardized" if pooling == "tokens" else "both"
    config = ExtractConfig(
        windows=WindowConfig(frame_interval=2, stride=100), pooling=pooling, norm=norm,
        device="cpu", precision="fp32", reading=ReadingConfig(num_workers=0),
    )  # fmt: skip
    assert not run_extract(
        prepare_extract(place / "model", place / "train", tmp_path / "f", config)
    ).unreadable
    with pytest.raises(ConfigError, match="12 of 12 videos are called as others"):
        prepare_extract(place / "model", place / "test", tmp_path / "f", config)
    seen = counted_reads(monkeypatch)
    probe = {"methods": ("knn", "ridge"), "poolings": poolings, "ridge_l2": (1.0, 10.0)}
    (tmp_path / "place").mkdir()
    for name, path in (("model", tmp_path / "f"), ("train", place / "train")):
        (tmp_path / "place" / name).symlink_to(path)
    found = run(tmp_path / "place", tmp_path / "cache", test=None, **probe)
    assert seen == []
    assert {one.pooling for one in found.results} == set(poolings)
    assert all(one.accuracy.value == 1 for one in found.results)
    assert "the windows of" in found.clip_description
    wrong = (
        {"poolings": ("slots", "in-place")} if pooling != "mean" else {"methods": ("attentive",)}
    )
    with pytest.raises(ConfigError, match=r"cannot be made of|attentive wants tokens"):
        run(tmp_path / "place", tmp_path / "cache", test=None, **probe | wrong)


def test_every_pooling_is_a_row_and_reads_no_video_again(place, tmp_path, monkeypatch):
    methods, poolings = ("knn", "ridge"), ("mean", "slots", "in-place")
    found = run(place, tmp_path, methods=methods, poolings=poolings)
    assert [(r.method, r.pooling) for r in found.results] == [
        (method, pooling) for method in methods for pooling in poolings
    ]
    assert all(result.accuracy.value == 1 for result in found.results)
    assert all(len(result.hits) == 12 for result in found.results)
    seen = counted_reads(monkeypatch)
    for some in (("mean",), ("in-place",), ("slots", "mean")):
        again = run(place, tmp_path, methods=methods, poolings=some)
        assert [r for r in found.results if r.pooling in some] == list(again.results)
    assert seen == []
    assert [row[1] for row in tabulate_results(found)[1:4]] == list(poolings)
    assert len(json.loads(format_json(found))["results"][0]["hits"]) == 12


def test_more_tokens_than_there_is_room_for_are_averaged_in_place(place, tmp_path):
    said = []
    room = 36 * 24 * 2 * 3 / 2**30
    with logging_to(said.append):
        found = run(place, tmp_path, methods=("ridge",), poolings=("in-place",), token_gib=room)
    assert found.stored_grid == (2, 1, 1)
    assert any("averaged from 2x2x2 to 2x1x1 a clip" in line for line in said)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"poolings": ()}, "--poolings is empty, wanted some of mean, slots, in-place"),
        ({"poolings": ("mean", "mean")}, "--poolings wants some of mean, slots, in-place, each on"),
        (
            {"methods": ("attentive",), "poolings": ("slots",)},
            "--poolings has no effect on attenti",
        ),
        ({"baselines": ("pixels", "pixels")}, "--baselines wants random, pixels or both, each onc"),
        ({"ridge_l2": ()}, "--ridge-l2 is empty, wanted numbers"),
        ({"ridge_l2": (0.0,)}, "--ridge-l2 0.0 cannot work; it wants a number above 0"),
    ],
)
def test_a_choice_that_cannot_work_is_refused(place, tmp_path, changed, problem):
    with pytest.raises(ConfigError, match=problem):
        run(place, tmp_path, **changed)


def test_too_many_videos_for_tokens_in_place_are_refused_before_one_is_read(
    place,
    tmp_path,
    monkeypatch,
):
    from videomae2.commands.probe import poolings

    monkeypatch.setattr(poolings, "MAX_IN_PLACE_VIDEOS", 20)
    seen = counted_reads(monkeypatch)
    with pytest.raises(ConfigError, match="in-place of 24 training videos would take 0 GiB"):
        run(place, tmp_path, poolings=("in-place",))
    assert seen == []


def test_one_time_slot_is_the_mean(place, tmp_path):
    from videomae2.commands.probe.config import ProbeClipConfig

    short = ProbeClipConfig(frames=2)
    with pytest.raises(ConfigError, match=r"--poolings slots has no effect on clips with one time"):
        run(place, tmp_path, clips=short, poolings=("mean", "slots"))
    several = ProbeClipConfig(frames=2, clips=3, frame_interval=1.0)
    assert run(place, tmp_path, clips=several, poolings=("slots",)).results


# ---- beside the weights


def test_fresh_weights_and_pixels_stand_beside_every_probe(place, tmp_path, monkeypatch):
    settings = {
        "methods": ("knn", "ridge"),
        "baselines": ("random", "pixels"),
        "poolings": ("mean", "slots"),
    }
    found = run(place, tmp_path, **settings)
    named = [(one.baseline, one.result.method, one.result.pooling) for one in found.baselines]
    assert named == [
        ("random", "knn", "mean"), ("random", "knn", "slots"), ("random", "ridge", "mean"),
        ("random", "ridge", "slots"), ("pixels", "ridge", "plain"),
        ("pixels", "ridge", "minus mean"),
    ]  # fmt: skip
    for one in found.baselines:
        difference = one.comparison.difference
        held_against = next(
            r for r in found.results
            if (r.method, r.pooling) == (one.compared_method, one.compared_pooling)
        )  # fmt: skip
        gap = held_against.accuracy.value - one.result.accuracy.value
        assert difference.value == pytest.approx(gap)
        assert difference.low <= difference.value <= difference.high
    by_name = {one.result.pooling: one.result for one in found.baselines}
    assert by_name["plain"].accuracy.value > by_name["minus mean"].accuracy.value, "only colour"
    seen = counted_reads(monkeypatch)
    assert run(place, tmp_path, **settings) == found
    assert seen == []
    assert "minus mean" in {row[1] for row in tabulate_baselines(found.baselines)}
    assert len(json.loads(format_json(found))["baselines"][0]["result"]["hits"]) == 12


def test_without_a_wish_nothing_stands_beside(place, tmp_path):
    assert run(place, tmp_path).baselines == ()


# ---- groups


@pytest.fixture(scope="module")
def speakers(tmp_path_factory):
    """Two videos of each colour by each of eight people, in a table; and a model."""
    folder = tmp_path_factory.mktemp("speakers")
    small_encoder(folder / "model")
    labelled_videos(folder / "train", 16)
    lines = ["path,label,person"]
    for path in sorted((folder / "train").rglob("*.npy")):
        lines.append(f"{path},{path.parent.name},p{int(path.stem) // 2}")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("rule", ["person", r"(\d)\.npy"])
def test_a_group_is_trained_on_or_tested_as_a_whole(speakers, rule):
    data = load_train_test(
        speakers / "table.csv", None, ProbeListConfig(groups=rule, test_share=0.25), seed=0
    )
    sides = [{data.train.groups[row] for row in rows} for rows in (data.train_rows, data.test_rows)]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]
    assert "as a whole" in data.test_description


def test_folds_part_no_group(speakers):
    data = load_train_test(speakers / "table.csv", None, ProbeListConfig(groups="person"), seed=0)
    groups = [data.train.groups[row] for row in data.train_rows]
    for rows, val_rows in cv_splits(data.train.labels[data.train_rows], 3, 0, groups):
        assert not {groups[row] for row in rows} & {groups[row] for row in val_rows}


def test_fewer_groups_than_folds_are_said_with_numbers(speakers, tmp_path):
    settings = ProbeSettings(methods=("ridge",), device="cpu", cache_dir=tmp_path)
    lines = (speakers / "table.csv").read_text().splitlines()
    # red is of two people only
    kept = [line for line in lines if "red" not in line or line[-2:] in ("p0", "p1")]
    (tmp_path / "rare.csv").write_text("\n".join(kept))
    lists = ProbeListConfig(groups="person")
    plan = prepare_probe(
        speakers / "model", tmp_path / "rare.csv", list_config=lists, settings=settings
    )
    text = "1 of 3 classes are in fewer groups than the 5 folds, so some folds lack them: red ("
    assert text in str(plan.summary())
    with pytest.raises(ConfigError, match=r"--folds is 9, wanted 2 up to \d, the number of groups"):
        prepare_probe(
            speakers / "model", speakers / "table.csv", list_config=lists,
            settings=replace(settings, folds=9),
        )  # fmt: skip


def test_a_group_on_both_sides_is_refused(speakers, tmp_path):
    labelled_videos(tmp_path / "test", 2, seed=5)
    lines = ["path,label,person"]
    lines += [f"{p},{p.parent.name},p{p.stem}" for p in sorted((tmp_path / "test").rglob("*.npy"))]
    (tmp_path / "test.csv").write_text("\n".join(lines).replace("p00", "p1").replace("p01", "p77"))
    with pytest.raises(DataError, match="training and test videos share 1 group, such as 'p1'"):
        load_train_test(
            speakers / "table.csv", tmp_path / "test.csv", ProbeListConfig(groups="person"), seed=0
        )
    lists = ProbeListConfig(groups="folder")
    load_train_test(speakers / "train", tmp_path / "test", lists, seed=0)


@pytest.mark.parametrize("max_videos", [12, 24, 30])
def test_of_many_videos_each_class_and_group_gives_its_share(speakers, max_videos):
    data = load_train_test(
        speakers / "table.csv", None, ProbeListConfig(groups="person"), seed=0,
        max_videos=max_videos,
    )  # fmt: skip
    rows = np.concatenate([data.train_rows, data.test_rows])
    assert len(rows) <= max_videos
    assert np.bincount(data.train.labels[rows]).tolist() == [max_videos // 3] * 3
