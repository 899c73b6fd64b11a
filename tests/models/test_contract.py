"""What every model must do, at every size and with every option."""

from dataclasses import replace

import pytest
import torch

from tests.helpers.models import MASKING, gradients, inputs, small_config, small_model
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import SIZES, EncoderConfig, VideoEncoder
from videomae2.models.init import init_autoencoder_weights
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tensors.tokens import TokenSplit, weight_all

OPTIONS = {
    "plain": {},
    "layer scale": {"init_values": 0.1},
    "cosine attention": {"cosine_attention": True},
    "1 channel": {"channels": 1},
    "4 channels": {"channels": 4},
    "12 channels": {"channels": 12},
    "wide": {"width": 64},
    "tall": {"height": 48, "width": 16},
    "other frames and cubes": {
        "frames": 12,
        "tubelet_size": 3,
        "patch_size": 4,
        "height": 16,
        "width": 24,
    },
    "another trained grid": {"pretrained_grid": (2, 6, 6)},
    "drop path": {"drop_path": 0.5},
    "checkpointing": {"activation_checkpointing": True},
    "MLP ratio 48/11": {"mlp_ratio": 48 / 11},
}


def _complete(grads):
    return all(g is not None and torch.isfinite(g).all() and g.any() for g in grads.values())


# ---- sizes and options


@pytest.mark.parametrize("size", SIZES)
def test_every_size_answers_and_learns(size):
    shape = SIZES[size]
    side = 2 * shape.patch_size
    encoder = EncoderConfig(size=size, frames=8, height=side, width=side, depth=1)
    model = Autoencoder(AutoencoderConfig(encoder=encoder, decoder=DecoderConfig(depth=1)))
    init_autoencoder_weights(model, torch.Generator().manual_seed(0))
    visible, split = inputs(model, batch=1)
    answers = model(visible, split)
    assert answers.shape == (1, split.num_loss_tokens, 2 * shape.patch_size**2 * 3)
    assert torch.isfinite(answers).all()
    answers.square().mean().backward()
    assert _complete({name: weight.grad for name, weight in model.named_parameters()})
    features = model.encoder(visible, split.visible)
    assert features.shape == (*split.visible.shape, shape.embed_dim)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_answers_and_learns(option):
    model = small_model(**OPTIONS[option]).train()
    visible, split = inputs(model, batch=3)
    answers = model(visible, split, keys=torch.arange(3))
    assert answers.shape == (3, split.num_loss_tokens, model.cubes.values)
    assert torch.isfinite(answers).all()
    assert _complete(gradients(model, batch=8))


@pytest.mark.parametrize("option", OPTIONS)
def test_no_weight_is_left_as_it_was_found(option):
    model = Autoencoder(small_config(**OPTIONS[option]))
    fresh = Autoencoder(small_config(**OPTIONS[option]))
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(torch.nan)
    init_autoencoder_weights(model, torch.Generator().manual_seed(3))
    init_autoencoder_weights(fresh, torch.Generator().manual_seed(3))
    for name, weight in model.named_parameters():
        assert torch.isfinite(weight).all(), name
        assert torch.equal(weight, fresh.get_parameter(name)), name


# ---- the same numbers by other ways


@pytest.mark.parametrize("drop_path", [0.0, 0.5])
def test_checkpointing_changes_nothing(drop_path):
    found = []
    for activation_checkpointing in (False, True):
        decoder = {"drop_path": drop_path}
        model = small_model(
            decoder, activation_checkpointing=activation_checkpointing, drop_path=drop_path
        )
        found.append(gradients(model.train(), batch=4))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_encoder_and_decoder_have_rates_of_their_own():
    encoder_alone, decoder_alone, neither = (
        gradients(small_model({"drop_path": decoder}, drop_path=encoder).train(), batch=4)
        for encoder, decoder in ((0.9, 0.0), (0.0, 0.9), (0.0, 0.0))
    )
    name = "decoder.blocks.1.mlp.fc2.bias"
    assert not torch.allclose(decoder_alone[name], neither[name], rtol=0.01)
    assert not torch.allclose(encoder_alone[name], decoder_alone[name], rtol=0.01)


@pytest.mark.parametrize("cosine", [False, True])
def test_the_trimmed_last_block_equals_the_whole_one(cosine):
    model = small_model(cosine_attention=cosine)
    visible, split = inputs(model)
    trimmed, whole = model(visible, split), model(visible, weight_all(split))
    assert split.num_loss_tokens < split.queries.shape[1]
    torch.testing.assert_close(trimmed, whole[:, -split.num_loss_tokens :], atol=1e-5, rtol=1e-5)


