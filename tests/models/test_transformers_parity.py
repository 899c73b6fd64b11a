"""V1-style pre-training gives what transformers' VideoMAE gives on the same weights."""

import pytest
import torch
from einops import rearrange

from tests.helpers.models import small_model
from tests.helpers.official_names import to_official
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, compute_pixel_loss
from videomae2.tensors import tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

transformers = pytest.importorskip("transformers")

EPSILON = 1e-6  # of every LayerNorm here; 1e-12 there by default, and 1e-5 in its last decoder norm


def _theirs(config):
    encoder, decoder = config.encoder, config.decoder
    model = transformers.VideoMAEForPreTraining(
        transformers.VideoMAEConfig(
            image_size=encoder.height,
            patch_size=encoder.shape.patch_size,
            num_frames=encoder.frames,
            tubelet_size=encoder.shape.tubelet_size,
            hidden_size=encoder.shape.embed_dim,
            num_hidden_layers=encoder.shape.depth,
            num_attention_heads=encoder.shape.num_heads,
            intermediate_size=4 * encoder.shape.embed_dim,
            decoder_hidden_size=decoder.embed_dim,
            decoder_num_hidden_layers=decoder.depth,
            decoder_num_attention_heads=decoder.num_heads,
            decoder_intermediate_size=4 * decoder.embed_dim,
            layer_norm_eps=EPSILON,
            norm_pix_loss=True,
            use_mean_pooling=False,  # else the encoder has no norm of its own
            attn_implementation="eager",
        )
    )
    for part in model.modules():
        if isinstance(part, torch.nn.LayerNorm):
            part.eps = EPSILON
    return model.eval()


def _their_name(name):
    """Released name to theirs; the query's and value's parts of qkv are dealt with apart."""
    for ours, theirs in (
        ("encoder.patch_embed.proj", "videomae.embeddings.patch_embeddings.projection"),
        ("encoder.blocks", "videomae.encoder.layer"),
        ("encoder.norm", "videomae.layernorm"),
        ("decoder.blocks", "decoder.decoder_layers"),
        ("attn.proj", "attention.output.dense"),
        ("attn.qkv", "attention.attention.qkv"),
        ("attn.q_bias", "attention.attention.q_bias"),
        ("attn.v_bias", "attention.attention.v_bias"),
        ("norm1", "layernorm_before"),
        ("norm2", "layernorm_after"),
        ("mlp.fc1", "intermediate.dense"),
        ("mlp.fc2", "output.dense"),
    ):
        name = name.replace(ours, theirs)
    return name


def _translated(state, like):
    """Released weights under their names, whichever way their version splits qkv."""
    result = {}
    for name, value in state.items():
        theirs = _their_name(name)
        if theirs in like:
            result[theirs] = value
        elif ".qkv." in theirs:
            for part, chunk in zip(("query", "key", "value"), value.chunk(3), strict=True):
                result[theirs.replace("qkv", part)] = chunk
        else:
            part = {"q_bias": "query.bias", "v_bias": "value.bias"}[theirs.rsplit(".", 1)[1]]
            result[theirs.rsplit(".", 1)[0] + "." + part] = value
    return result


@pytest.fixture
def pair():
    ours = small_model()
    theirs = _theirs(ours.config)
    translated = _translated(to_official(ours.state_dict(), ours.cubes), theirs.state_dict())
    left = theirs.load_state_dict(translated, strict=False)
    assert not left.unexpected_keys
    with torch.no_grad():
        for name in left.missing_keys:  # nothing but a bias of the key, which we do not have
            assert "key" in name or "k_bias" in name
            theirs.get_parameter(name).zero_()
    return ours, theirs


def test_output_loss_and_gradients_agree(pair):
    ours, theirs = pair
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, 8, 32, 32, 3), dtype=torch.uint8, generator=generator)
    order = torch.rand(2, ours.cubes.tokens, generator=generator).argsort(dim=1)
    hidden = torch.zeros(2, ours.cubes.tokens, dtype=torch.bool)
    hidden.scatter_(1, order[:, :48], True)

    task = PretrainTask(ours, MaskingConfig(encoder_mask_ratio=0.75, decoder="none"))
    clips = Clips(pixels, torch.zeros(2, dtype=torch.int64), torch.ones(2))
    predicted, target = task.predict(clips, tokens.split_v1(hidden, 48))
    loss = compute_pixel_loss(predicted, target, None, clips.weights)
    loss.backward()

    normalised = (pixels / 255 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    answer = theirs(rearrange(normalised, "b t h w c -> b t c h w"), bool_masked_pos=hidden)
    answer.loss.backward()

    torch.testing.assert_close(predicted, answer.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(loss, answer.loss, atol=0, rtol=1e-5)
    gradients = to_official({n: p.grad for n, p in ours.named_parameters()}, ours.cubes)
    wanted = {name: weight.grad for name, weight in theirs.named_parameters()}
    for name, gradient in _translated(gradients, wanted).items():
        torch.testing.assert_close(
            gradient, wanted[name], atol=1e-6, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )
