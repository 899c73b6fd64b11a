"""What every classifier must do: counts, pooling, first weights, dropout, errors."""

import math

import pytest
import torch
from einops import rearrange

from tests.helpers.classifiers import all_cubes, classifier_config, small_classifier
from tests.helpers.official_names import classifier_to_official
from tests.reference import released_code
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights

OPTIONS = {
    "plain": {},
    "first token": {"global_pool": "token"},
    "time slots": {"global_pool": "slots"},
    "time slots, another clip": {"global_pool": "slots", "frames": 4, "height": 24},
    "no head": {"outputs": 0},
    "layer scale": {"init_values": 0.1},
    "cosine attention": {"cosine_attention": True},
    "drop path": {"drop_path": 0.5},
    "head dropout": {"head_drop_rate": 0.5},
    "checkpointing": {"activation_checkpointing": True},
    "4 channels": {"channels": 4},
    "another trained grid": {"pretrained_grid": (2, 6, 6)},
}

COUNTS = {
    "small": (22_033_936, 22_153_286, 21_879_936),
    "base": (86_534_800, 86_773_190, 86_227_200),
    "large": (304_270_736, 304_588_486, 303_860_736),
    "huge": (632_119_440, 632_516_550, 631_607_040),
    "giant": (1_012_174_352, 1_012_611_142, 1_011_610_752),
}
ENTRIES = {"small": 162, "base": 162, "large": 318, "huge": 422, "giant": 526}


@pytest.mark.parametrize("size", COUNTS)
def test_parameters_are_as_many_as_in_the_released_models(size):
    for outputs, count in zip((400, 710, 0), COUNTS[size], strict=True):
        with torch.device("meta"):
            config = ClassifierConfig(encoder=EncoderConfig(size=size), num_classes=outputs)
            model = Classifier(config)
        assert sum(weight.numel() for weight in model.parameters()) == count
        assert len(model.state_dict()) == ENTRIES[size] - (0 if outputs else 2)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_answers_and_learns(option):
    model = small_classifier(**OPTIONS[option]).train()
    scores = model(all_cubes(model, batch=8), keys=torch.arange(8))
    assert scores.shape == (8, OPTIONS[option].get("outputs", 5) or 24)
    assert model.forward_features(all_cubes(model), keys=torch.arange(2)).shape[1] == (
        model.config.num_features
    )
    scores.square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.any(), name


@pytest.mark.parametrize("option", OPTIONS)
def test_no_weight_is_left_as_it_was_found(option):
    torch.manual_seed(1)
    model = Classifier(classifier_config(**OPTIONS[option]))
    fresh = Classifier(classifier_config(**OPTIONS[option]))
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(torch.nan)
    init_classifier_weights(model, torch.Generator().manual_seed(3))
    init_classifier_weights(fresh, torch.Generator().manual_seed(3))
    for name, weight in model.named_parameters():
        assert torch.isfinite(weight).all(), name
        assert torch.equal(weight, fresh.get_parameter(name)), name


def test_first_weights_are_the_released_ones():
    model = Classifier(
        ClassifierConfig(encoder=EncoderConfig(size="tiny", depth=2), num_classes=400)
    )
    init_classifier_weights(model, torch.Generator().manual_seed(0))
    for name, weight in model.state_dict().items():
        if "norm" in name:
            assert (weight == float(name.endswith("weight"))).all()
        elif name.startswith("encoder.patch_embed"):
            bound = 1 / math.sqrt(model.cubes.values)
            assert 0.9 * bound < weight.abs().max() <= bound
        elif weight.ndim == 1:
            assert not weight.any(), name
        else:
            std = 0.02 * (0.001 if name == "head.weight" else 1)
            assert weight.std() == pytest.approx(std, rel=0.02), name
            assert weight.abs().max() > 3.5 * std  # not cut off at two deviations


def test_features_and_scores_are_those_of_a_plain_restatement():
    model = small_classifier(drop_path=0.3, head_drop_rate=0.5).eval()
    state = classifier_to_official(model.state_dict(), model.cubes)
    cubes = all_cubes(model)
    kernel = rearrange(state["patch_embed.proj.weight"], "d c t h w -> d (t h w c)")
    tokens = cubes @ kernel.T + state["patch_embed.proj.bias"]
    tokens = tokens + released_code.sinusoid(model.cubes.tokens, 24)
    for i in range(2):
        tokens = released_code.block(tokens, state, f"blocks.{i}", 3)
    features = released_code.layer_norm(tokens.mean(dim=1), state, "fc_norm")
    torch.testing.assert_close(model.forward_features(cubes), features, atol=1e-5, rtol=1e-4)
    scores = features @ state["head.weight"].T + state["head.bias"]
    torch.testing.assert_close(model(cubes), scores, atol=1e-5, rtol=1e-4)


def test_the_norm_comes_after_the_mean_or_before_the_first_token():
    mean, first = small_classifier(), small_classifier(global_pool="token")
    assert {"fc_norm.weight", "head.bias"} < mean.state_dict().keys()
    assert "encoder.norm.weight" not in mean.state_dict()
    assert "encoder.norm.weight" in first.state_dict()
    assert "fc_norm.weight" not in first.state_dict()
    cubes = all_cubes(first)
    torch.testing.assert_close(first.forward_features(cubes), first.encoder(cubes)[:, 0])


@pytest.mark.parametrize("frames", [4, 8])
def test_time_slots_are_normed_one_by_one_and_stand_side_by_side(frames):
    model = small_classifier(global_pool="slots", frames=frames).eval()
    cubes, slots = all_cubes(model), model.cubes.grid[0]
    assert model.head.in_features == model.config.num_features == slots * 24
    assert "encoder.norm.weight" not in model.state_dict()
    tokens = model.encoder(cubes).chunk(slots, dim=1)
    wanted = torch.cat([model.fc_norm(each.mean(dim=1)) for each in tokens], dim=1)
    torch.testing.assert_close(model.forward_features(cubes), wanted)


def test_all_cubes_need_no_numbers():
    model = small_classifier()
    cubes = all_cubes(model)
    index = torch.arange(model.cubes.tokens).expand(2, -1)
    assert torch.equal(model.encoder(cubes), model.encoder(cubes, index))


def test_head_dropout_acts_in_training_alone():
    model = small_classifier(head_drop_rate=0.5)
    features, keys = torch.ones(2, 24), torch.arange(2)
    one, other = model.train().forward_head(features, keys=keys)
    assert not torch.equal(one, other)
    assert torch.equal(model.forward_head(features, keys=keys), torch.stack((one, other)))
    with pytest.raises(ValueError, match="draws by the clips' keys: give them in training"):
        model.forward_head(features)
    assert torch.equal(model.eval().forward_head(features), model.head(features))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outputs": -1}, "a head has 0 outputs or more, got -1"),
        ({"head_drop_rate": 1.0}, "head dropout is from 0 to below 1, got 1.0"),
        ({"height": 36}, "height=36 does not split into cubes of 8"),
    ],
)
def test_classifiers_that_cannot_be_built_say_why(changes, said):
    with pytest.raises(ValueError, match=said):
        Classifier(classifier_config(**changes))
