"""The whole job on tiny videos: features, lists, what is kept on disk, what is refused."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.labelled_videos import labelled_videos, small_encoder
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import small_run
from tests.helpers.probes import SETTINGS, counted_reads, probed, run
from tests.helpers.slow_videos import late_at_first
from videomae2.commands.probe.config import ProbeClipConfig
from videomae2.commands.probe.plan import prepare_probe
from videomae2.commands.train.pretrain import pretrain
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.data.views.read import list_clips
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import resize_to_cover
from videomae2.errors import (
    ConfigError,
    DataError,
    Interrupted,
    ManifestError,
    VideoError,
)
from videomae2.inference.features.cache import FeatureExtractor, KeptFeatures
from videomae2.inference.features.encode import ClipEncoder
from videomae2.inference.features.writing import WritableStore
from videomae2.inference.probe_data import ProbeListConfig, load_train_test
from videomae2.models.weights.frozen_encoder import load_frozen_encoder
from videomae2.training.runtime import RuntimeConfig, resolve_runtime


def test_colours_are_told_by_an_encoder_that_was_never_trained(place, tmp_path):
    methods = ("knn", "linear", "attentive")
    found = run(
        place, tmp_path, methods=methods, lrs=(3e-3,), weight_decays=(0.01,), probe_batch_size=8
    )
    assert [(one.method, one.pooling) for one in found.results] == [
        ("knn", "mean"), ("linear", "mean"), ("attentive", "tokens"),
    ]  # fmt: skip
    assert all(one.accuracy.value == 1 for one in found.results)
    assert (found.num_train_videos, found.num_test_videos, found.classes) == (
        24,
        12,
        ("blue", "green", "red"),
    )
    assert found.majority_accuracy == pytest.approx(1 / 3)
    assert found.stored_grid == found.grid == (2, 2, 2)


def test_each_video_is_read_once_also_for_many_clips_and_never_again(place, tmp_path, monkeypatch):
    seen = counted_reads(monkeypatch)
    clips = ProbeClipConfig(clips=3, frame_interval=1.0)
    first = run(place, tmp_path, clips=clips)
    assert len(seen) == len(set(seen)) == 36
    assert run(place, tmp_path, clips=clips) == first
    assert len(seen) == 36
    run(place, tmp_path)
    assert len(seen) == 72, "other clips are other features"
    run(place, tmp_path, clips=ProbeClipConfig(side=32))
    assert len(seen) == 108, "and so are larger ones"


def test_features_with_tokens_serve_probes_without(place, tmp_path, monkeypatch):
    attending = {"methods": ("attentive",), "epochs": 1, "lrs": (1e-3,), "weight_decays": (0.0,)}
    run(place, tmp_path, **attending)
    seen = counted_reads(monkeypatch)
    run(place, tmp_path)
    assert seen == []


def test_a_video_that_was_replaced_is_read_anew(tmp_path, monkeypatch):
    small_encoder(tmp_path / "model")
    labelled_videos(tmp_path / "train", 5)
    run(tmp_path, tmp_path / "cache", test=None)
    np.save(tmp_path / "train" / "red" / "00.npy", np.zeros((9, 16, 20, 3), np.uint8))
    seen = counted_reads(monkeypatch)
    run(tmp_path, tmp_path / "cache", test=None)
    assert len(seen) == 1, "and only that"


def test_without_a_test_a_share_of_each_class_is_held_out(place, tmp_path):
    found = run(place, tmp_path, test=None, lists=ProbeListConfig(test_share=0.25))
    assert (found.num_train_videos, found.num_test_videos) == (18, 6)
    assert found.test == f"25% of {place / 'train'}, held out of each class"


def test_it_says_of_how_many_classes_videos_were_held_out(tmp_path):
    labelled_videos(tmp_path / "few", 5)
    for path in [*(tmp_path / "few" / "red").iterdir()][1:]:
        path.unlink()
    lists = [
        load_train_test(tmp_path / "few", None, ProbeListConfig(test_share=s), seed=0)
        for s in (0.2, 0.95)
    ]
    assert [one.test_description.split(", ", 1)[1] for one in lists] == [
        "held out of 2 of 3 classes only: the others have too few videos to give one; a larger "
        "--test-share, or TEST, would test them",
        "held out of each class; none is left to learn for 2 classes",
    ]


def test_features_are_the_mean_over_clips_and_slots_and_tokens_stand_clip_after_clip(tmp_path):
    small_encoder(tmp_path / "model")
    labelled_videos(tmp_path / "videos", 2)
    frozen, runtime = (
        load_frozen_encoder(tmp_path / "model"),
        resolve_runtime(RuntimeConfig(device="cpu", precision="fp32")),
    )
    kept = KeptFeatures(slots=True, grid=(2, 2, 2))
    manifest = read_manifest(tmp_path / "videos")
    views = ViewSpec(
        frame_sampling="strided", frames=4, channels=3, frame_interval=1, interval_unit="frames",
        limits=ReadLimits(), clips=3, crops=1,
    )  # fmt: skip
    features = FeatureExtractor(
        frozen=frozen, runtime=runtime, clips=3, batch_size=4, kept=kept, cache_dir=tmp_path,
        reading=ReadingConfig(num_workers=0),
    ).extract(manifest, views, "")  # fmt: skip
    with open_reader(manifest[1].path) as reader:
        clips = [
            resize_clip(reader.read(i))
            for i in list_clips(reader, ViewsRequest(manifest[1], views))
        ]
    encode = ClipEncoder(frozen=frozen, runtime=runtime, kinds=kept.list_kinds())
    one = [encode(clip[None]) for clip in clips]
    close = {"atol": 1e-5, "rtol": 1e-5}
    np.testing.assert_allclose(
        features.load("mean", 1), sum(each["mean"][0] for each in one) / 3, **close
    )
    np.testing.assert_allclose(
        features.load("slots", 1),
        np.concatenate([each["slots"][0] for each in one], axis=1),
        **close,
    )
    assert features.load("tokens", 1).dtype == np.float16
    wanted = np.concatenate([each["tokens"][0] for each in one])
    np.testing.assert_allclose(features.load("tokens", 1), wanted, atol=4e-3, rtol=2e-3)
    np.testing.assert_array_equal(
        features.load_parts("tokens", np.array([1, 0]), 3, 5)[0], features.load("tokens", 1)[3:8]
    )


def resize_clip(frames):
    return resize_to_cover(
        frames, np.arange(4)[None], (16, 16), crops=1, antialias=True, device=torch.device("cpu")
    ).cut_view(0)


def test_an_extraction_that_was_stopped_goes_on(place, tmp_path, monkeypatch):
    whole = run(place, tmp_path / "whole")
    put, count = WritableStore.finish, []

    def stop_at_ten(store, *words):
        put(store, *words)
        count.append(1)
        if len(count) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(WritableStore, "finish", stop_at_ten)
    with pytest.raises(KeyboardInterrupt):
        run(place, tmp_path / "cache")
    monkeypatch.undo()
    seen = counted_reads(monkeypatch)
    found = run(place, tmp_path / "cache")
    assert len(seen) == 26
    assert found.results == whole.results


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_keeps_what_it_has_and_goes_on(place, tmp_path, monkeypatch, number):
    whole = run(place, tmp_path / "whole")
    put, rows = WritableStore.finish, []

    def ask_at_ten(store, *words):
        put(store, *words)
        rows.append(1)
        if len(rows) == 10:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(WritableStore, "finish", ask_at_ten)
    words = f"stopped by {number.name}; the features of 10 of 24 videos kept; the same"
    with pytest.raises(Interrupted, match=words):
        run(place, tmp_path / "cache")
    monkeypatch.undo()
    seen = counted_reads(monkeypatch)
    assert run(place, tmp_path / "cache").results == whole.results
    assert len(seen) == 26


@pytest.mark.parametrize("tokens", [False, True])
def test_what_could_not_be_read_is_tried_again_and_only_that(place, tmp_path, monkeypatch, tokens):
    """A disk that is away for a moment: the files are as they were, and have been before."""
    from videomae2.data.views import read as worker_side

    attending = {"methods": ("attentive",), "epochs": 1, "lrs": (1e-3,), "weight_decays": (0.0,)}
    changed = attending if tokens else {}
    whole, read = run(place, tmp_path / "whole", **changed), worker_side.read_views

    def away(request, allocate):
        if request.path.endswith(("red/03.npy", "blue/01.npy")):
            raise VideoError(request.path, "Input/output error")
        return read(request, allocate)

    with monkeypatch.context() as patch:
        patch.setattr(worker_side, "read_views", away)
        with pytest.raises(
            DataError, match=r"4 videos cannot be read.*--timeout-seconds and --mem"
        ):
            run(place, tmp_path / "cache", **changed)
    seen = counted_reads(monkeypatch)
    found = run(place, tmp_path / "cache", **changed)
    assert len(seen) == 4
    assert found.results == whole.results
    assert not found.unreadable
    run(place, tmp_path / "cache", methods=("knn",))
    assert len(seen) == 4


def test_another_deadline_reads_nothing_anew(place, tmp_path, monkeypatch):
    run(place, tmp_path)
    seen = counted_reads(monkeypatch)
    reading = ReadingConfig(num_workers=0, timeout_seconds=500.0, memory_limit_gib=8.0)
    run(place, tmp_path, reading=reading)
    assert seen == []


def test_a_plan_reads_no_video_and_says_what_is_there(place, tmp_path, monkeypatch):
    def plan(**changed):
        settings = replace(SETTINGS, cache_dir=tmp_path, **changed)
        return prepare_probe(place / "model", place / "train", place / "test", settings=settings)

    seen = counted_reads(monkeypatch)
    text = str(plan().summary())
    assert seen == []
    assert not list(tmp_path.iterdir())
    assert f"train    24 videos of 3 classes: {place / 'train'}" in text
    assert "features train: 0 of 24 are there, means, " in text
    run(place, tmp_path)
    assert "\n         test: 12 of 12 are there, means, " in str(plan().summary())
    text = str(plan(methods=("attentive",)).summary())
    assert "features train: 0 of 24 are there, means, time slots and 2x2x2 tokens of a clip" in text
    with pytest.raises(ConfigError, match="--folds is 30, wanted 2 up to 24"):
        plan(folds=30)
    with pytest.raises(ConfigError, match="--ks wants numbers up to 16"):
        plan(ks=(17,))


def test_tokens_beyond_the_room_are_averaged_and_it_is_said(place, tmp_path):
    said = []
    room = 36 * 24 * 2 * 3 / 2**30  # three tokens of 24 float16 for each of 36 videos
    attending = {"methods": ("attentive",), "epochs": 1, "lrs": (1e-3,), "weight_decays": (0.0,)}
    with logging_to(said.append):
        found = run(place, tmp_path, token_gib=room, **attending)
    assert found.stored_grid == (2, 1, 1)
    assert any("averaged from 2x2x2 to 2x1x1 a clip" in line for line in said)
    with pytest.raises(ConfigError, match="has no room for a single token"):
        run(place, tmp_path, token_gib=room / 4, **attending)


def test_videos_that_cannot_be_read_are_an_error_or_listed(tmp_path):
    small_encoder(tmp_path / "model")
    labelled_videos(tmp_path / "train", 6)
    labelled_videos(tmp_path / "test", 3, seed=1)
    said = []
    for broken in ("train/red/00.npy", "test/blue/01.npy"):
        (tmp_path / broken).write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"2 videos cannot be read, .*--skip-unreadable"):
        run(tmp_path, tmp_path / "cache", log=said.append)
    assert [line.split(" to ")[0] for line in said if "extracted" in line] == [
        "features train: 18 videos, 17 extracted",
        "features test: 9 videos, 8 extracted",
    ]
    found = run(tmp_path, tmp_path / "cache", lists=ProbeListConfig(skip_unreadable=True))
    assert (found.num_train_videos, found.num_test_videos) == (17, 8)
    assert sorted(path[len(str(tmp_path)) + 1 :] for path in found.unreadable) == [
        "test/blue/01.npy", "train/red/00.npy",
    ]  # fmt: skip


def test_one_busy_moment_costs_no_video(place, tmp_path, monkeypatch):
    late = late_at_first(monkeypatch)
    assert run(place, tmp_path, test=None).unreadable == {}
    assert len(late) == 24


def test_a_test_with_training_videos_is_refused(place, tmp_path):
    with pytest.raises(DataError, match="24 of 24 test videos are also training videos"):
        run(place, tmp_path, test="train")


def test_links_to_training_videos_are_refused_too(place, tmp_path):
    for path in sorted((place / "test").rglob("*.npy")):
        link = tmp_path / "test" / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    (tmp_path / "test" / "red" / "more.npy").symlink_to(place / "train" / "red" / "00.npy")
    with pytest.raises(DataError, match=r"1 of 13 test videos .*such as .*test/red/more.npy"):
        load_train_test(place / "train", tmp_path / "test", ProbeListConfig(), seed=0)


def test_numbers_of_training_say_nothing_of_names_in_the_test(place, tmp_path):
    files = sorted((place / "train").rglob("*.npy"))
    order = ("red", "green", "blue")
    (tmp_path / "train.csv").write_text(
        "path,label\n" + "".join(f"{file},{order.index(file.parent.name)}\n" for file in files)
    )
    with pytest.raises(DataError, match=r"train.csv numbers its classes and .*test names"):
        load_train_test(tmp_path / "train.csv", place / "test", ProbeListConfig(), seed=0)


def test_rows_of_one_table_may_be_both(place, tmp_path):
    lines = ["path,label,split"]
    for split in ("train", "test"):
        for path in sorted((place / split).rglob("*.npy")):
            lines.append(f"{path},{path.parent.name},{split}")
    (tmp_path / "all.csv").write_text("\n".join(lines))
    found = probed(
        place / "model",
        tmp_path / "all.csv",
        list_config=ProbeListConfig(filter="split=train", filter_test="split=test"),
        settings=replace(SETTINGS, cache_dir=tmp_path),
    )
    assert (found.num_train_videos, found.num_test_videos) == (24, 12)


def write_list(path, place, folder, labels):
    files = sorted((place / folder).rglob("*.npy"))
    path.write_text("".join(f"{file} {labels}\n" for file in files))
    return path


def test_labels_that_training_does_not_have_are_refused(place, tmp_path):
    train = "".join(
        f"{file} {number % 2}\n" for number, file in enumerate((place / "train").rglob("*.npy"))
    )
    (tmp_path / "train.txt").write_text(train)
    write_list(tmp_path / "test.txt", place, "test", 2)
    with pytest.raises(ManifestError, match=r"test.txt:1: label is 2, but .* up to 1"):
        probed(place / "model", tmp_path / "train.txt", tmp_path / "test.txt")
    write_list(tmp_path / "one.txt", place, "train", 0)
    with pytest.raises(DataError, match="of one class only"):
        probed(place / "model", tmp_path / "one.txt")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"clips": ProbeClipConfig(frame_interval=0.5)},
            "the frame interval is 0.5 frames, wanted whole ones",
        ),
        ({"clips": ProbeClipConfig(frame_interval=1.0, frame_sampling="tsn")}, "no effect on tsn"),
        (
            {"clips": ProbeClipConfig(interval_unit="seconds")},
            "an interval unit wants a frame interval to go with it",
        ),
        (
            {"clips": ProbeClipConfig(frame_interval=1.0, interval_unit="seconds")},
            "give its frame rate",
        ),
        ({"clips": ProbeClipConfig(clips=0)}, "--clips 0 cannot work; it wants 1 or more"),
        ({"clips": ProbeClipConfig(frames=0)}, "--frames 0 cannot work; it wants 1 or more"),
        ({"clips": ProbeClipConfig(side=0)}, "--side 0 cannot work; it wants 1 or more"),
        (
            {"clips": ProbeClipConfig(frame_interval=0.0)},
            "--frame-interval 0.0 cannot work; it wants a number above 0",
        ),
        (
            {"reading": ReadingConfig(prefetch_factor=0)},
            "--prefetch-factor 0 cannot work; it wants",
        ),
        (
            {"test": None, "lists": ProbeListConfig(test_share=1.0)},
            "--test-share 1.0 cannot work; it wants a share between 0 and 1",
        ),
        ({"lists": ProbeListConfig(test_share=0.5)}, "--test-share has no effect where a test is"),
        ({"methods": ()}, "--methods wants some of knn, ridge, linear, attentive"),
        ({"l2": (0.0,)}, "--l2 0.0 cannot work; it wants a number above 0"),
        ({"weight_decays": ()}, "--weight-decays is empty, wanted numbers"),
        ({"folds": 1}, "--folds is 1, wanted 2 up to 24"),
    ],
)
def test_a_choice_that_cannot_work_is_refused(place, tmp_path, changed, problem):
    with pytest.raises(ConfigError, match=problem):
        run(place, tmp_path, **changed)


def test_a_frame_rate_gives_arrays_a_clock(place, tmp_path):
    clips = ProbeClipConfig(frame_interval=0.1, interval_unit="seconds")
    assert (
        run(
            place, tmp_path, clips=clips, lists=ProbeListConfig(frame_rate=10.0)
        ).frame_sampling.interval_unit
        == "seconds"
    )


def test_a_run_gives_its_own_stride(place, tmp_path):
    pretrain(small_run(place / "train", tmp_path / "run", epochs=1.0))
    found = probed(
        tmp_path / "run", place / "train", settings=replace(SETTINGS, cache_dir=tmp_path)
    )
    assert (found.frame_sampling.frame_interval, found.frame_sampling.interval_unit) == (
        2.0,
        "frames",
    )
