"""Other channels than three, and videos that cannot be read."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.pretrain_runs import losses, small_run, small_videos
from videomae2.commands.train.pretrain import pretrain
from videomae2.errors import NonFiniteLossError, TooManyUnreadableError
from videomae2.models.weights.resolve import load_autoencoder


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


@pytest.mark.parametrize("channels", [1, 5])
def test_other_numbers_of_channels_train(tmp_path, channels):
    (tmp_path / "arrays").mkdir()
    draw = np.random.default_rng(0)
    for number in range(8):
        clip = draw.integers(0, 256, (12, 40, 48, channels), dtype=np.uint8)
        np.save(tmp_path / "arrays" / f"{number}.npy", clip)
    pretrain(with_channels(tmp_path / "arrays", tmp_path / "run", channels))
    model, card = load_autoencoder(tmp_path / "run", torch.device("cpu"))
    assert model.cubes.channels == len(card.mean) == channels


def with_channels(videos, out, channels):
    run = small_run(videos, out)
    statistics = {"mean": (0.5,) * channels, "std": (0.2,) * channels}
    model = replace(run.model, encoder=replace(run.model.encoder, channels=channels))
    return replace(run, model=model, data=replace(run.data, **statistics))


def test_video_files_can_be_read_in_grey(videos, tmp_path):
    pretrain(with_channels(videos, tmp_path / "run", 1))
    assert not (tmp_path / "run" / "unreadable.jsonl").exists()


def test_video_files_of_too_few_channels_are_refused_in_words(videos, tmp_path):
    with pytest.raises(TooManyUnreadableError, match="frames have 3 channels, the model reads 5"):
        pretrain(with_channels(videos, tmp_path / "run", 5))


def test_a_run_that_could_read_nothing_is_an_error(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.mp4").write_text("this is no video")
    run = small_run(folder, tmp_path / "run")
    run = replace(run, data=replace(run.data, max_unreadable_share=1.0))
    with pytest.raises(
        NonFiniteLossError, match=r"nothing was learnt: 3 steps .*no readable video"
    ):
        pretrain(run)


def test_broken_files_in_parts_of_one_video_skip_no_step(tmp_path):
    folder = small_videos(tmp_path / "videos")
    sorted(folder.rglob("*.mp4"))[3].write_bytes(b"")
    run = small_run(folder, tmp_path / "run")
    pretrain(replace(run, optim=replace(run.optim, micro_batch_size=1)))
    assert (tmp_path / "run" / "unreadable.jsonl").exists()
    assert all(loss is not None for loss, _ in losses(tmp_path / "run").values())
