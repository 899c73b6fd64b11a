import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.classifiers import saved_classifier
from tests.helpers.streams import file_response, serving, writing
from tests.helpers.videos import encode
from videomae2.data.video.reader import open_reader
from videomae2.data.video.trim import fit_channels
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import expand_inputs
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import TimelineConfig, compute_timeline
from videomae2.models.weights.config_json import FrameSampling

pytestmark = pytest.mark.usefixtures("reads_here")

PHASES = ((38, 0), (60, 255), (50, 0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("stream")
    save_rigged(place / "model")
    saved_classifier(place / "drawn")
    write_levels(place / "long.ts", levels(*PHASES))
    return place


@pytest.fixture(scope="module")
def predictor(folder):
    return Predictor(folder / "model", device="cpu", precision="fp32")


def check_same(windows, line):
    np.testing.assert_allclose([w.start_seconds for w in windows], line.windows.starts, atol=1e-6)
    np.testing.assert_allclose([w.stop_seconds for w in windows], line.windows.stops, atol=1e-6)
    np.testing.assert_allclose([w.scores for w in windows], line.scores, atol=1e-5)


CONFIGS = [
    {},
    {"hop_seconds": 0.5},
    {"window_seconds": 1.0, "hop_seconds": 1.0},
    {"window_seconds": 9.0},
]


@pytest.mark.parametrize("config", CONFIGS)
def test_windows_of_streams_are_those_of_the_time_line(folder, predictor, tmp_path, config):
    path = folder / "long.ts"
    (video,) = expand_inputs([path])
    line = compute_timeline(predictor, video, TimelineConfig(**config))
    with writing(tmp_path / "pipe", path.read_bytes()) as name:
        check_same(list(predictor.stream(name, **config)), line)
    with serving(file_response(path.read_bytes())) as address:
        check_same(list(predictor.stream(address, **config)), line)
    with open_reader(path) as reader:
        frames = reader.read(range(reader.num_frames))
    for given in (frames, iter(frames), torch.from_numpy(frames)):
        check_same(list(predictor.stream(given, frame_rate=25.0, **config)), line)


@pytest.mark.parametrize("config", CONFIGS[:3])
def test_windows_of_streams_whose_clock_jumps_are_those_of_the_time_line(
    predictor, tmp_path, config
):
    run = [40 * number for number in range(50)]
    place = tmp_path / "a.mkv"
    times = [*run, *(12_000 + t for t in run), *(108e6 + t for t in [*run[:1], *run[5:]])]
    encode(place, frames=len(times), times=[int(time) for time in times])
    (video,) = expand_inputs([place])
    line = compute_timeline(predictor, video, TimelineConfig(**config))
    check_same(list(predictor.stream(place, **config)), line)
    assert len(line.windows.jumps) == 2
    assert "more places" in line.describe_jumps()


@pytest.mark.parametrize("order", ["aa", "ba", "ab", "aba"])
def test_recordings_that_were_joined_are_seen_from_end_to_end(predictor, tmp_path, order):
    pieces = {}
    for name, start in (("a", 0), ("b", 10_000)):
        times = [start + 40 * number for number in range(50)]
        encode(tmp_path / "piece.ts", frames=50, times=times, options={"bf": "0"})
        pieces[name] = (tmp_path / "piece.ts").read_bytes()
    place = tmp_path / "joined.ts"
    place.write_bytes(b"".join(pieces[name] for name in order))
    (video,) = expand_inputs([place])
    line = compute_timeline(predictor, video, TimelineConfig(window_seconds=1.0))
    assert np.diff(np.unique(line.windows.frames)).max() < 10
    check_same(list(predictor.stream(place, window_seconds=1.0)), line)


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_each_window_comes_before_the_next_frame_is_taken(predictor, pause):
    given = 0

    def frames():
        nonlocal given
        for level in levels(*PHASES):
            given += 1
            time.sleep(pause)
            yield np.full((32, 48, 3), level, np.uint8)

    for number, window in enumerate(predictor.stream(frames(), frame_rate=25.0)):
        if given < 148:
            assert given == number * 4 + 9  # 8 frames, and the one that says when they end
        assert window.topk(1)[0].name == ("bright" if 38 <= number * 4 + 3 < 98 else "dark")
        if pause and number == 5:
            break


def test_a_stream_ends_after_some_seconds(predictor):
    endless = (np.zeros((32, 48, 3), np.uint8) for _ in iter(int, 1))
    windows = list(predictor.stream(endless, frame_rate=25.0, max_seconds=2.0))
    assert windows[-1].stop_seconds == pytest.approx(2.0)


def test_frames_in_memory_are_predicted_as_a_file(folder, tmp_path):
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (50, 36, 50, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", frames)
    predictor = Predictor(folder / "drawn", device="cpu", precision="fp32")
    of_file = predictor.predict(tmp_path / "a.npy")
    for given in (frames, list(frames), (frame for frame in frames), torch.from_numpy(frames)):
        prediction = predictor.predict(given)
        np.testing.assert_allclose(prediction.scores, of_file.scores, atol=1e-6)
        assert (prediction.num_frames, prediction.length_seconds) == (50, None)
    assert predictor.predict(frames, frame_rate=10.0).length_seconds == pytest.approx(5.0)


def test_seconds_need_a_rate(folder, tmp_path):
    span = FrameSampling(kind="strided", frame_interval=0.1, interval_unit="seconds")
    predictor = Predictor(save_rigged(tmp_path / "timed", span=span), device="cpu")
    frames = np.full((40, 32, 48, 3), 255, np.uint8)
    assert predictor.predict(frames, frame_rate=20.0).topk(1)[0].name == "bright"
    with pytest.raises(VideoError, match=r"frames in memory: .* no clock"):
        predictor.predict(frames)
    with pytest.raises(ValueError, match="have no clock; give their frame_rate"):
        predictor.stream(frames)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (
            np.zeros((4, 32, 48, 3), np.float32),
            r"frames are float32 \[4, 32, 48, 3\], wanted uint8",
        ),
        (np.zeros((4, 3, 32, 48), np.uint8), r"looks like \[frames, channels, height, width\]"),
        (np.zeros((3, 4, 32, 48), np.uint8), r"looks like \[channels, frames, height, width\]"),
        (np.zeros((32, 48, 3), np.uint8), r"looks like one picture \[height, width, channels\]"),
        (np.zeros((0, 32, 48, 3), np.uint8), r"frames are uint8 \[0, 32, 48, 3\]"),
        (np.zeros((48, 3), np.uint8), r"frames are uint8 \[48, 3\]"),
        ([np.zeros((32, 48, 3), np.int64)], r"frame 0 is int64"),
        ([], "no frame came"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], "frame 1 is"),
        ([np.zeros((3, 8, 9), np.uint8)], r"frame 0 is of shape .* \[channels, height, width\]"),
        ([torch.zeros(1, 8, 9, dtype=torch.uint8)], r"frame 0 .* \[channels, height, width\]"),
        (torch.zeros(4, 8, 9, 3, requires_grad=True), "frames are torch.float32"),
        (torch.zeros(4, 8, 9, 3, dtype=torch.bfloat16), "frames are torch.bfloat16"),
        ([torch.zeros(8, 9, 3, dtype=torch.bfloat16)], "frame 0 is torch.bfloat16"),
        (torch.zeros(4, 8, 9, 3, dtype=torch.uint8).to_sparse(), "frames are no array of numbers"),
        (["a.png", "b.png"], "frame 0 is of the type str"),
        ([b"bytes"], "frame 0 is of the type bytes"),
        ([None], "frame 0 is of the type NoneType"),
        ([[[1, 2], [3]]], "frame 0 is no array of numbers"),
        (io.BytesIO(b"lines\nof a file"), r"open file \(BytesIO\), .* give its path"),
        (Image.new("RGB", (8, 8)), "one picture of Pillow, wanted several"),
        ([Image.new("I;16", (8, 8))], "frame 0 has 16 bits.* bits=12"),
        (b"bytes", "found bytes, wanted a path"),
        (7, "found int, wanted a path"),
        (None, "found NoneType, wanted a path"),
    ],
)
def test_other_things_are_refused(predictor, frames, said):
    with pytest.raises(ValueError, match=said):
        predictor.predict(frames)