def test_the_order_of_visible_cubes_and_queries_does_not_matter():
    model = small_model()
    visible, split = inputs(model)
    shuffled = torch.randperm(split.visible.shape[1], generator=torch.Generator().manual_seed(0))
    turned = TokenSplit(split.visible[:, shuffled], split.queries.flip(1), split.queries.shape[1])
    want = model(visible, weight_all(split))
    got = model(visible[:, shuffled], turned)
    torch.testing.assert_close(got.flip(1), want, atol=1e-5, rtol=1e-5)


def test_lean_queries_differ_only_in_the_mask_tokens_that_are_left_out():
    """Lean is exact with the queries at visible places taken away; nothing else may change."""
    model = small_model()
    visible, exact = inputs(model)
    lean = inputs(model, replace(MASKING, decoder_queries="hidden_only"))[1]
    assert torch.equal(lean.loss_tokens, exact.loss_tokens)
    assert torch.equal(lean.visible, exact.visible)
    seen = exact.queries.shape[1] - exact.num_loss_tokens
    assert seen > 0
    got = model(visible, lean)
    by_hand = TokenSplit(exact.visible, exact.queries[:, seen:], exact.num_loss_tokens)
    assert torch.equal(got, model(visible, by_hand))
    assert not torch.allclose(got, model(visible, exact))  # the other queries are attended to


def test_clips_of_a_batch_do_not_see_each_other():
    model = small_model()
    visible, split = inputs(model, batch=3)
    alone = TokenSplit(split.visible[1:2], split.queries[1:2], split.num_loss_tokens)
    torch.testing.assert_close(
        model(visible[1:2], alone)[0], model(visible, split)[1], atol=1e-5, rtol=1e-5
    )


def test_bf16_autocast_is_close_to_fp32():
    for changes in ({}, {"cosine_attention": True}, {"init_values": 0.1}):
        model = small_model(**changes)
        visible, split = inputs(model)
        want = model(visible, split)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = model(visible, split)
            (got.float() - want.detach()).square().mean().backward()
        assert got.dtype == torch.bfloat16
        error = (got.float() - want).norm() / want.norm()
        assert error < 0.03
        assert _complete({name: weight.grad for name, weight in model.named_parameters()})


# ---- positions


def test_position_tables_are_no_weights_and_follow_the_model():
    model = small_model()
    assert not any("pos_embed" in name for name in model.state_dict())
    assert {name for name, _ in model.named_buffers()} == {
        "encoder.pos_embed",
        "decoder_pos_embed",
    }
    assert model.to(torch.float64).decoder_pos_embed.dtype == torch.float64


def test_a_trained_grid_brings_its_own_angles():
    """At the same resolution of another length, places seen in training keep their numbers."""
    fresh = VideoEncoder(EncoderConfig(size="tiny", frames=8, height=32, width=48)).pos_embed
    trained = VideoEncoder(
        EncoderConfig(size="tiny", frames=8, height=32, width=48, pretrained_grid=(4, 4, 4))
    ).pos_embed
    same = VideoEncoder(
        EncoderConfig(size="tiny", frames=8, height=32, width=48, pretrained_grid=(4, 4, 6))
    ).pos_embed
    assert torch.equal(same, fresh)
    assert trained.shape == fresh.shape
    assert not torch.allclose(trained, fresh, atol=0.1)


def test_the_same_cube_at_another_place_is_another_token():
    model = small_model()
    visible, split = inputs(model, batch=1)
    same = visible[:, :1].expand_as(visible)
    tokens = model.encoder(same, split.visible)[0]
    assert torch.cdist(tokens, tokens).fill_diagonal_(1).min() > 1e-3


# ---- errors


@pytest.mark.parametrize(
    ("changes", "decoder", "message"),
    [
        ({"height": 36}, {}, "height=36 does not split into cubes of 8; 32 would work"),
        ({"frames": 7}, {}, "frames=7 does not split into cubes of 2; 8 would work"),
        ({"num_heads": 5}, {}, "dim must split evenly over heads, got dim=24, heads=5"),
        ({}, {"num_heads": 5}, "dim must split evenly over heads, got dim=12, heads=5"),
        ({"depth": 0}, {}, "a depth of 1 or more, got 0"),
        ({}, {"depth": 0}, "a depth of 1 or more, got 0"),
        ({"drop_path": 1.0}, {}, "a rate from 0 to below 1, got 1.0"),
        ({"drop_path": -0.1}, {}, "a rate from 0 to below 1, got -0.1"),
        ({}, {"drop_path": 1.5}, "a rate from 0 to below 1, got 1.5"),
    ],
)
def test_models_that_cannot_be_built_say_why(changes, decoder, message):
    with pytest.raises(ValueError, match=message):
        Autoencoder(small_config(decoder, **changes))


def test_v1_masking_answers_every_hidden_cube():
    model = small_model()
    visible, split = inputs(model, MaskingConfig(encoder_mask_ratio=0.75, decoder="none"))
    assert model(visible, split).shape == (2, 48, model.cubes.values)
