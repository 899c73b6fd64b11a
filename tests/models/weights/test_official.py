"""Names and shapes of the released weights."""

import pytest
import torch

from tests.helpers.classifiers import small_classifier
from tests.helpers.models import small_model
from tests.helpers.official_names import classifier_to_official, from_official, to_official
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.containers.source import strip_wrappers
from videomae2.models.weights.formats.names import split_root


def norm(at, dim):
    return {f"{at}.weight": (dim,), f"{at}.bias": (dim,)}


def block(at, dim):
    return {
        **norm(f"{at}.norm1", dim),
        f"{at}.attn.q_bias": (dim,),
        f"{at}.attn.v_bias": (dim,),
        f"{at}.attn.qkv.weight": (3 * dim, dim),
        f"{at}.attn.proj.weight": (dim, dim),
        f"{at}.attn.proj.bias": (dim,),
        **norm(f"{at}.norm2", dim),
        f"{at}.mlp.fc1.weight": (4 * dim, dim),
        f"{at}.mlp.fc1.bias": (4 * dim,),
        f"{at}.mlp.fc2.weight": (dim, 4 * dim),
        f"{at}.mlp.fc2.bias": (dim,),
    }


def _released_base():
    """Keys and shapes of size B, from section 3.1 of the fact sheet, in the order of the file."""
    shapes = {
        "mask_token": (1, 1, 384),
        "encoder.patch_embed.proj.weight": (768, 3, 2, 16, 16),
        "encoder.patch_embed.proj.bias": (768,),
    }
    for i in range(12):
        shapes |= block(f"encoder.blocks.{i}", 768)
    shapes |= norm("encoder.norm", 768)
    for i in range(4):
        shapes |= block(f"decoder.blocks.{i}", 384)
    shapes |= norm("decoder.norm", 384)
    shapes |= {"decoder.head.weight": (1536, 384), "decoder.head.bias": (1536,)}
    return shapes | {"encoder_to_decoder.weight": (384, 768)}


def test_size_b_has_exactly_the_released_names_and_shapes():
    with torch.device("meta"):
        model = Autoencoder(AutoencoderConfig(encoder=EncoderConfig(size="base")))
    state = to_official(model.state_dict(), model.cubes)
    want = _released_base()
    assert len(want) == 218
    assert {name: tuple(weight.shape) for name, weight in state.items()} == want
    assert list(state) == list(want)
    back = from_official(state, model.cubes)
    assert {n: w.shape for n, w in back.items()} == {
        n: w.shape for n, w in model.state_dict().items()
    }


@pytest.mark.parametrize(
    ("size", "entries"),
    [("small", 218), ("base", 218), ("large", 374), ("huge", 478), ("giant", 582)],
)
def test_number_of_entries(size, entries):
    with torch.device("meta"):
        model = Autoencoder(AutoencoderConfig(encoder=EncoderConfig(size=size)))
    assert len(model.state_dict()) == entries


@pytest.mark.parametrize("changes", [{}, {"channels": 5}, {"patch_size": 4, "tubelet_size": 1}])
def test_there_and_back_is_the_same(changes):
    model = small_model(**changes)
    state = model.state_dict()
    back = from_official(to_official(state, model.cubes), model.cubes)
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_the_patch_embedding_is_the_convolution():
    model = small_model()
    state = to_official(model.state_dict(), model.cubes)
    kernel = state["encoder.patch_embed.proj.weight"]
    cube = torch.randn(2, 8, 8, 3, generator=torch.Generator().manual_seed(0))
    by_hand = torch.einsum("dcfhw,fhwc->d", kernel, cube) + model.encoder.patch_embed.proj.bias
    torch.testing.assert_close(
        model.encoder.patch_embed(cube.reshape(1, 1, -1))[0, 0], by_hand, atol=1e-5, rtol=1e-5
    )


# ---- classifiers


def _released_classifier():
    """Keys and shapes of size B with 400 classes, from section 3.2 of the fact sheet."""
    shapes = {"patch_embed.proj.weight": (768, 3, 2, 16, 16), "patch_embed.proj.bias": (768,)}
    for i in range(12):
        shapes |= block(f"blocks.{i}", 768)
    return shapes | norm("fc_norm", 768) | {"head.weight": (400, 768), "head.bias": (400,)}


def test_a_classifier_of_size_b_has_exactly_the_released_names_and_shapes():
    with torch.device("meta"):
        config = ClassifierConfig(encoder=EncoderConfig(size="base"), num_classes=400)
        model = Classifier(config)
    state = classifier_to_official(model.state_dict(), model.cubes)
    want = _released_classifier()
    assert {name: tuple(weight.shape) for name, weight in state.items()} == want
    assert list(state) == list(want)


@pytest.mark.parametrize("pooling", ["avg", "token"])
def test_classifiers_there_and_back_are_the_same(pooling):
    model = small_classifier(global_pool=pooling)
    state = model.state_dict()
    released = classifier_to_official(state, model.cubes)
    assert ("norm.weight" in released) == (pooling == "token")
    back = from_official(released, model.cubes)
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_what_compilers_and_data_parallelism_put_before_names_goes():
    names = ["module._orig_mod.a", "model.encoder._orig_mod.b", "_orig_mod.module.c"]
    assert strip_wrappers(names) == dict(zip(["a", "model.encoder.b", "c"], names, strict=True))
    same = ["module.a", "a"]
    assert strip_wrappers(same) == {name: name for name in same}, "two would have one name"


def test_a_head_may_stand_beside_an_encoder_with_a_prefix(tmp_path):
    one, patch = torch.zeros(1), "patch_embed.proj.weight"
    names = {f"net.backbone.{patch}": one, "net.backbone.norm.bias": one, "net.head.bias": one,
             "fc_norm.bias": one, "neck.a": one}  # fmt: skip
    root, stripped = split_root(names, patch, tmp_path)
    assert root == "net.backbone."
    assert list(stripped.values()) == [patch, "norm.bias", "head.bias", "fc_norm.bias", "neck.a"]
    doubled = {f"backbone.{patch}": one, "backbone.head.bias": one, "head.bias": one}
    assert split_root(doubled, patch, tmp_path)[1] == {name: name for name in doubled}
    with pytest.raises(CheckpointError, match=r"2 models, under 'student.' and 'teacher.'"):
        split_root({f"{part}.{patch}": one for part in ("student", "teacher")}, patch, tmp_path)