def test_an_open_file_is_refused(predictor, folder):
    with (folder / "long.ts").open("rb") as file:
        for ask in (predictor.predict, lambda given: predictor.stream(given, frame_rate=9.0)):
            with pytest.raises(ValueError, match=r"open file \(BufferedReader\), .* give its path"):
                ask(file)


@pytest.mark.filterwarnings("error")
def test_views_of_arrays_are_as_good_as_copies(folder):
    predictor = Predictor(folder / "drawn", device="cpu", precision="fp32")
    frames = np.random.default_rng(7).integers(0, 256, (20, 36, 50, 3), dtype=np.uint8)
    locked = frames.copy()
    locked.setflags(write=False)
    turned = np.ascontiguousarray(frames[::-1, :, ::-1, ::-1])[::-1, :, ::-1, ::-1]
    expected = predictor.predict(frames).scores
    rows = [row.scores for row in predictor.stream(frames, frame_rate=10.0)]
    for given in (locked, turned, list(locked), list(turned), list(torch.from_numpy(frames))):
        np.testing.assert_allclose(predictor.predict(given).scores, expected, atol=1e-6)
        for row, again in zip(rows, predictor.stream(given, frame_rate=10.0), strict=True):
            np.testing.assert_allclose(again.scores, row, atol=1e-6)


