"""Clips without their mean over time: in what is read, in what is rebuilt, and back to pictures."""

import pytest
import torch

from tests.helpers.classifiers import small_classifier
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig, Normalize
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, draw_split
from videomae2.tasks.reconstruct import reconstruct_clips
from videomae2.tensors import grid
from videomae2.tensors.clips import Clips
from videomae2.tensors.normalization import Normalization

MOTION = Normalization(mean=(9.0, 9.0, 9.0), std=(0.1, 0.2, 0.4), subtract="temporal-mean")
MASKING = MaskingConfig(encoder_mask_ratio=0.75, normalize_target=False)


def build_task():
    encoder = EncoderConfig(size="tiny", depth=1, frames=8, height=32, width=32, patch_size=8)
    torch.manual_seed(0)
    return PretrainTask(Autoencoder(AutoencoderConfig(encoder=encoder)), MASKING,
                        normalization=MOTION).eval()  # fmt: skip


def draw_clips(count=3):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(60, 190, (count, 8, 32, 32, 3), generator=generator, dtype=torch.uint8)
    return Clips(pixels, torch.arange(count), torch.ones(count))


def test_the_mean_over_time_of_every_place_and_channel_is_gone():
    clips = draw_clips()
    centred = Normalize(MOTION, 3).center(clips.pixels)
    torch.testing.assert_close(centred.mean(dim=1), torch.zeros(3, 32, 32, 3), atol=1e-4, rtol=0)
    assert Normalize(Normalization(), 3).center(clips.pixels) is clips.pixels


def test_what_is_read_is_in_units_of_the_deviation_and_the_mean_does_not_count():
    task, clips = build_task(), draw_clips()
    cubes = task.model.cubes
    values = grid.join(task.normalize.split(clips.pixels, cubes), cubes)
    x = clips.pixels.float() / 255
    wanted = (x - x.mean(dim=1, keepdim=True)) / torch.tensor(MOTION.std)
    torch.testing.assert_close(values, wanted)


def test_the_target_is_what_is_read():
    task, clips = build_task(), draw_clips()
    split = draw_split(MASKING, task.model.cubes.grid, 3, clips.keys)
    _, target = task.predict(clips, split)
    read = task.normalize.split(clips.pixels, task.model.cubes)
    torch.testing.assert_close(target, grid.take(read, split.loss_tokens))


@pytest.mark.parametrize("kind", ["pretrain", "classify"])
def test_what_stands_still_does_not_count(kind):
    clips = draw_clips()
    ground = torch.randint(-50, 50, (1, 1, 32, 32, 3))
    moved = Clips((clips.pixels + ground).to(torch.uint8), clips.keys, clips.weights)
    if kind == "pretrain":
        task = build_task()
        losses = [task(some)[0].item() for some in (clips, moved)]
    else:
        model = small_classifier(frames=8)
        task = ClassifyTask(model, ClassifyConfig(), normalization=MOTION).eval()
        losses = [task.predict(some).flatten().tolist() for some in (clips, moved)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("all_hidden", [False, True])
def test_a_perfect_answer_is_the_clip_itself(monkeypatch, all_hidden):
    task, clips = build_task(), draw_clips()
    monkeypatch.setattr(PretrainTask, "predict", answer_right)
    found = reconstruct_clips(task, clips, statistics="visible", all_hidden=all_hidden)
    difference = (found.pixels.int() - clips.pixels.int()).abs()
    assert difference.max() <= 1
    assert found.loss.tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    assert (found.baseline > 0).all()


def answer_right(self, clips, split):
    centred = self.normalize.center(clips.pixels)
    target = self.compute_target(grid.gather(centred, split.loss_tokens, self.model.cubes))
    return target, target


def test_what_is_centred_is_not_scored_again():
    encoder = EncoderConfig(size="tiny", depth=1, frames=8, height=32, width=32)
    model = Autoencoder(AutoencoderConfig(encoder=encoder))
    with pytest.raises(ValueError, match="set normalize_target false"):
        PretrainTask(model, MaskingConfig(), normalization=MOTION)
