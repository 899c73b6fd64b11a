import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

import videomae2
from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.classifiers import NAMES, saved_autoencoder, saved_classifier
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.video.reader import open_reader
from videomae2.data.views.crops import compute_cover_size, list_crop_boxes
from videomae2.data.views.sampling import dense_clips
from videomae2.errors import CheckpointError, ConfigError, ManifestError, VideoError
from videomae2.inference.inputs import expand_each, expand_inputs
from videomae2.inference.predictor import Predictor
from videomae2.inference.views import EvalViews, format_frames, is_assumed
from videomae2.models.weights.config_json import FrameSampling
from videomae2.tensors import grid, pixels

pytestmark = pytest.mark.usefixtures("reads_here")

BRIGHT = torch.sigmoid(torch.tensor(2 * 23**0.5)).item()
"""The probability of the right class, which the rigged model gives to a clip of one brightness."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("predict")
    save_rigged(place / "model")
    write_levels(place / "dark.mp4", levels((30, 0)))
    write_levels(place / "bright.mp4", levels((30, 255)))
    (place / "broken.mp4").write_bytes((place / "dark.mp4").read_bytes()[:200])
    return place


def predictor(model, **changed):
    return Predictor(model, device="cpu", precision="fp32", **changed)


def test_it_says_what_it_sees(folder):
    model = predictor(folder / "model")
    for name in ("dark", "bright"):
        found = model.predict(folder / f"{name}.mp4")
        first, second = found.topk()
        assert first.name == name
        assert first.score == pytest.approx(BRIGHT, abs=1e-4)
        assert second.score == pytest.approx(1 - BRIGHT, abs=1e-4)
        assert found.active_classes() == [first]
        assert found.active_classes(0.99999) == []
        assert (found.num_frames, found.length_seconds) == (30, pytest.approx(1.2))


def test_videos_come_in_order_and_broken_ones_in_their_place_in_processes(folder):
    names = ("bright", "broken", "gone", "dark")
    found = list(videomae2.predict(folder / "model", [folder / f"{n}.mp4" for n in names]))
    assert [type(each) for each in found[1:3]] == [VideoError, VideoError]
    assert found[0].topk(1)[0].name == "bright"
    assert found[3].topk(1)[0].name == "dark"
    assert [each.path for each in found[1:3]] == [str(folder / f"{n}.mp4") for n in names[1:3]]


def test_known_errors_keep_their_place_too(folder):
    model = predictor(folder / "model")
    lines = [str(folder / name) for name in ("dark.mp4", "nothing", "bright.mp4", "nothing")]
    (folder / "nothing").mkdir(exist_ok=True)
    found = list(model.predict_all(expand_each(lines)))
    assert [isinstance(each, VideoError) for each in found] == [False, True, False, True]
    assert found[1].path == str(folder / "nothing")
    assert found[1].reason.startswith("no video in this folder")


def test_scores_are_the_mean_over_all_views_of_the_grid(tmp_path):
    model = saved_classifier(tmp_path / "model").eval()
    rng = np.random.default_rng(1)
    np.save(tmp_path / "a.npy", rng.integers(0, 256, (100, 40, 70, 3), dtype=np.uint8))
    found = predictor(tmp_path / "model").predict(tmp_path / "a.npy")
    expected = by_hand(model, tmp_path / "a.npy", clips=5, crops=3)
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert (found.views, found.num_unique_views) == (15, 15)
    assert found.topk(9)[0].name == NAMES[int(expected.argmax())]


def test_equal_views_are_scored_once_and_count_as_often_as_they_are_there(tmp_path):
    model = saved_classifier(tmp_path / "model").eval()
    rng = np.random.default_rng(2)
    np.save(tmp_path / "a.npy", rng.integers(0, 256, (37, 32, 32, 3), dtype=np.uint8))
    views = EvalViews(clips=7, crops=3)
    found = predictor(tmp_path / "model", views=views).predict(tmp_path / "a.npy")
    assert (found.views, found.num_unique_views) == (21, 3)  # 7 clips at 3 places
    expected = by_hand(model, tmp_path / "a.npy", clips=7, crops=3)
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)


def by_hand(model, path, *, clips, crops):
    """One view after the other, each read by itself; of a card without a span the stride is 4 and
    frames are resized plainly."""
    size = (model.cubes.height, model.cubes.width)
    mean, std = torch.tensor(pixels.IMAGENET_MEAN), torch.tensor(pixels.IMAGENET_STD)
    scores = []
    with open_reader(path) as reader, torch.inference_mode():
        for indices in dense_clips(reader.num_frames, model.cubes.frames, 4, clips=clips):
            frames = torch.from_numpy(reader.read(indices.tolist())).permute(0, 3, 1, 2).float()
            height, width = compute_cover_size(*frames.shape[2:], size)
            whole = interpolate(frames, size=(height, width), mode="bilinear").round().byte()
            for top, left, tall, wide in list_crop_boxes(height, width, size, crops=crops):
                view = whole[:, :, top : top + tall, left : left + wide].permute(0, 2, 3, 1)
                cubes = grid.split(view[None], model.cubes)
                scores.append(model(pixels.normalize(cubes, mean, std)).softmax(1)[0])
    return torch.stack(scores).mean(0).numpy()


def test_a_folder_stands_for_its_videos(folder, tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "001.mp4").symlink_to(folder / "dark.mp4")
    model = predictor(folder / "model")
    found = list(model.predict_all([tmp_path, folder / "bright.mp4"]))
    wanted = [tmp_path / "a" / "001.mp4", tmp_path / "b" / "001.mp4", folder / "bright.mp4"]
    assert [each.video for each in found] == [str(path) for path in wanted]
    with pytest.raises(ValueError, match="holds 2 videos; give it to predict_all"):
        model.predict(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="no video in this folder"):
        model.predict(tmp_path / "empty")


def mixed_names(folder, *names):
    from PIL import Image

    folder.mkdir()
    for name in names:
        Image.new("RGB", (20, 20), (255, 255, 255)).save(folder / name)
    return folder


def test_a_folder_that_is_no_video_stops_nothing(folder, tmp_path):
    signed = mixed_names(tmp_path / "signed", *(f"frame_{n}.png" for n in range(-4, 5)))
    flows = mixed_names(tmp_path / "flows", *(f"{c}_{n}.png" for n in range(4) for c in "xy"))
    (tmp_path / "empty").mkdir()
    model = predictor(folder / "model")
    given = [signed, folder / "bright.mp4", flows, tmp_path / "empty", folder / "dark.mp4"]
    first, bright, second, third, dark = model.predict_all(given)
    assert (bright.topk(1)[0].name, dark.topk(1)[0].name) == ("bright", "dark")
    for error, path in ((first, signed), (second, flows)):
        assert str(error).startswith(f"cannot read {path}: it cannot be read as frames: its images")
        assert "put each kind into a folder of its own" in str(error)
    assert "no video in this folder" in str(third)


@pytest.mark.parametrize(
    ("unused", "said"),
    [
        (("1x.png", "1y.png"), "not taken for frames: 2 images in 1 of 1 folder, such as 1x.png"),
        (("cover.jpg",), "1 image in 1 of 1 folder, such as cover.jpg"),
        (("poster-1.png",), "such as poster-1.png"),
        ((), None),
    ],
)
def test_images_that_are_no_frames_are_said(folder, tmp_path, caplog, unused, said):
    frames = mixed_names(tmp_path / "v", *(f"{n:02}.png" for n in range(10)), *unused)
    assert predictor(folder / "model").predict(frames).num_frames == 10
    assert len(caplog.messages) == (said is not None)
    if said:
        assert caplog.messages[0].startswith(f"{frames}: ")
        assert said in caplog.messages[0]


def test_a_folder_of_images_is_one_video(folder, tmp_path):
    from PIL import Image

    for number in range(1, 10):
        Image.new("RGB", (20, 20), (255, 255, 255)).save(tmp_path / f"img_{number:05}.jpg")
    (only,) = expand_inputs([tmp_path])
    assert only.frame_name == "img_{:05}.jpg"
    found = predictor(folder / "model").predict(tmp_path)
    assert (found.num_frames, found.length_seconds) == (9, None)
    assert found.topk(1)[0].name == "bright"


def test_a_stride_in_seconds_wants_a_clock(tmp_path):
    model = save_rigged(
        tmp_path / "model", span=FrameSampling(frame_interval=0.1, interval_unit="seconds")
    )
    np.save(tmp_path / "a.npy", np.zeros((20, 16, 16, 3), np.uint8))
    with pytest.raises(VideoError, match=r"has no clock.*give its frame rate, or count"):
        predictor(model).predict(tmp_path / "a.npy")
    timed = predictor(model, frame_rate=10.0)
    assert timed.predict(tmp_path / "a.npy").length_seconds == pytest.approx(2.0)


def test_labels_hold_from_a_half_and_numbers_are_numbers(folder, tmp_path):
    many = save_rigged(
        tmp_path / "many", answers="multilabel", names=("a", "b", "c"), rows=(-1.0, 1.0, 2.0)
    )
    found = predictor(many).predict(folder / "bright.mp4")
    assert [row.name for row in found.active_classes()] == ["c", "b"]
    assert [row.name for row in found.active_classes(0.999)] == ["c"]
    numbers = save_rigged(tmp_path / "numbers", answers="regression", names=None, rows=(1.0, -3.0))
    found = predictor(numbers).predict(folder / "dark.mp4")
    assert [row.name for row in found.topk(1)] == ["number 0", "number 1"]
    np.testing.assert_allclose(found.scores, [-(23**0.5), 3 * 23**0.5], rtol=1e-3)
    assert found.active_classes() == []


def test_the_span_of_the_model_decides_which_frames_are_read(folder, tmp_path):
    write_levels(tmp_path / "late.mp4", levels((20, 0), (80, 255)))
    once = EvalViews(clips=1, crops=1)
    seg = save_rigged(tmp_path / "segments", span=FrameSampling(kind="tsn"))
    assert predictor(seg).scorer.views.clips == 2
    assert predictor(seg, views=once).predict(tmp_path / "late.mp4").topk(1)[0].name == "bright"
    seconds = FrameSampling(frame_interval=0.2, interval_unit="seconds")
    timed = predictor(save_rigged(tmp_path / "timed", span=seconds), views=once)
    assert timed.scorer.views.step_seconds == 0.2
    assert format_frames(timed.scorer.views) == "one frame every 0.2 s"
    assert timed.predict(folder / "dark.mp4").topk(1)[0].name == "dark"
    unknown = predictor(save_rigged(tmp_path / "unknown", span=None))
    assert unknown.scorer.views.frame_interval == 4
    assert format_frames(unknown.scorer.views) == "every 4 frames"
    assert is_assumed(unknown.scorer.views)
    asked = EvalViews(frame_interval=4.0, interval_unit="frames")
    assert not is_assumed(predictor(tmp_path / "unknown", views=asked).scorer.views)
    with pytest.raises(ConfigError, match="a frame interval has no effect on tsn clips"):
        predictor(seg, views=asked)


def test_what_is_no_classifier_says_what_to_do(tmp_path):
    saved_autoencoder(tmp_path / "pretrained")
    with pytest.raises(CheckpointError, match=r"knows no classes; fine-tune it on labelled"):
        predictor(tmp_path / "pretrained")
    saved_classifier(tmp_path / "features", classes=None, outputs=0)
    with pytest.raises(CheckpointError, match=r"has no head.*fine-tune it on labelled"):
        predictor(tmp_path / "features")


def test_of_a_run_the_best_model_is_taken(folder, tmp_path):
    save_rigged(tmp_path / "run" / "checkpoints" / "step-00000002", names=("newest", "b"))
    found = predictor(tmp_path / "run").predict(folder / "dark.mp4")
    assert found.topk(1)[0].name == "newest"
    save_rigged(tmp_path / "run" / "best", names=("best", "b"))
    found = predictor(tmp_path / "run").predict(folder / "dark.mp4")
    assert found.topk(1)[0].name == "best"


def test_broken_weights_are_an_error_not_a_score(folder, tmp_path):
    save_rigged(tmp_path / "model", rows=(float("nan"), 1.0))
    with pytest.raises(CheckpointError, match="not finite"):
        predictor(tmp_path / "model").predict(folder / "dark.mp4")


def test_choices_that_cannot_work_are_named_together(folder):
    with pytest.raises(ConfigError) as raised:
        predictor(
            folder / "model",
            views=EvalViews(frame_interval=0.0, crops=0),
            reading=ReadingConfig(num_workers=-1, timeout_seconds=0.0),
        )
    assert raised.value.problems == [
        "--crops 0 cannot work; it wants 1 or more",
        "--frame-interval 0.0 cannot work; it wants a number above 0",
        "--num-workers -1 cannot work; it wants 0 or more",
        "--timeout-seconds 0.0 cannot work; it wants a number above 0",
    ]