MODES = {
    **dict.fromkeys(("RGB", "RGBA", "L", "LA", "P", "1"), "png"),
    **dict.fromkeys(("CMYK", "YCbCr", "LAB", "HSV", "I;16"), "tif"),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_pictures_are_read_as_their_files(tmp_path, mode, channels):
    saved_classifier(tmp_path / "model", channels=channels)
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32", bits=12)
    colours = np.random.default_rng(8).integers(0, 256, (9, 36, 50, 3), dtype=np.uint8)
    if mode == "I;16":
        pictures = [Image.fromarray(frame[..., 0].astype(np.uint16) * 16) for frame in colours]
    elif mode == "LAB":
        pictures = [Image.frombytes("LAB", (50, 36), frame.tobytes()) for frame in colours]
    else:
        pictures = [Image.fromarray(frame).convert(mode) for frame in colours]
    (tmp_path / "frames").mkdir()
    for number, picture in enumerate(pictures):
        stored = picture.convert("RGB") if mode == "HSV" else picture  # no file keeps HSV
        stored.save(tmp_path / "frames" / f"{number}.{MODES[mode]}")
    expected = predictor.predict(tmp_path / "frames").scores
    for given in (pictures, iter(pictures)):
        np.testing.assert_allclose(predictor.predict(given).scores, expected, atol=1e-6)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_pictures_turn_as_their_files_do(folder, tmp_path, ending):
    predictor = Predictor(folder / "drawn", device="cpu", precision="fp32")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by a quarter
    for number, frame in enumerate(np.random.default_rng(8).integers(0, 256, (9, 36, 50, 3))):
        picture = Image.fromarray(frame.astype(np.uint8))
        picture.save(tmp_path / f"{number}.{ending}", exif=exif)
    opened = [Image.open(path) for path in sorted(tmp_path.iterdir())]
    expected = predictor.predict(tmp_path).scores
    np.testing.assert_allclose(predictor.predict(opened).scores, expected, atol=1e-6)
    frames = open_reader(tmp_path).read(range(9))
    assert frames.shape == (9, 50, 36, 3)
    for row, again in zip(
        predictor.stream(frames, frame_rate=9.0), predictor.stream(opened, frame_rate=9.0),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(again.scores, row.scores, atol=1e-6)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pictures_of_32_bits_are_refused_as_files(predictor, mode):
    with pytest.raises(VideoError, match=r"frame 0 of frames in memory: its pixels are 32-bit"):
        predictor.predict([Image.new(mode, (20, 20))] * 9)


def test_a_damaged_picture_is_a_broken_frame(predictor):
    out = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(out, "PNG")
    picture = Image.open(io.BytesIO(out.getvalue()[:900]))
    with pytest.raises(VideoError, match="frame 0 of frames in memory: this image cannot be read"):
        predictor.predict([picture])


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf")])
def test_rates_are_positive(predictor, rate):
    frames = np.zeros((9, 32, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="frame_rate is"):
        predictor.predict(frames, frame_rate=rate)
    with pytest.raises(ValueError, match="frame_rate is"):
        predictor.stream(frames, frame_rate=rate)


def test_a_rate_is_for_frames_in_memory(predictor, folder):
    with pytest.raises(ValueError, match="for paths give it to Predictor"):
        predictor.predict(folder / "long.ts", frame_rate=25.0)


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_channels_are_those_of_the_model(predictor, channels):
    frames = np.zeros((20, 32, 48, channels), np.uint8)
    with pytest.raises(VideoError, match=f"{channels} channels, the model reads 3"):
        predictor.predict(frames)
    with pytest.raises(VideoError, match=f"{channels} channels, the model reads 3"):
        list(predictor.stream(frames, frame_rate=25.0))


@pytest.mark.parametrize(("wanted", "channels"), [(1, 3), (3, 1), (1, 1), (3, 3)])
def test_grey_and_colour_become_each_other_in_memory_and_in_files(tmp_path, wanted, channels):
    grey = np.random.default_rng(5).integers(0, 256, (20, 36, 50, 1), dtype=np.uint8)
    frames = grey.repeat(channels, axis=3)
    saved_classifier(tmp_path / "model", channels=wanted)
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32")
    np.save(tmp_path / "a.npy", frames)
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame.squeeze()).save(tmp_path / "frames" / f"{number}.png")
    expected = predictor.predict(grey.repeat(wanted, axis=3)).scores
    for given in (frames, iter(frames), tmp_path / "a.npy", tmp_path / "frames"):
        np.testing.assert_allclose(predictor.predict(given).scores, expected, atol=1e-6)
    rows = list(predictor.stream(frames, frame_rate=10.0, window_seconds=1.0))
    line = compute_timeline(
        Predictor(tmp_path / "model", device="cpu", precision="fp32", frame_rate=10.0),
        expand_inputs([tmp_path / "a.npy"])[0],
        TimelineConfig(window_seconds=1.0),
    )
    check_same(rows, line)


def test_colour_becomes_the_grey_of_pillow():
    frames = np.random.default_rng(6).integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    grey = fit_channels("", frames, 1)
    for frame, expected in zip(grey, frames, strict=True):
        np.testing.assert_array_equal(frame[..., 0], Image.fromarray(expected).convert("L"))


def test_windows_closer_than_frames_are_refused(predictor):
    frames = np.zeros((40, 32, 48, 3), np.uint8)
    with pytest.raises(VideoError, match=r"choose --hop-seconds 0\.04 or more"):
        list(predictor.stream(frames, frame_rate=25.0, hop_seconds=0.01))


def test_wrong_limits_are_refused(predictor, folder):
    with pytest.raises(ConfigError, match="--max-seconds -1 cannot work"):
        predictor.stream(folder / "long.ts", max_seconds=-1)
    with pytest.raises(ConfigError, match="--hop-seconds 0 cannot work"):
        predictor.stream(folder / "long.ts", hop_seconds=0)
    with pytest.raises(VideoError, match="there is no camera /dev/video98"):
        list(predictor.stream(98))
    with pytest.raises(VideoError, match="there is no such file"):
        predictor.stream(folder / "gone.ts")
