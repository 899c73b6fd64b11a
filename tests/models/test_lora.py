"""Adapters and frozen blocks: what learns, what it changes, and how it is saved."""

import pytest
import torch
from torch import nn

from tests.helpers.classifiers import all_cubes, small_classifier
from videomae2.models.lora import (
    AdaptedLinear,
    LoraConfig,
    TuningConfig,
    adapter_state,
    apply_tuning,
    merged_state,
)

LORA = LoraConfig(rank=4, alpha=8.0)


def _tuned(*, seed=1, lora=LORA, frozen_blocks=0, **changed):
    model = small_classifier(**changed)
    apply_tuning(
        model,
        TuningConfig(frozen_blocks=frozen_blocks, lora=lora),
        torch.Generator().manual_seed(seed),
    )
    return model


def _learnt(model):
    """Give adapters something to say, as training would."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(".up"):
                weight.copy_(torch.randn(weight.shape, generator=generator))
    return model


def _learning(model):
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("cosine", [False, True])
def test_adapters_change_nothing_at_first(cosine):
    plain, model = small_classifier(cosine_attention=cosine), _tuned(cosine_attention=cosine)
    assert torch.equal(model(all_cubes(model)), plain(all_cubes(plain)))


@pytest.mark.parametrize("places", [("attention",), ("mlp",), ("attention", "mlp")])
@pytest.mark.parametrize("asked", [3, 64])
def test_a_merged_model_computes_what_the_adapted_one_does(places, asked):
    model = _learnt(_tuned(lora=LoraConfig(rank=4, alpha=8.0, target_modules=places)))
    plain = small_classifier()
    before = plain(all_cubes(plain))
    state = merged_state(model)
    assert state.keys() == plain.state_dict().keys()
    plain.load_state_dict(state)
    assert not torch.allclose(plain(all_cubes(plain)), before, atol=1e-2)
    torch.testing.assert_close(model(all_cubes(model)), plain(all_cubes(plain)), atol=1e-4, rtol=0)
    tokens = torch.randn(2, 64, 24, generator=torch.Generator().manual_seed(0))
    got, want = (m.encoder.blocks[0].attn(tokens, asked) for m in (model, plain))
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)  # also where a part is asked for


def test_a_merged_matrix_is_the_sum():
    part = _learnt(_tuned()).encoder.blocks[1].mlp.fc2
    want = part.weight + 2.0 * part.up @ part.down
    torch.testing.assert_close(part.merge_weight(), want)


def test_adapters_norm_and_head_learn_and_nothing_else():
    model = _learnt(_tuned())
    maps = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    adapters = {f"encoder.blocks.{i}.{m}.{w}" for i in (0, 1) for m in maps for w in ("up", "down")}
    rest = {"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}
    assert _learning(model) == adapters | rest
    model(all_cubes(model)).square().sum().backward()
    for name, weight in model.named_parameters():
        assert (weight.grad is not None) == (name in adapters | rest), name
        assert weight.grad is None or weight.grad.any(), name


def test_a_resume_gets_every_bit_back():
    model = _learnt(_tuned())
    saved = merged_state(model) | adapter_state(model)
    again = _tuned(seed=2)
    again.load_state_dict(saved)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_adapters_are_a_function_of_the_generator_alone():
    torch.manual_seed(1)
    one = adapter_state(_tuned(seed=4))
    torch.manual_seed(2)
    two, other = adapter_state(_tuned(seed=4)), adapter_state(_tuned(seed=5))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_frozen_blocks_do_not_learn():
    model = _tuned(frozen_blocks=1, lora=LoraConfig())
    names = {n for n, _ in model.named_parameters()}
    frozen = {n for n in names if n.startswith(("encoder.patch_embed", "encoder.blocks.0."))}
    assert _learning(model) == names - frozen
    assert not any(isinstance(part, AdaptedLinear) for part in model.modules())
    assert _learning(_tuned(frozen_blocks=0, lora=LoraConfig())) == names
    whole = _learning(_tuned(frozen_blocks=2, lora=LoraConfig()))
    assert whole == {"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}


def test_frozen_blocks_get_no_adapters():
    model = _tuned(frozen_blocks=1)
    adapted = {n for n, part in model.named_modules() if isinstance(part, AdaptedLinear)}
    assert adapted
    assert all(name.startswith("encoder.blocks.1.") for name in adapted)


def test_a_map_without_bias_stays_without():
    adapted = AdaptedLinear(nn.Linear(6, 4, bias=False), 2, 2.0, torch.Generator().manual_seed(0))
    assert adapted.bias is None
    assert adapted(torch.ones(3, 6)).shape == (3, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frozen_blocks": 3}, "cannot freeze 3 blocks of 2"),
        ({"frozen_blocks": -1}, "cannot freeze -1 blocks of 2"),
        ({"frozen_blocks": 2}, "all 2 blocks are frozen, so adapters would have no effect"),
        ({"lora": LoraConfig(rank=25)}, "rank from 1 to the smaller of them, got 25"),
        (
            {"lora": LoraConfig(rank=2, target_modules=())},
            "adapters need a place: attention, mlp, or both",
        ),
    ],
)
def test_what_cannot_be_tuned_says_why(changes, said):
    with pytest.raises(ValueError, match=said):
        _tuned(**changes)
