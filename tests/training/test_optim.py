"""Parameter groups: decay, the rate of each layer, what does not learn."""

import pytest
import torch
from torch import nn

from tests.helpers.classifiers import small_classifier
from tests.helpers.models import small_model
from videomae2.errors import CheckpointError
from videomae2.models.lora import LoraConfig, TuningConfig, apply_tuning
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.training.checkpoint import load_optimizer, save_optimizer
from videomae2.training.optim import OptimConfig, build_optimizer, build_param_groups, get_layer_id

OPTIM = OptimConfig(lr=0.1, epochs=1.0, warmup_epochs=0.0, global_batch_size=1, layer_decay=0.75)


def _said(module, **settings):
    """Scale and decay of every parameter, by name."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    groups = build_param_groups(module.named_parameters(), 0.05, **settings)
    return {
        names[id(parameter)]: (group["lr_scale"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("patch_embed.proj.weight", 0),
        ("model.encoder.patch_embed.proj.bias", 0),
        ("blocks.0.attn.q_bias", 1),
        ("encoder.blocks.11.mlp.fc1.weight", 12),
        ("model.encoder.blocks.3.attn.qkv.down", 4),
        ("model.fc_norm.weight", 13),
        ("encoder.norm.weight", 13),
        ("head.bias", 13),
        ("decoder.blocks.0.attn.q_bias", 13),
        ("encoder_to_decoder.weight", 13),
    ],
)
def test_the_layer_of_a_name(name, layer):
    assert get_layer_id(name, 12) == layer


def test_scales_of_size_b():
    """From section 10b of the fact sheet."""
    names = ["encoder.patch_embed.proj.weight", "head.weight", "fc_norm.weight"]
    names += [f"encoder.blocks.{i}.attn.proj.weight" for i in range(12)]
    named = [(name, nn.Parameter(torch.zeros(2, 2))) for name in names]
    by_id = {id(parameter): name for name, parameter in named}
    scales = {
        by_id[id(parameter)]: group["lr_scale"]
        for group in build_param_groups(named, 0.05, 0.75)
        for parameter in group["params"]
    }
    assert scales["head.weight"] == scales["fc_norm.weight"] == 1
    assert scales["encoder.blocks.11.attn.proj.weight"] == 0.75
    assert scales["encoder.blocks.0.attn.proj.weight"] == 0.75**12
    assert scales["encoder.patch_embed.proj.weight"] == 0.75**13


def test_a_task_has_the_scales_of_its_model():
    model = small_classifier()
    plain = _said(model, layer_decay=0.5)
    task = _said(ClassifyTask(model, ClassifyConfig()), layer_decay=0.5)
    assert task == {f"model.{name}": said for name, said in plain.items()}
    assert plain["encoder.blocks.0.attn.qkv.weight"] == (0.25, 0.05)
    assert plain["encoder.blocks.0.attn.q_bias"] == (0.25, 0.0)


def test_without_layer_decay_there_are_two_groups():
    groups = build_param_groups(small_model().named_parameters(), 0.05)
    assert [(g["weight_decay"], g["lr_scale"]) for g in groups] == [(0.05, 1.0), (0.0, 1.0)]


def test_what_does_not_learn_is_in_no_group_and_changes_no_scale():
    model = small_classifier()
    before = _said(model, layer_decay=0.5)
    apply_tuning(model, TuningConfig(frozen_blocks=1), torch.Generator())
    after = _said(model, layer_decay=0.5)
    assert after == {n: said for n, said in before.items() if "patch" not in n and ".0." not in n}


def test_adapters_have_the_scale_of_their_block():
    model = small_classifier()
    apply_tuning(model, TuningConfig(lora=LoraConfig(rank=2)), torch.Generator().manual_seed(0))
    said = _said(model, layer_decay=0.5)
    assert said["encoder.blocks.0.attn.qkv.down"] == (0.25, 0.05)
    assert said["encoder.blocks.1.mlp.fc2.up"] == (0.5, 0.05)
    assert "encoder.blocks.1.mlp.fc2.weight" not in said


def test_the_state_of_a_partly_frozen_model_comes_back(tmp_path):
    model = small_classifier()
    apply_tuning(model, TuningConfig(frozen_blocks=1), torch.Generator())
    optimizer = build_optimizer(model, OPTIM)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight) if weight.requires_grad else None
    optimizer.step()
    save_optimizer(optimizer, model.named_parameters(), tmp_path / "o.safetensors")
    again = build_optimizer(model, OPTIM)
    load_optimizer(again, model.named_parameters(), tmp_path / "o.safetensors")
    assert again.state.keys() == optimizer.state.keys()
    whole = small_classifier()
    with pytest.raises(CheckpointError, match="is the state of other parameters"):
        load_optimizer(
            build_optimizer(whole, OPTIM), whole.named_parameters(), tmp_path / "o.safetensors"
        )
