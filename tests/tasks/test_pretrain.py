"""One step of pre-training: what is counted, what is refused, and that nothing waits."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.host_syncs import Crossings
from tests.helpers.models import small_config, small_model
from videomae2.models.autoencoder import Autoencoder
from videomae2.tasks.pretrain import (
    MaskingConfig,
    PretrainTask,
    compute_pixel_loss,
    count_tokens,
    draw_split,
)
from videomae2.tensors import masks
from videomae2.tensors.clips import Clips
from videomae2.tensors.normalization import Normalization

MASKINGS = {
    "released": {},
    "V1": {"decoder": "none"},
    "lean": {"decoder_queries": "hidden_only"},
    "25 %": {"decoder_mask_ratio": 0.25},
    "75 %": {"decoder_mask_ratio": 0.75},
    "random decoder": {"decoder": "random"},
    "frame decoder": {"decoder": "frame"},
    "lean frame decoder": {"decoder": "frame", "decoder_queries": "hidden_only"},
    "loss on decoded": {"loss_tokens": "decoded"},
    "random both": {"encoder": "random", "decoder": "random"},
    "random encoder": {"encoder": "random"},
    "frame encoder": {"encoder": "frame"},
    "plain pixels": {"normalize_target": False},
}


def _task(**masking):
    return PretrainTask(small_model(), MaskingConfig(encoder_mask_ratio=0.75, **masking))


def _clips(batch=3, seed=0, weights=None):
    generator = torch.Generator().manual_seed(seed)
    return Clips(
        torch.randint(0, 256, (batch, 8, 32, 32, 3), dtype=torch.uint8, generator=generator),
        torch.randint(0, 2**60, (batch,), generator=generator),
        torch.ones(batch) if weights is None else torch.tensor(weights),
    )


# ---- every kind of masking


@pytest.mark.parametrize("kind", MASKINGS)
def test_every_masking_trains(kind):
    task = _task(**MASKINGS[kind])
    loss, _, figures = task(_clips())
    assert torch.isfinite(loss)
    assert loss > 0
    assert set(figures) == {"spread"}
    assert not figures["spread"].requires_grad
    loss.backward()
    for name, weight in task.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.any(), name


@pytest.mark.parametrize("kind", MASKINGS)
def test_announced_counts_are_the_real_ones(kind):
    masking = MaskingConfig(encoder_mask_ratio=0.75, **MASKINGS[kind])
    counts = count_tokens(masking, (8, 4, 6))
    split = draw_split(masking, (8, 4, 6), 5, torch.arange(5))
    assert split.visible.shape == (5, counts.visible)
    assert split.queries.shape == (5, counts.queries)
    assert split.num_loss_tokens == counts.num_loss_tokens
    assert counts.embedded == counts.visible


@pytest.mark.parametrize("kind", MASKINGS)
def test_the_loss_is_over_the_cubes_it_should_be_over(kind):
    """From the masks themselves: decoded, and hidden unless all decoded ones count."""
    masking = MaskingConfig(encoder_mask_ratio=0.75, **MASKINGS[kind])
    shape, keys = (8, 4, 4), torch.arange(4)
    split = draw_split(masking, shape, 4, keys)
    hidden = masks.hide(masking.encoder, shape, 0.75, batch=4, rng=keys)
    counted = hidden
    if masking.decoder != "none":
        ratio = masking.decoder_mask_ratio
        dropped = masks.drop(masking.decoder, shape, ratio, batch=4, rng=keys)
        counted = ~dropped if masking.loss_tokens == "decoded" else hidden & ~dropped
    weight = torch.ones(split.loss_tokens.shape) if split.weight is None else split.weight
    found = torch.zeros(hidden.shape).scatter_(1, split.loss_tokens, weight)
    assert torch.equal(found.bool(), counted)
    assert torch.equal(split.visible.sort(dim=1).values, (~hidden).nonzero()[:, 1].view(4, -1))


def test_a_batch_whose_clips_differ_in_what_is_scored_is_weighted_by_cubes():
    task = _task(encoder="random", decoder="random")
    clips = _clips(batch=4)
    split = draw_split(task.masking, task.model.cubes.grid, 4, clips.keys)
    predicted, target = task.predict(clips, split)
    assert len(split.weight.sum(dim=1).unique()) > 1
    error = (predicted - target).square().mean(dim=2)[split.weight.bool()]
    torch.testing.assert_close(task(clips)[0], error.mean())


# ---- lean


def test_lean_and_exact_agree_where_the_decoder_cannot_tell():
    """Without attention between queries nothing is left that could differ."""
    exact, lean = _task(), _task(decoder_queries="hidden_only")
    for task in (exact, lean):
        for block in task.model.decoder.blocks:
            torch.nn.init.zeros_(block.attn.proj.weight)
    clips = _clips()
    torch.testing.assert_close(exact(clips)[0], lean(clips)[0], rtol=1e-6, atol=0)


def test_lean_is_another_definition_of_the_decoder():
    assert not torch.allclose(
        _task()(_clips())[0], _task(decoder_queries="hidden_only")(_clips())[0]
    )


# ---- clips that count


@pytest.mark.parametrize("masking", [{}, {"encoder": "random"}])
def test_a_clip_of_weight_0_counts_as_if_it_were_not_there(masking):
    task, clips = _task(**masking), _clips(batch=3, weights=[1.0, 0.0, 1.0])
    loss = task(clips)[0]
    loss.backward()
    found = {name: weight.grad.clone() for name, weight in task.named_parameters()}
    task.zero_grad()
    rest = torch.tensor([0, 2])
    alone = task(Clips(clips.pixels[rest], clips.keys[rest], torch.ones(2)))[0]
    alone.backward()
    torch.testing.assert_close(loss, alone, rtol=1e-6, atol=0)
    for name, weight in task.named_parameters():
        torch.testing.assert_close(found[name], weight.grad, rtol=1e-4, atol=1e-7)


def test_nothing_counts_if_no_clip_can_be_read():
    task = _task()
    loss, count, _ = task(_clips(batch=2, weights=[0.0, 0.0]))
    loss.backward()
    assert loss == count == 0
    assert not any(weight.grad.any() for weight in task.parameters())


@pytest.mark.parametrize("masking", [{}, {"encoder": "random"}])
def test_the_count_is_of_cubes_in_the_loss(masking):
    task = _task(**masking)
    one, other = (task(_clips(batch=2, weights=w)) for w in ([1.0, 0.0], [0.0, 1.0]))
    loss, count, _ = task(_clips(batch=2))
    assert count == one[1] + other[1]
    torch.testing.assert_close(loss * count, one[0] * one[1] + other[0] * other[1])


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_pixel_loss_is_the_weighted_mean(batch, scored, seed):
    generator = torch.Generator().manual_seed(seed)
    predicted, target = torch.randn(2, batch, scored, 6, generator=generator)
    weight = torch.randint(0, 2, (batch, scored), generator=generator).float()
    clip_weights = torch.randint(0, 2, (batch,), generator=generator).float()
    errors = [
        ((predicted[b, s] - target[b, s]) ** 2).mean().item()
        for b in range(batch)
        for s in range(scored)
        if weight[b, s] and clip_weights[b]
    ]
    loss = compute_pixel_loss(predicted, target, weight, clip_weights)
    want = sum(errors) / len(errors) if errors else 0.0
    assert loss.item() == pytest.approx(want, rel=1e-5)
    none = compute_pixel_loss(predicted, target, torch.ones(batch, scored), clip_weights)
    torch.testing.assert_close(compute_pixel_loss(predicted, target, None, clip_weights), none)


def test_the_loss_of_half_precision_answers_is_computed_in_fp32():
    predicted = torch.full((1, 1, 4), 300.0, dtype=torch.float16)  # its square is not finite there
    loss = compute_pixel_loss(predicted, torch.zeros(1, 1, 4), None, torch.ones(1))
    assert loss.dtype == torch.float32
    assert loss == 90000


# ---- draws


def test_a_clips_part_does_not_depend_on_its_place_in_the_batch():
    task, clips = _task(), _clips(batch=4)
    order = torch.tensor([2, 0, 3, 1])
    shape = task.model.cubes.grid
    split = draw_split(task.masking, shape, 4, clips.keys)
    mixed = draw_split(task.masking, shape, 4, clips.keys[order])
    assert torch.equal(mixed.visible, split.visible[order])
    assert torch.equal(mixed.queries, split.queries[order])


def test_the_loss_is_a_function_of_clips_and_keys():
    task, clips = _task(), _clips()
    torch.manual_seed(0)
    first = task(clips)[0]
    torch.manual_seed(1)
    assert torch.equal(first, task(clips)[0])
    other = Clips(clips.pixels, clips.keys + 1, clips.weights)
    assert not torch.equal(first, task(other)[0])


def test_training_on_one_batch_lowers_its_loss():
    task, clips = _task(), _clips()
    optimizer = torch.optim.AdamW(task.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss, _, _ = task(clips)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


# ---- no waiting for the device


@pytest.mark.parametrize("kind", MASKINGS)
def test_masks_and_splits_stay_on_the_device(kind):
    """On a device that holds no numbers, whatever looks at one would fail."""
    masking = MaskingConfig(encoder_mask_ratio=0.75, **MASKINGS[kind])
    keys = torch.empty(5, dtype=torch.int64, device="meta")
    with Crossings() as crossings:
        split = draw_split(masking, (8, 4, 4), 5, keys)
    counts = count_tokens(masking, (8, 4, 4))
    assert split.visible.is_meta
    assert split.visible.shape == (5, counts.visible)
    assert split.queries.shape == (5, counts.queries)
    assert crossings.found == []


@pytest.mark.parametrize("kind", ["released", "lean", "V1", "random both"])
def test_a_whole_step_needs_no_number_on_the_host(kind):
    masking = MaskingConfig(encoder_mask_ratio=0.75, **MASKINGS[kind])
    config = small_config({"drop_path": 0.5}, drop_path=0.5)
    task = PretrainTask(Autoencoder(config), masking).to("meta").train()
    clips = Clips(
        torch.empty(3, 8, 32, 32, 3, dtype=torch.uint8, device="meta"),
        torch.empty(3, dtype=torch.int64, device="meta"),
        torch.empty(3, device="meta"),
    )
    with Crossings() as crossings:
        loss, _, _ = task(clips)
        loss.backward()
    assert crossings.found == []
    assert loss.is_meta
    assert all(weight.grad.shape == weight.shape for weight in task.parameters())


@pytest.mark.slow
@pytest.mark.timeout(400)  # seven compilations
def test_a_step_compiles_into_one_graph_and_gives_the_same():
    """In a process of its own: the type checks of the tests cannot be traced."""
    program = [sys.executable, "-m", "tests.tasks.compiled_step"]
    root = Path(__file__).parents[2]
    done = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["same"] * 7


# ---- errors


@pytest.mark.parametrize(
    ("masking", "message"),
    [
        (
            {"encoder_mask_ratio": 0.01},
            "tube masking at ratio 0.01 picks 0 of 16; ratios from 0.0625",
        ),
        ({"encoder_mask_ratio": 1.0}, "tube masking at ratio 1.0 picks 16 of 16"),
        ({"decoder_mask_ratio": 0.1}, "running-cell masking at ratio 0.1 picks 0 of 4"),
        (
            {"decoder": "frame", "decoder_mask_ratio": 0.1},
            "frame masking of the decoder at ratio 0.1",
        ),
        (
            {"decoder": "none", "loss_tokens": "decoded"},
            "loss_tokens 'decoded' has no effect without decoder",
        ),
        (
            {"decoder": "none", "decoder_queries": "hidden_only"},
            "decoder_queries 'hidden_only' has no effect without decoder",
        ),
        (
            {"loss_tokens": "decoded", "decoder_queries": "hidden_only"},
            "leaves out what loss_tokens 'decoded' counts",
        ),
        (
            {"decoder": "random", "decoder_queries": "hidden_only"},
            "'tube' with decoder masking 'random' does not",
        ),
    ],
)
def test_maskings_that_cannot_work_say_why(masking, message):
    with pytest.raises(ValueError, match=message):
        PretrainTask(Autoencoder(small_config()), MaskingConfig(**masking))


def test_odd_grids_are_refused_before_any_work():
    model = Autoencoder(small_config(height=24))
    with pytest.raises(ValueError, match="do not tile 3x4 cubes"):
        PretrainTask(model, MaskingConfig(encoder_mask_ratio=0.5))


@pytest.mark.parametrize("statistics", [{}, {"mean": (0.5, 0.5)}, {"mean": (0.5,), "std": (1.0,)}])
def test_statistics_must_be_those_of_the_channels(statistics):
    model = Autoencoder(small_config(channels=2 if statistics else 12))
    masking, normalization = MaskingConfig(encoder_mask_ratio=0.5), Normalization(**statistics)
    with pytest.raises(ValueError, match="give one of each for every channel"):
        PretrainTask(model, masking, normalization=normalization)


def test_clips_of_another_size_are_refused():
    clips = _clips()
    small = Clips(clips.pixels[:, :, :16], clips.keys, clips.weights)
    with pytest.raises(ValueError, match=r"clips are \(8, 16, 32, 3\), want \(8, 32, 32, 3\)"):
        _task()(small)


def test_one_pixel_has_no_deviation_to_be_z_scored_by():
    config = small_config(frames=4, height=4, width=4, patch_size=1, tubelet_size=1)
    with pytest.raises(ValueError, match="a patch or a tubelet of 2 would work, or plain pixels"):
        PretrainTask(Autoencoder(config), MaskingConfig(encoder_mask_ratio=0.75))
    plain = MaskingConfig(encoder_mask_ratio=0.75, normalize_target=False)
    task = PretrainTask(Autoencoder(config), plain)
    clips = Clips(torch.zeros(2, 4, 4, 4, 3, dtype=torch.uint8), torch.arange(2), torch.ones(2))
    assert torch.isfinite(task(clips)[0])
    for changes in ({"patch_size": 2, "tubelet_size": 1}, {"patch_size": 1, "tubelet_size": 2}):
        model = Autoencoder(small_config(frames=4, height=4, width=4, **changes))
        assert torch.isfinite(PretrainTask(model, MaskingConfig(encoder_mask_ratio=0.75))(clips)[0])
