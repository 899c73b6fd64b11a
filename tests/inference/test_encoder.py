"""What people use in Python: load, read_clip, embed, a module to train."""

import numpy as np
import pytest
import torch

import videomae2 as vm
from tests.helpers.brightness_classifier import FRAMES, STRIDE, levels, save_rigged, write_levels
from videomae2.models.classifier import Classifier

RAMP = levels(*((1, value) for value in range(100, 220, 3)))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return vm.load(save_rigged(tmp_path_factory.mktemp("model")), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_levels(tmp_path_factory.mktemp("video") / "ramp.mp4", RAMP)


@pytest.mark.parametrize(
    ("options", "first"),
    [({}, (40 - 8) // 2), ({"start": 0.4}, 10), ({"start": 0.0}, 0)],
)
def test_a_clip_has_the_frames_that_are_wanted(video, options, first):
    clip = vm.read_clip(video, frames=4, stride=2, **options)
    assert clip.shape == (4, 32, 48, 3)
    assert clip.dtype == np.uint8
    np.testing.assert_allclose(
        clip[:, 0, 0, 0], [RAMP[first + 2 * step] for step in range(4)], atol=2
    )


def test_a_clip_behind_the_end_repeats_the_last_frame(video):
    clip = vm.read_clip(video, frames=4, stride=10, start=1.2, gray=True)
    assert clip.shape == (4, 32, 48, 1)
    assert (clip[1:] == clip[1]).all()
    with pytest.raises(vm.ConfigError, match=r"start is 1.6, and .* is of 0 to 1.56 s"):
        vm.read_clip(video, start=1.6)


def test_features_are_what_the_classifier_s_head_reads(encoder, video, tmp_path):
    clip = vm.read_clip(video, frames=FRAMES, stride=STRIDE)
    classifier = vm.load_classifier(encoder.frozen.path, device="cpu", precision="fp32")
    clips = encoder.prepare(clip)
    task = classifier.classifier.task
    model: Classifier = task.model
    wanted = model.forward_features(task.normalize.split(clips, model.cubes))[0]
    np.testing.assert_allclose(encoder.embed(clip), wanted.detach().numpy(), atol=1e-6)
    scores = classifier.module(clips)
    np.testing.assert_allclose(
        scores.softmax(1).detach().numpy(), classifier.score_clips(clips), atol=1e-6
    )


def test_several_clips_are_embedded_as_each_is(encoder, video):
    clips = np.stack([vm.read_clip(video, frames=FRAMES, stride=1, start=s) for s in (0.0, 1.2)])
    together = encoder.embed(torch.from_numpy(clips))
    assert together.shape == (2, encoder.dim)
    np.testing.assert_allclose(together, [encoder.embed(clip) for clip in clips], atol=1e-6)


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (np.zeros((FRAMES, 8, 8, 3), np.float32), "a clip is float32"),
        (np.zeros((8, 8, 3), np.uint8), r"wanted uint8 \[frames, height"),
        (np.zeros((FRAMES + 1, 8, 8, 3), np.uint8), "5 frames of 3 channels, the model reads 4"),
        (np.zeros((FRAMES, 8, 8, 1), np.uint8), "4 frames of 1 channels"),
        (np.zeros((0, FRAMES, 8, 8, 3), np.uint8), r"\[0, 4"),
    ],
)
def test_a_clip_of_another_kind_is_refused(encoder, clip, message):
    with pytest.raises(ValueError, match=message):
        encoder.embed(clip)


def test_the_module_trains_and_embed_follows(tmp_path, video):
    encoder = vm.load(save_rigged(tmp_path / "model"), device="cpu", precision="fp32")
    clip = vm.read_clip(video, frames=FRAMES, stride=STRIDE)
    before = encoder.embed(clip)
    assert not any(parameter.requires_grad for parameter in encoder.module.parameters())
    module = encoder.module.requires_grad_().train()
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(4):
        loss = (module(encoder.prepare(clip)) - 1).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert not np.array_equal(encoder.embed(clip), before)
