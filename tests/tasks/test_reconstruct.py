"""What a model makes of clips, in pixels."""

from dataclasses import replace

import pytest
import torch

from tests.helpers.models import MASKING, small_model
from videomae2.tasks.pretrain import (
    MaskingConfig,
    PretrainTask,
    compute_pixel_loss,
    draw_passes,
    draw_split,
)
from videomae2.tasks.reconstruct import assemble_clips, reconstruct_clips
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips

MASKINGS = [
    MASKING,
    replace(MASKING, decoder_queries="hidden_only"),
    replace(MASKING, decoder="none"),
    replace(MASKING, decoder_mask_ratio=0.75),
    replace(MASKING, decoder_mask_ratio=0.25),
    replace(MASKING, encoder="random"),
    replace(MASKING, encoder="random", decoder="random"),
    replace(MASKING, encoder="frame", decoder="frame", encoder_mask_ratio=0.5),
    replace(MASKING, decoder="frame", loss_tokens="decoded"),
    replace(MASKING, normalize_target=False),
]


@pytest.fixture(scope="module")
def model():
    return small_model().eval()


def some_clips(model, batch=3):
    cubes = model.cubes
    shape = (batch, cubes.frames, cubes.height, cubes.width, cubes.channels)
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    frames[0, :4] = 77  # also cubes without any contrast
    return Clips(frames, torch.arange(batch), torch.ones(batch))


def by_cubes(x, cubes):
    return grid.split(x, cubes)


@pytest.mark.parametrize("masking", MASKINGS, ids=str)
def test_a_perfect_decoder_with_true_statistics_gives_the_clip_back(model, masking):
    clips, cubes = some_clips(model), model.cubes
    splits = draw_passes(masking, cubes.grid, 3, clips.keys)
    plain = not masking.normalize_target
    answers = [
        pixels.compute_target(
            grid.gather(clips.pixels, split.loss_tokens, cubes),
            channels=3,
            normalize_target=not plain,
        )
        for split in splits
    ]
    found = assemble_clips(
        clips.pixels, splits, answers, cubes, statistics=None if plain else "target"
    )
    assert torch.equal(found.pixels, clips.pixels)
    assert torch.equal(found.visible, ~found.predicted)
    assert found.num_passes == len(splits)
    assert found.loss.abs().max() == 0
    assert (found.baseline > 0).all()


@pytest.mark.parametrize("masking", MASKINGS, ids=str)
def test_the_first_pass_is_the_one_of_training(model, masking):
    clips, shape = some_clips(model), model.cubes.grid
    first, trained = (
        draw_passes(masking, shape, 3, clips.keys)[0],
        draw_split(masking, shape, 3, clips.keys),
    )
    assert torch.equal(first.visible, trained.visible)
    assert torch.equal(first.queries, trained.queries)
    assert first.num_loss_tokens == trained.num_loss_tokens


@pytest.mark.parametrize("masking", MASKINGS, ids=str)
def test_every_pass_asks_as_much_as_training(model, masking):
    splits = draw_passes(masking, model.cubes.grid, 3, torch.arange(3))
    assert {s.queries.shape for s in splits} == {splits[0].queries.shape}
    assert {s.num_loss_tokens for s in splits} == {splits[0].num_loss_tokens}
    assert all(torch.equal(s.visible, splits[0].visible) for s in splits)


@pytest.mark.parametrize("statistics", ["target", "visible"])
@pytest.mark.parametrize("masking", MASKINGS, ids=str)
def test_visible_cubes_are_copied_to_the_bit_and_the_loss_is_that_of_training(
    model, masking, statistics
):
    clips, cubes = some_clips(model), model.cubes
    task = PretrainTask(model, masking).eval()
    found = reconstruct_clips(task, clips, statistics=statistics)
    got, want = by_cubes(found.pixels, cubes), by_cubes(clips.pixels, cubes)
    assert torch.equal(got[found.visible], want[found.visible])
    assert not torch.equal(got[found.predicted], want[found.predicted])
    split = draw_split(masking, cubes.grid, 3, clips.keys)
    with torch.no_grad():
        predicted, target = task.predict(clips, split)
    for number in range(3):
        weight = None if split.weight is None else split.weight[number : number + 1]
        one = slice(number, number + 1)
        loss = compute_pixel_loss(predicted[one], target[one], weight, torch.ones(1))
        torch.testing.assert_close(found.loss[number], loss)


def test_hidden_pixels_change_nothing_where_statistics_come_from_the_surroundings(model):
    clips = some_clips(model)
    task = PretrainTask(model, MASKING).eval()
    found = reconstruct_clips(task, clips, statistics="visible")
    cubes = by_cubes(clips.pixels, model.cubes)
    other = torch.where(found.visible[:, :, None], cubes, 255 - cubes)
    changed = Clips(grid.join(other, model.cubes), clips.keys, clips.weights)
    again = reconstruct_clips(task, changed, statistics="visible")
    assert torch.equal(found.pixels, again.pixels)
    assert not torch.equal(found.pixels, reconstruct_clips(task, clips, statistics="target").pixels)


def test_true_tones_are_told_apart_from_what_uses_nothing_hidden(model):
    task = PretrainTask(model, MASKING).eval()
    clips = some_clips(model)
    honest = reconstruct_clips(task, clips, statistics="visible")
    truth = reconstruct_clips(task, clips, statistics="target")
    assert torch.equal(honest.oracle_pixels, truth.pixels)
    assert not torch.equal(honest.oracle_pixels, honest.pixels)
    plain = PretrainTask(model, replace(MASKING, normalize_target=False)).eval()
    assert reconstruct_clips(plain, clips, statistics="visible").oracle_pixels is None


def test_the_share_is_what_the_first_pass_answers(model):
    found = reconstruct_clips(PretrainTask(model, MASKING), some_clips(model), statistics="target")
    assert found.num_passes == 2
    assert torch.equal(found.first_pass.sum(dim=1) * 2, found.predicted.sum(dim=1))
    assert not (found.first_pass & found.visible).any()


def test_all_hidden_cubes_can_be_asked_for_at_once(model):
    clips = some_clips(model)
    task = PretrainTask(model, MASKING).eval()
    found = reconstruct_clips(task, clips, statistics="target", all_hidden=True)
    v1 = PretrainTask(model, replace(MASKING, decoder="none")).eval()
    assert found.num_passes == 1
    assert torch.equal(found.first_pass, ~found.visible)
    assert torch.equal(found.pixels, reconstruct_clips(v1, clips, statistics="target").pixels)


def test_what_no_pass_answered_stays_black(model):
    clips, cubes = some_clips(model), model.cubes
    first = draw_passes(MASKING, cubes.grid, 3, clips.keys)[:1]
    target = pixels.compute_target(
        grid.gather(clips.pixels, first[0].loss_tokens, cubes), channels=3
    )
    found = assemble_clips(clips.pixels, first, [target], cubes, statistics="target")
    unknown = ~(found.visible | found.predicted)
    assert unknown.any()
    assert (by_cubes(found.pixels, cubes)[unknown] == 0).all()


def test_the_baseline_of_z_scored_cubes_is_about_one(model):
    clips = some_clips(model)
    noisy = Clips(clips.pixels[1:], clips.keys[1:], clips.weights[1:])
    values = model.cubes.values // 3
    found = reconstruct_clips(
        PretrainTask(model, MaskingConfig(encoder_mask_ratio=0.5)), noisy, statistics="target"
    )
    torch.testing.assert_close(found.baseline, torch.full((2,), (values - 1) / values))
