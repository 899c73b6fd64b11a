"""The package against slow, obvious restatements of the released code."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.official_names import from_official, to_official
from tests.reference import released_code as released
from tests.reference.golden_files import compute
from videomae2.data.views import crops
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.layers import Block
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, compute_pixel_loss
from videomae2.tensors import grid, masks, pixels, pos_embed, tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes

few = settings(max_examples=30)


def _keys(count):
    return torch.randint(-(2**62), 2**62, (count,), generator=torch.Generator().manual_seed(count))


# ---- masks


@few
@given(st.tuples(st.integers(1, 9), st.integers(1, 15), st.integers(2, 15)), st.floats(0.02, 0.999))
def test_tubes_hide_as_many_cells_as_the_released_ones(shape, ratio):
    theirs = released.tube_mask(shape, ratio, np.random.default_rng(0))
    if not theirs.any():
        with pytest.raises(ValueError, match="would work"):
            masks.hide("tube", shape, ratio, batch=1, rng=_keys(1))
        return
    ours = masks.hide("tube", shape, ratio, batch=3, rng=_keys(3))
    assert (ours.sum(dim=1) == int(theirs.sum())).all()
    assert masks.count_hidden("tube", shape, ratio) == theirs.sum()
    assert torch.equal(ours.unflatten(1, (shape[0], -1)).all(dim=1).sum(dim=1) * shape[0],
                       ours.sum(dim=1))  # fmt: skip


@pytest.mark.parametrize("ratio", [0.25, 0.3, 0.5, 0.6, 0.75, 0.99])
@pytest.mark.parametrize("shape", [(8, 14, 14), (8, 16, 16), (5, 2, 6), (1, 4, 2), (2, 2, 2)])
def test_running_cells_are_the_four_released_maps(shape, ratio):
    theirs = torch.tensor(np.stack(released.running_cell_masks(shape, ratio))).flatten(1).bool()
    assert torch.equal(masks.build_running_cell_maps(shape, ratio), theirs)
    drawn = masks.drop("running-cell", shape, ratio, batch=64, rng=_keys(64))
    kinds = {tuple(row) for row in drawn.tolist()}
    assert kinds == {tuple(row) for row in theirs.tolist()}  # all of them and no other


# ---- pixels and positions


@pytest.mark.parametrize(("channels", "patch", "tubelet"), [(3, 4, 2), (1, 3, 1), (5, 2, 3)])
@pytest.mark.parametrize("per_cube", [True, False])
def test_the_target_is_the_released_one(channels, patch, tubelet, per_cube):
    rng = np.random.default_rng(patch)
    clip = rng.integers(0, 256, (channels, 6, 12, 24), dtype=np.uint8)
    clip[:, :tubelet, :patch, :patch] = 77  # a cube without any contrast
    want = released.target(clip, patch, tubelet, normalised=per_cube)
    cubes = Cubes(
        frames=6, height=12, width=24, tubelet_size=tubelet, patch_size=patch, channels=channels
    )
    clips = torch.tensor(clip).permute(1, 2, 3, 0)[None]
    got = pixels.compute_target(
        grid.split(clips, cubes), channels=channels, normalize_target=per_cube
    )
    np.testing.assert_allclose(got[0, 1:], want[1:], atol=5e-6)
    flat = 77 / 255 if not per_cube else 0.0  # rounding of the mean over 1e-6 may show
    np.testing.assert_allclose(got[0, 0], flat, atol=0.2)


@pytest.mark.parametrize(("count", "dim"), [(1, 2), (50, 24), (7, 5), (200, 96)])
def test_the_sinusoid_is_the_released_one(count, dim):
    assert torch.equal(pos_embed.build_sinusoid(count, dim), released.sinusoid(count, dim))


# ---- model


BASE = {
    "frames": 8, "patch": 8, "tubelet": 2, "dim": 24, "depth": 2, "heads": 3, "decoder_dim": 16,
    "decoder_depth": 2, "decoder_heads": 2, "mlp_ratio": 4, "encoder_ratio": 0.75,
    "decoder_ratio": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("layer_scale", [False, True])
@pytest.mark.parametrize("asked", [11, 4, 1])
def test_a_block_is_the_explicit_one(cosine, layer_scale, asked):
    config = BASE | {"cosine": cosine, "layer_scale": layer_scale}
    weights = released.random_weights(config, 1)
    own = {n[17:]: w for n, w in weights.items() if n.startswith("encoder.blocks.1.")}
    ours = Block(24, 3, 96, init_values=float(layer_scale), cosine=cosine)
    ours.load_state_dict(own)
    x = torch.randn(2, 11, 24, generator=torch.Generator().manual_seed(0))
    want = released.block(x, weights, "encoder.blocks.1", 3, cosine=cosine)
    torch.testing.assert_close(ours(x, asked), want[:, -asked:], atol=1e-5, rtol=1e-5)


def test_cosine_attention_is_clamped_where_the_released_one_is():
    weights = released.random_weights(BASE | {"cosine": True}, 1)
    own = {n[17:]: w for n, w in weights.items() if n.startswith("encoder.blocks.0.")}
    own["attn.scale"] += 10
    ours = Block(24, 3, 96, cosine=True)
    ours.load_state_dict(own)
    x = torch.randn(2, 11, 24, generator=torch.Generator().manual_seed(0))
    want = released.block(x, weights, "encoder.blocks.0", 3, cosine=True)
    torch.testing.assert_close(ours(x, 11), want, atol=1e-5, rtol=1e-5)


def _task(config, height, width, **masking):
    encoder = EncoderConfig(
        height=height, width=width,
        frames=config["frames"], patch_size=config["patch"], tubelet_size=config["tubelet"],
        embed_dim=config["dim"], depth=config["depth"], num_heads=config["heads"],
        mlp_ratio=float(config["mlp_ratio"]),
    )  # fmt: skip
    decoder = DecoderConfig(
        depth=config["decoder_depth"],
        embed_dim=config["decoder_dim"],
        num_heads=config["decoder_heads"],
    )
    model = Autoencoder(AutoencoderConfig(encoder=encoder, decoder=decoder))
    masking = {"encoder_mask_ratio": config["encoder_ratio"], **masking}
    return PretrainTask(model, MaskingConfig(**masking))


@pytest.mark.parametrize(
    ("changes", "height", "width", "masking"),
    [
        ({}, 32, 32, {}),
        ({"decoder_ratio": 0.75, "decoder_depth": 1}, 16, 48, {"decoder_mask_ratio": 0.75}),
        ({"decoder_ratio": 0.0}, 32, 24, {"decoder": "none"}),
        ({"frames": 6}, 32, 32, {}),  # 3 time slots: clips differ in what is scored
    ],
)
def test_the_whole_step_is_the_released_one(changes, height, width, masking):
    """Loss and every gradient, through the splits that training uses."""
    config = BASE | changes
    want = compute(config, height=height, width=width, batch=3, seed=5)
    task = _task(config, height, width, **masking)
    model, cubes = task.model, task.model.cubes
    state = {n[6:]: v for n, v in want.items() if n.startswith("state.")}
    model.load_state_dict(from_official(state, cubes))
    hidden, dropped = want["encoder_hidden"], want["decoder_dropped"]
    hidden_count = int(hidden[0].sum())
    if "decoder" in masking:
        split = tokens.split_v1(hidden, hidden_count)
    else:
        kind = (
            config["encoder_ratio"],
            "running-cell",
            config["decoder_ratio"],
            cubes.grid,
        )
        split = tokens.split_dual(
            hidden,
            dropped,
            hidden_count=hidden_count,
            dropped_count=int(dropped[0].sum()),
            num_loss_tokens=masks.count_loss_tokens("tube", *kind),
        )
        assert (split.weight is None) == (cubes.grid[0] % 4 == 0)
    clips = Clips(
        pixels=want["clip_uint8"].permute(0, 2, 3, 4, 1).contiguous(),
        keys=torch.zeros(3, dtype=torch.int64),
        weights=torch.ones(3),
    )
    loss = compute_pixel_loss(*task.predict(clips, split), split.weight, clips.weights)
    torch.testing.assert_close(loss, want["loss"][0], rtol=1e-6, atol=0)
    loss.backward()
    gradients = to_official({n: p.grad for n, p in model.named_parameters()}, cubes)
    for name, gradient in gradients.items():
        torch.testing.assert_close(
            gradient.norm(), want[f"grad_norm.{name}"], rtol=1e-4, atol=1e-8, msg=name
        )


# ---- crops of videos


@few
@given(st.integers(16, 700), st.integers(16, 700), st.sampled_from([32, 112, 224]))
def test_multi_scale_crops_are_the_released_ones(height, width, wanted):
    sizes = crops.list_multi_scale_sizes(height, width, (wanted, wanted))
    assert sizes == released.crop_sizes(height, width, wanted)
    for size in sizes:
        ours = crops.list_crop_offsets(height, width, size)
        assert sorted(ours) == sorted(released.crop_places(height, width, *size))
