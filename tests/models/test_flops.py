"""Parameters to the last one, and multiply-accumulates as the paper prints them."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.helpers.models import inputs, small_config
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig, VideoEncoder
from videomae2.models.flops import (
    count_autoencoder_macs,
    count_block_macs,
    count_encoder_macs,
    count_official_tokens,
)
from videomae2.tasks.pretrain import MaskingConfig, count_tokens

PARAMETERS = {
    "small": (21_879_936, 24_029_376),
    "base": (86_227_200, 94_210_944),
    "large": (303_860_736, 317_782_016),
    "huge": (631_607_040, 645_659_392),
    "giant": (1_011_610_752, 1_026_306_560),
}
GIGA = {  # classifier with 400 classes, V1 style, dual at 50 %
    "small": (56.88, 11.54, 7.84),
    "base": (180.34, 35.44, 25.84),
    "large": (596.83, 83.03, 68.27),
    "huge": (1190.99, 136.86, 122.09),
    "giant": (2542.79, 263.96, 241.61),
}


def _giga_autoencoder(size, **masking):
    """As the released code computes it: all cubes embedded, all tokens in every block."""
    config = AutoencoderConfig(encoder=EncoderConfig(size=size))
    counts = count_tokens(MaskingConfig(**masking), config.encoder.cubes.grid)
    return count_autoencoder_macs(config, count_official_tokens(config.encoder, counts)) / 1e9


@pytest.mark.parametrize("size", PARAMETERS)
def test_numbers_of_parameters(size):
    encoder, whole = PARAMETERS[size]
    with torch.device("meta"):
        model = Autoencoder(AutoencoderConfig(encoder=EncoderConfig(size=size)))
    assert sum(weight.numel() for weight in model.parameters()) == whole
    assert sum(weight.numel() for weight in model.encoder.parameters()) == encoder


@pytest.mark.parametrize("size", GIGA)
def test_multiply_accumulates_of_the_table(size):
    classifier, v1, dual = GIGA[size]
    config = EncoderConfig(size=size)
    tokens, head = config.cubes.tokens, config.shape.embed_dim * 400
    macs = count_encoder_macs(config, embedded=tokens, visible=tokens) + head
    assert macs / 1e9 == pytest.approx(classifier, rel=3e-4)
    assert _giga_autoencoder(size, decoder="none") == pytest.approx(v1, rel=6e-4)
    assert _giga_autoencoder(size) == pytest.approx(dual, rel=6e-4)


@pytest.mark.parametrize(
    ("masking", "printed"),
    [
        ({"decoder": "none"}, 35.48),
        ({"decoder": "frame"}, 25.87),
        ({"decoder": "random"}, 25.87),
        ({"loss_tokens": "decoded"}, 25.87),
        ({"decoder_mask_ratio": 0.25}, 31.63),
        ({}, 25.87),
        ({"decoder_mask_ratio": 0.75}, 21.06),
    ],
)
def test_flops_of_the_ablation_table(masking, printed):
    assert _giga_autoencoder("base", **masking) == pytest.approx(printed, rel=3e-3)


@pytest.mark.parametrize(
    ("size", "masking", "printed"),
    [("base", {"decoder": "none"}, 35.48), ("base", {}, 25.87),
     ("giant", {"decoder": "none"}, 263.93), ("giant", {}, 241.61)],
)  # fmt: skip
def test_flops_of_the_efficiency_table(size, masking, printed):
    assert _giga_autoencoder(size, **masking) == pytest.approx(printed, rel=3e-3)


def _counted(model, *arguments):
    """Multiply-accumulates that PyTorch itself counts in a forward pass."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        model(*arguments)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("queries", ["full", "hidden_only"])
def test_the_formula_counts_what_our_model_computes(queries):
    config = small_config()
    model = Autoencoder(config)
    masking = MaskingConfig(encoder_mask_ratio=0.75, decoder_queries=queries)
    counts = count_tokens(masking, model.cubes.grid)
    visible, split = inputs(model, masking, batch=1)
    assert split.visible.shape[1] == counts.visible
    assert split.queries.shape[1] == counts.queries
    assert split.num_loss_tokens == counts.num_loss_tokens
    assert _counted(model, visible, split) == count_autoencoder_macs(config, counts, trim=True)


def test_an_encoder_alone_costs_what_it_sees():
    config = small_config().encoder
    model = VideoEncoder(config)
    index = torch.arange(5)[None]
    got = _counted(model, torch.zeros(1, 5, model.cubes.values), index)
    assert got == count_encoder_macs(config, embedded=5, visible=5)


def test_a_trimmed_block_costs_less_and_a_full_trim_nothing_less():
    assert count_block_macs(50, 12, 48, num_outputs=50) == count_block_macs(50, 12, 48)
    assert count_block_macs(50, 12, 48, num_outputs=10) < count_block_macs(50, 12, 48)
