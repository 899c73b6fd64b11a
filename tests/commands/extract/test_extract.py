"""Features of every window: which, when, of what, in which files; what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open

from tests.helpers.classifiers import saved_classifier
from tests.helpers.films import film
from tests.helpers.labelled_videos import labelled_videos, small_encoder
from tests.helpers.probes import run
from videomae2.commands.extract.config import ExtractConfig, WindowConfig
from videomae2.commands.extract.plan import FEATURES, prepare_extract
from videomae2.commands.extract.run import run_extract
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import ListConfig
from videomae2.data.video import stream
from videomae2.data.video.reader import open_reader
from videomae2.data.views.resize import resize_to_cover
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.features.store import FeatureStore
from videomae2.models.weights.frozen_encoder import load_frozen_encoder

WINDOWS = WindowConfig(frame_interval=1, stride=4)
CONFIG = ExtractConfig(
    windows=WINDOWS, reading=ReadingConfig(num_workers=0), device="cpu", precision="fp32",
    batch_size=4,
)  # fmt: skip


def extract(
    place, out, *, videos="videos", model="model", file_format=None, windows=None, **changed
):
    config = replace(CONFIG, **changed)
    if windows is not None:
        config = replace(config, windows=windows)
    plan = prepare_extract(place / model, place / videos, out, config)
    return run_extract(plan, file_format)


def encode_alone(place, path, starts, *, kind=1):
    """The mean features of windows that are read and encoded one by one."""
    frozen, features = load_frozen_encoder(place / "model"), []
    for start in starts:
        with open_reader(path) as reader:
            last = reader.num_frames - 1
            frames = reader.read([min(start + n, last) for n in range(8)])
        clip = resize_to_cover(
            frames,
            np.arange(8)[None],
            (16, 16),
            crops=1,
            antialias=True,
            device=torch.device("cpu"),
        ).cut_view(0)
        features.append(frozen.pool(frozen.encode(clip[None]))[0, kind])
    return torch.stack(features).numpy()


def test_every_window_is_what_it_would_be_alone_and_every_frame_is_decoded_once(
    place, tmp_path, monkeypatch
):
    decoded, decode = [], stream.decode_from_start

    def count(*words, **more):
        for frame in decode(*words, **more):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(stream, "decode_from_start", count)
    result = extract(place, tmp_path / "f")
    assert result.stats.num_frames == len(decoded) == 28 + 12 + 148 + 6  # none that no window has
    assert (result.num_videos, result.unreadable) == (4, {})
    store = FeatureStore(tmp_path / "f")
    for name, starts in (("a", range(0, 23, 4)), ("b", (0, 4)), ("d", (0,))):
        wanted = encode_alone(place, place / "videos" / f"{name}.mp4", starts)
        np.testing.assert_allclose(store.load(name), wanted, atol=1e-5, rtol=1e-5)
    times = store.rows["a"].times
    assert (times.frames, times.fps, times.duration) == (30, 25.0, 1.2)
    np.testing.assert_allclose(times.starts, np.arange(6) * 0.16, atol=1e-6)
    np.testing.assert_allclose(times.stops, np.arange(6) * 0.16 + 0.32, atol=1e-6)
    assert store.rows["d"].times.stops == (0.24,)
    line = json.loads((tmp_path / "f" / "features.jsonl").read_text().splitlines()[0])
    assert (line["window_frames"], line["stride_frames"], line["norm"]) == (8, 4, "final")
    assert line["backbone"] == store.settings["backbone"]


def test_what_is_there_is_not_done_again_and_other_settings_are_refused(place, tmp_path):
    extract(place, tmp_path / "f")
    before = (tmp_path / "f" / "features.jsonl").read_bytes()
    assert extract(place, tmp_path / "f").stats.num_frames == 0
    assert (tmp_path / "f" / "features.jsonl").read_bytes() == before
    (tmp_path / "f" / "c.npy").unlink()
    assert extract(place, tmp_path / "f").stats.num_frames == 148
    with pytest.raises(ConfigError, match=r"made otherwise(.|\n)*stride_frames: 4 before → 8 now"):
        extract(place, tmp_path / "f", windows=WindowConfig(frame_interval=1))
    with pytest.raises(ConfigError, match="lies in"):
        extract(place, place / "videos" / "f")


@pytest.mark.parametrize("workers", [1, 2])
def test_reading_processes_change_nothing(place, tmp_path, workers):
    extract(place, tmp_path / "here")
    extract(place, tmp_path / "there", reading=ReadingConfig(num_workers=workers))
    for name in "abcd":
        files = [tmp_path / where / f"{name}.npy" for where in ("here", "there")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_videos_that_cannot_be_read_are_listed_and_tried_again(place, tmp_path):
    videos = tmp_path / "v"
    film(videos / "a.mp4", 20)
    (videos / "b.mp4").write_bytes(b"nothing")
    found = extract(place, tmp_path / "f", videos=videos)
    assert list(found.unreadable) == [str(videos / "b.mp4")]
    assert found.num_videos == 1
    film(videos / "b.mp4", 20)
    found = extract(place, tmp_path / "f", videos=videos)
    assert (found.unreadable, found.stats.num_videos, found.num_videos) == ({}, 1, 2)


def test_windows_by_time_and_short_ones(place, tmp_path):
    by_time = WindowConfig(window_seconds=0.64, stride_seconds=0.2, short="skip")
    found = extract(place, tmp_path / "f", windows=by_time)
    assert sorted(reason for reason in found.unreadable.values()) == [
        "it lasts 0.24 s, and a window 0.64 s", "it lasts 0.48 s, and a window 0.64 s"
    ]  # fmt: skip
    times = FeatureStore(tmp_path / "f").rows["a"].times
    np.testing.assert_allclose(times.starts, (0, 0.2, 0.4), atol=1e-6)
    frozen = load_frozen_encoder(place / "model")
    with open_reader(place / "videos" / "a.mp4") as reader:
        frames = reader.read([5, 7, 9, 11, 13, 15, 17, 19])
    clip = resize_to_cover(
        frames, np.arange(8)[None], (16, 16), crops=1, antialias=True, device=torch.device("cpu")
    ).cut_view(0)
    wanted = frozen.pool(frozen.encode(clip[None]))[0, 1].numpy()
    np.testing.assert_allclose(FeatureStore(tmp_path / "f").load("a")[1], wanted, atol=1e-5)


def test_layers_poolings_and_norms(place, tmp_path):
    model = load_frozen_encoder(place / "model")
    depth = len(model.encoder.blocks)
    store = {}
    for name, changed in {
        "slots": {"pooling": "slots", "norm": "both"},
        "tokens": {"pooling": "tokens", "norm": "standardized", "dtype": "float16"},
        "plain": {"norm": "plain"},
        "first": {"layer": 1},
        "last": {"layer": depth},
        "mean": {},
    }.items():
        extract(place, tmp_path / name, **changed)
        store[name] = FeatureStore(tmp_path / name)
    loaded = {name: each.load("a") for name, each in store.items()}
    tokens, dim = model.encoder.cubes.tokens, model.encoder.config.shape.embed_dim
    assert loaded["slots"].shape == (6, 2, 4, dim)
    assert (loaded["tokens"].shape, loaded["tokens"].dtype) == ((6, tokens, dim), np.float16)
    np.testing.assert_allclose(loaded["slots"].mean(2)[:, 1], loaded["mean"], atol=1e-5)
    np.testing.assert_allclose(loaded["slots"].mean(2)[:, 0], loaded["plain"], atol=1e-5)
    np.testing.assert_array_equal(loaded["last"], loaded["mean"])
    assert store["first"].settings["features"]["norm"] == "plain"
    assert store["first"].settings["backbone"] != store["mean"].settings["backbone"]
    del model.encoder.blocks[1:]
    with open_reader(place / "videos" / "a.mp4") as reader:
        frames = reader.read(range(8))
    clip = resize_to_cover(
        frames, np.arange(8)[None], (16, 16), crops=1, antialias=True, device=torch.device("cpu")
    ).cut_view(0)
    wanted = model.encode(clip[None]).mean(1)[0].numpy()
    np.testing.assert_allclose(loaded["first"][0], wanted, atol=1e-5)
    for changed, words in (
        ({"layer": depth + 1}, f"the blocks 1 to {depth}"),
        ({"norm": "standardized"}, "wants --pooling tokens"),
        ({"windows": WindowConfig(stride_seconds=1.0)}, "--stride-seconds wants"),
        ({"windows": WindowConfig(window_seconds=1.0, stride=3)}, "give --stride-seconds"),
        ({"windows": WindowConfig(stride=0)}, "--stride 0 cannot work"),
        ({"pooling": "attentive"}, "go together"),
        ({"preset": "actionformer-thumos14"}, "says --frame-interval, --stride already"),
    ):
        with pytest.raises(ConfigError, match=words):
            extract(place, tmp_path / "refused", **changed)


def test_released_preprocessing_squashes_and_leaves_mean_and_deviation_out(place, tmp_path):
    saved_classifier(tmp_path / "model", frames=16, height=32, width=32)
    plan = prepare_extract(
        tmp_path / "model", place / "videos", tmp_path / "f",
        replace(CONFIG, windows=WindowConfig(), preset="actionformer-thumos14",
                released_preprocessing=True),
    )  # fmt: skip
    result = run_extract(plan)
    assert sorted(path[-5:] for path in result.unreadable) == ["b.mp4", "d.mp4"]
    with open_reader(place / "videos" / "a.mp4") as reader:
        frames = reader.read(range(4, 20))
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(255)
    x = F.interpolate(x, (32, 32), mode="bilinear").permute(0, 2, 3, 1)
    frozen = load_frozen_encoder(tmp_path / "model")
    frozen.normalize.mean.zero_()
    frozen.normalize.std.fill_(1.0)
    wanted = frozen.pool(frozen.encode(x[None] * 255))[0, 1].numpy()
    features = FeatureStore(tmp_path / "f").load("a")
    assert (features.shape, features.dtype) == ((4, 24), np.float32)
    np.testing.assert_allclose(features[1], wanted, atol=1e-5)
    assert (tmp_path / "f" / "missing_files.txt").read_text() == "b\nd\n"
    text = (tmp_path / "f" / "actionformer.yaml").read_text()
    for line in ("feat_stride: 4", "num_frames: 16", "input_dim: 24", "file_prefix: ~"):
        assert line in text


@pytest.mark.parametrize(
    "preset", ["actionformer-fineaction", "opentad-fineaction", "opentad-thumos14"]
)
def test_what_detection_code_is_told(place, tmp_path, preset):
    saved_classifier(tmp_path / "model", frames=16, height=32, width=32)
    plan = prepare_extract(
        tmp_path / "model", place / "videos", tmp_path / "f",
        replace(CONFIG, windows=WindowConfig(), preset=preset),
    )  # fmt: skip
    run_extract(plan)
    stride = 16 if "fineaction" in preset else 4
    assert len(FeatureStore(tmp_path / "f").load("c")) == (150 - 16) // stride + 1
    if preset.startswith("opentad"):
        values: dict = {}
        exec((tmp_path / "f" / "opentad.py").read_text(), values)
        assert values["data_path"] == f"{(tmp_path / 'f').absolute()}/"
        assert values["block_list"].endswith("f/missing_files.txt")
        assert values.get("offset_frames", 8) == 8
        assert values.get("resize_length") == (192 if stride == 16 else None)
    else:
        assert "feat_stride: -1" in (tmp_path / "f" / "actionformer.yaml").read_text()


def test_all_features_in_one_file(place, tmp_path):
    for file_format in ("safetensors", "parquet"):
        extract(place, tmp_path / "f", file_format=file_format)
    store = FeatureStore(tmp_path / "f")
    with safe_open(tmp_path / "f" / "features.safetensors", framework="np") as file:
        assert json.loads(file.metadata()["provenance"]) == store.settings
        assert [row["video"] for row in json.loads(file.metadata()["table"])] == list("abcd")
        for name in "abcd":
            np.testing.assert_array_equal(file.get_tensor(name), store.load(name))
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra tables")
    table = pq.read_table(tmp_path / "f" / "features.parquet").to_pylist()
    rows = [row for row in table if row["video"] == "a"]
    np.testing.assert_array_equal([row["features"] for row in rows], store.load("a"))
    assert [row["start"] for row in rows] == list(store.rows["a"].times.starts)


def test_all_features_in_zarr(place, tmp_path):
    zarr = pytest.importorskip("zarr", reason="needs the extra zarr")
    extract(place, tmp_path / "f", file_format="zarr")
    group = zarr.open_group(tmp_path / "f" / "features.zarr", mode="r")
    store = FeatureStore(tmp_path / "f")
    np.testing.assert_array_equal(group["c"][:], store.load("c"))
    assert group["c"].attrs["fps"] == 25.0
    assert group.attrs["backbone"] == store.settings["backbone"]


def test_a_plan_decodes_nothing_and_says_size_and_time(place, tmp_path):
    plan = prepare_extract(place / "model", place / "videos", tmp_path / "f", CONFIG)
    text = str(plan.summary(with_estimate=True))
    assert "videos   4 (" in text
    assert ", 0 are done" in text
    assert "windows  8 frames in a row, a window every 4 frames" in text
    assert "about 45 windows, by 4 videos: " in text
    assert not (tmp_path / "f").exists()
    assert plan.kind == plan.encoder.kinds[FEATURES]


def test_arrays_without_a_clock_are_counted_in_frames(place, tmp_path):
    (tmp_path / "v").mkdir()
    np.save(tmp_path / "v" / "a.npy", np.zeros((20, 16, 16, 3), np.uint8))
    extract(place, tmp_path / "f", videos=tmp_path / "v")
    row = FeatureStore(tmp_path / "f").rows["a"]
    assert (row.shape[0], row.times.fps, row.times.starts) == (4, None, None)
    by_time = replace(CONFIG, windows=WindowConfig(window_seconds=0.4))
    with pytest.raises(ConfigError, match="has no clock; give --frame-rate"):
        prepare_extract(place / "model", tmp_path / "v", tmp_path / "g", by_time)
    plan = prepare_extract(
        place / "model", tmp_path / "v", tmp_path / "g", by_time, ListConfig(frame_rate=10.0)
    )
    run_extract(plan)
    assert FeatureStore(tmp_path / "g").rows["a"].shape[0] == 5


def test_what_an_attentive_probe_sees_of_a_window(tmp_path):
    small_encoder(tmp_path / "model")
    labelled_videos(tmp_path / "train", 5)
    path = tmp_path / "probe.safetensors"
    probe = {"methods": ("attentive",), "epochs": 1, "lrs": (1e-3,), "weight_decays": (0.0,)}
    run(tmp_path, tmp_path / "cache", test=None, save_attentive=path, **probe)
    windows = WindowConfig(frame_interval=1, stride=4)
    found = {"windows": windows, "pooling": "attentive", "attentive_probe": path}
    extract(tmp_path, tmp_path / "f", videos="train", **found)
    features = FeatureStore(tmp_path / "f").load("red/00")
    assert features.shape == (3, 24)
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0
    with pytest.raises(CheckpointError, match="other weights"):
        extract(tmp_path, tmp_path / "g", videos="train", layer=1, **found)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot read the attentive probe"):
        extract(tmp_path, tmp_path / "g", videos="train", **found)
    with pytest.raises(ConfigError, match="without attentive among --methods"):
        run(tmp_path, tmp_path / "cache", test=None, save_attentive=path)
