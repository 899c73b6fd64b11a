"""From a run and a video to pictures and films."""

from dataclasses import asdict, replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.pretrain_runs import small_run
from tests.helpers.videos import encode
from videomae2.commands.reconstruct import (
    prepare_reconstruction,
    reconstruct,
    reconstruct_videos,
)
from videomae2.commands.reconstruct_clip import ReconstructConfig
from videomae2.config.files import save_config
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.video.reader import open_reader
from videomae2.errors import CheckpointError, ConfigError, VideoError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.init import init_autoencoder_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.models.weights.saved import save_model
from videomae2.reports.image_canvas import TextStyle, ellipsize, measure_text, wrap_text
from videomae2.reports.reconstruction_image import compose_video, compute_fps, write_image_grid
from videomae2.tasks.pretrain import MaskingConfig

TRUTH = ReconstructConfig(statistics="target")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def video(videos):
    return encode(videos / "numbers.mp4", frames=30, size=(48, 64))


def save_run(folder, videos, *, masking=None, sources=None, channels=3):
    """A run folder with an untrained checkpoint."""
    run = small_run(videos, folder)
    run = replace(run, masking=masking or MaskingConfig(encoder_mask_ratio=0.75))
    if sources is not None:
        run = replace(run, data=replace(run.data, sources=tuple(sources)))
    config = replace(run.model, encoder=replace(run.model.encoder, channels=channels))
    model = Autoencoder(config)
    init_autoencoder_weights(model, torch.Generator().manual_seed(0))
    checkpoint = folder / "checkpoints" / "step-00000003"
    checkpoint.mkdir(parents=True)
    notes = {"step": 3, "masking": asdict(run.masking)}
    card = SavedAutoencoderConfig(
        model=config, mean=(0.5,) * channels, std=(0.25,) * channels, metadata=notes
    )
    save_model(checkpoint, model.state_dict(), card)
    save_config(run, folder / "run.yaml")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, videos):
    return save_run(tmp_path_factory.mktemp("run"), videos)


def one(run, video, **how):
    return reconstruct_videos(run, [video], config=ReconstructConfig(**how), device="cpu")[0]


def write_reconstruction(run, video, **settings):
    return reconstruct(prepare_reconstruction(run, video, device="cpu", **settings))


def test_picture_and_film_are_written_and_nothing_else(run, video):
    written = write_reconstruction(run, video, frames_shown=4)
    folder = run / "reconstructions"
    names = {path.name for path in folder.iterdir()}
    assert names == {"numbers.png", "numbers.mp4", "videos.json"}
    assert written.picture.parent == written.video.parent == folder
    shown = compose_video(written.clip)
    with av.open(str(written.video)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) % 4 == 0
    assert frames[0].shape == shown[0].shape
    assert np.abs(frames[1].astype(int) - shown[1]).mean() < 3


def test_a_checkpoint_writes_beside_its_run(run, video, tmp_path):
    written = write_reconstruction(run / "checkpoints" / "step-00000003", video, frames_shown=1)
    assert written.picture.parent == run / "reconstructions"
    there = write_reconstruction(run, video, out=tmp_path / "a" / "b", frames_shown=1)
    assert there.picture == tmp_path / "a" / "b" / "numbers.png"


def test_the_clip_is_the_middle_of_the_video_at_the_stride_of_training(run, video):
    shown = one(run, video)
    first = (30 - 4 * 2 + 1) // 2
    np.testing.assert_allclose(shown.seconds, (first + 2 * np.arange(4)) / 25)
    assert (shown.video, shown.model) == (f"{video.parent.name}/numbers.mp4", "tiny, step 3")
    assert shown.original.shape == shown.reconstructed.shape == (4, 32, 32, 3)


def test_start_and_stride_can_be_chosen(run, video):
    shown = one(run, video, start=0.4, frame_interval=3)
    np.testing.assert_allclose(shown.seconds, (10 + 3 * np.arange(4)) / 25)


def test_the_clip_shows_the_frames_it_says(run, video):
    shown = one(run, video, start=0.4, frame_interval=3)
    with open_reader(video) as reader:
        frames = reader.read([10, 13, 16, 19])
    # the middle 48x48 pixels become 32x32: mean brightness stays
    for got, want in zip(shown.original, frames[:, :, 8:56], strict=True):
        assert abs(got.mean() - want.mean()) < 2


def test_a_short_video_repeats_as_in_training(run, videos):
    short = encode(videos / "short.mp4", frames=5)
    np.testing.assert_allclose(one(run, short).seconds, np.array([0, 2, 2, 2]) / 25)
    late = one(run, short, start=0.16)
    assert (late.seconds == late.seconds[0]).all()


@pytest.mark.parametrize(("unit", "stride"), [("seconds", 0.12), ("per-second", 25 / 3)])
def test_a_stride_in_seconds_is_kept(tmp_path, videos, video, unit, stride):
    source = SourceConfig(path=videos, frame_interval=stride, interval_unit=unit)
    run = save_run(tmp_path / "run", videos, sources=[source])
    np.testing.assert_allclose(np.diff(one(run, video).seconds), 0.12)
    late = one(run, video, start=0.4).seconds
    np.testing.assert_allclose(late, 0.4 + 0.12 * np.arange(4))


@pytest.fixture
def array(tmp_path):
    np.save(tmp_path / "clip.npy", np.zeros((60, 32, 32, 3), np.uint8))
    return tmp_path / "clip.npy"


def test_without_a_clock_frames_are_shown_by_number(run, array):
    shown = one(run, array, frame_interval=3)
    assert shown.seconds is None
    assert shown.indices.tolist() == [24, 27, 30, 33]
    assert (shown.format_moment(0), shown.format_moment(-1)) == ("frame 24", "frame 33")
    assert compute_fps(shown.indices, shown.seconds) == Fraction(25, 3)
    clocked = one(run, array, frame_interval=3, frame_rate=30.0)
    np.testing.assert_allclose(clocked.seconds, 0.8 + np.arange(4) / 10)
    assert clocked.format_moment(1) == "0.90 s"


def test_a_frame_rate_of_training_is_used_and_a_missing_one_asked_for(tmp_path, array):
    timed = SourceConfig(
        path=array.parent, frame_interval=10.0, interval_unit="per-second", frame_rate=30.0
    )
    run = save_run(tmp_path / "run", array.parent, sources=[timed])
    assert np.diff(one(run, array).indices).tolist() == [3, 3, 3]
    np.testing.assert_allclose(one(run, array, start=0.5).seconds[0], 0.5)
    run = save_run(tmp_path / "other", array.parent, sources=[replace(timed, frame_rate=None)])
    with pytest.raises(ConfigError, match=r"clip\.npy is .* no clock; give its --frame-rate, or a"):
        one(run, array)
    assert one(run, array, frame_interval=2).seconds is None
    with pytest.raises(ConfigError, match=r"--start counts in seconds, .* --frame-rate$"):
        one(run, array, frame_interval=2, start=0.1)


@pytest.fixture
def listed(tmp_path, video):
    """A run of two lists with strides of their own, and a video of each."""
    other = encode(tmp_path / "other.mp4", frames=30)
    for name, path in (("slow", video), ("quick", other)):
        (tmp_path / f"{name}.csv").write_text(f"{path} 0 -1\n")
    sources = [
        SourceConfig(path=tmp_path / f"{name}.csv", frame_interval=stride)
        for name, stride in (("slow", 4.0), ("quick", 2.0))
    ]
    return save_run(tmp_path / "run", tmp_path, sources=sources), video, other


def test_a_video_of_a_list_has_the_stride_of_its_list(listed):
    run, slow, quick = listed
    assert np.diff(one(run, slow).indices).tolist() == [4, 4, 4]
    assert np.diff(one(run, quick).indices).tolist() == [2, 2, 2]


def test_a_strange_video_has_no_stride_where_those_of_training_differ(listed, tmp_path):
    run, _, quick = listed
    strange = encode(tmp_path / "strange.mp4", frames=30)
    with pytest.raises(ConfigError, match=r"in none of .*\(slow: 4 frames, quick: 2 frames\)"):
        one(run, strange)
    assert np.diff(one(run, strange, frame_interval=3).indices).tolist() == [3, 3, 3]
    with (tmp_path / "slow.csv").open("a") as file:
        file.write(f"{quick} 0 -1\n")
    with pytest.raises(ConfigError, match=r"in several of .*; choose --frame-interval"):
        one(run, quick)
    (tmp_path / "slow.csv").unlink()
    with pytest.raises(ConfigError, match=r"cannot be told, choose --frame-interval: .*slow\.csv"):
        one(run, quick)


def test_seeds_draw_other_masks_and_each_video_has_its_own(run, video):
    first, second = reconstruct_videos(run, [video, video], device="cpu")
    assert not np.array_equal(first.visible, second.visible)
    assert np.array_equal(one(run, video).visible, first.visible)
    assert not np.array_equal(one(run, video, seed=1).visible, first.visible)


def test_visible_cubes_are_those_of_the_video_and_statistics_change_only_hidden_ones(run, video):
    honest, flattered = one(run, video), one(run, video, statistics="target")
    differs = (honest.reconstructed != flattered.reconstructed).any(axis=3)
    copied = (honest.reconstructed == honest.original).all(axis=3)
    visible = honest.visible.reshape(honest.cubes.grid)
    side = honest.cubes.patch_size
    pixels = visible.repeat(2, axis=0).repeat(side, axis=1).repeat(side, axis=2)
    assert copied[pixels].all()
    assert not copied[~pixels].all()
    assert differs.any()
    assert not differs[pixels].any()
    assert (honest.statistics, flattered.statistics) == ("visible", "target")
    assert honest.loss == flattered.loss


def test_several_clips_fit_on_a_sheet(run, video, tmp_path):
    clips = reconstruct_videos(run, [video] * 3, config=TRUTH, device="cpu")
    path = write_image_grid(clips, tmp_path / "sheet.png", title="x" * 500, num_frames=2)
    alone = write_image_grid(clips[:1], tmp_path / "one.png", title="One", num_frames=2)
    with Image.open(path) as sheet, Image.open(alone) as single:
        assert sheet.width > 1.8 * single.width
        assert sheet.height > 1.5 * single.height


def test_a_film_runs_as_fast_as_the_video(run, video):
    shown = one(run, video)
    assert compute_fps(shown.indices, shown.seconds) == 12.5
    assert compute_fps(shown.indices, np.zeros(4)) == 2
    assert compute_fps(shown.indices, np.arange(4) / 120) == 25
    assert compose_video(shown).shape[1] % 2 == compose_video(shown).shape[2] % 2 == 0


def test_grey_models_read_grey(tmp_path, videos, video):
    run = save_run(tmp_path / "run", videos, channels=1)
    written = write_reconstruction(run, video, frames_shown=2)
    assert written.clip.original.shape[3] == 1


@pytest.mark.parametrize(
    ("masking", "how", "said"),
    [
        ({"decoder": "none"}, ReconstructConfig(all_hidden=True), "--all-hidden changes nothing"),
        ({"normalize_target": False}, TRUTH, "--statistics target changes nothing"),
    ],
)
def test_a_choice_without_effect_is_refused(tmp_path, videos, video, masking, how, said):
    run = save_run(
        tmp_path / "run", videos, masking=MaskingConfig(encoder_mask_ratio=0.75, **masking)
    )
    with pytest.raises(ConfigError, match=said):
        reconstruct_videos(run, [video], config=how, device="cpu")


def test_wrong_choices_are_refused(run, video, tmp_path):
    with pytest.raises(ConfigError, match=r"--frames-shown is 5, this model's clips have 1..4"):
        write_reconstruction(run, video, frames_shown=5)
    with pytest.raises(ConfigError, match=r"--start is 9, and .*numbers.mp4 ends at 1.16 s"):
        one(run, video, start=9.0)
    with pytest.raises(ValueError, match=r"--start -1.0 cannot work; it wants 0 or more"):
        ReconstructConfig(start=-1.0)
    with pytest.raises(ValueError, match=r"--frame-interval 0 cannot work; it wants 1 or more"):
        ReconstructConfig(frame_interval=0)
    with pytest.raises(
        ValueError, match=r"--frame-rate 0.0 cannot work; it wants a number above 0"
    ):
        ReconstructConfig(frame_rate=0.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write to .*file.*; choose --out"):
        write_reconstruction(run, video, out=tmp_path / "file" / "x", frames_shown=2)


def test_no_run_no_video_and_other_channels_are_refused(run, video, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist; give a run folder"):
        write_reconstruction(tmp_path / "gone", video)
    with pytest.raises(VideoError, match="there is no such file"):
        write_reconstruction(run, tmp_path / "gone.mp4")
    np.save(tmp_path / "four.npy", np.zeros((9, 32, 32, 4), np.uint8))
    with pytest.raises(VideoError, match="its frames have 4 channels, the model reads 3"):
        write_reconstruction(run, tmp_path / "four.npy")


def test_text_keeps_to_its_width():
    style = TextStyle(14)
    assert ellipsize("short", 500, style) == "short"
    cut = ellipsize("a/very/long/path/to/some/video.mp4", 120, style)
    assert cut.startswith("a/")
    assert cut.endswith("mp4")
    assert "…" in cut
    assert measure_text(cut, style) <= 120
    lines = wrap_text("one two three four five six seven", 100, style)
    assert " ".join(lines) == "one two three four five six seven"
    assert all(measure_text(line, style) <= 100 for line in lines)
