"""Starting points: what comes from a parent, what is fresh, what is refused, and the report."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.classifiers import (
    NAMES,
    STATISTICS,
    all_cubes,
    classifier_config,
    saved_autoencoder,
    saved_classifier,
    small_classifier,
)
from tests.helpers.models import small_model
from tests.helpers.official_names import classifier_to_official, to_official
from tests.helpers.released_files import RELEASED_ROWS, WRAPPED
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.classifier import Classifier
from videomae2.models.init import init_classifier_weights
from videomae2.models.lora import LoraConfig, TuningConfig, apply_tuning, merged_state
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.head import resolve_head_index
from videomae2.models.weights.init_from import InitConfig, init_classifier
from videomae2.models.weights.pretrained import resolve_encoder
from videomae2.models.weights.saved import save_model

CLASSES = {"unset": NAMES}


def begin(path, *, norm="auto", head="auto", pos_embed="auto", classes="unset", **changed):
    """A classifier that started from a path, and the report."""
    classes = CLASSES.get(classes, classes) if isinstance(classes, str) else classes
    outputs = 5 if classes is None else len(classes)
    config = classifier_config(**{"outputs": outputs} | changed)
    model = Classifier(replace(config, encoder=resolve_encoder(config.encoder, pos_embed, path)))
    config = InitConfig(weights=path, norm=norm, head=head, pos_embed=pos_embed)
    return model, init_classifier(
        model, config, torch.Generator().manual_seed(3), class_names=classes
    )


def fresh(**changed):
    model = Classifier(classifier_config(**changed))
    init_classifier_weights(model, torch.Generator().manual_seed(3))
    return model.state_dict()


def assert_encoder(model, parent):
    theirs = parent.encoder.state_dict()
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, theirs[name]), name


# ---- from pre-training


def test_from_pretraining_norm_and_head_are_fresh(tmp_path):
    parent = saved_autoencoder(tmp_path / "run")
    model, report = begin(tmp_path / "run")
    assert_encoder(model, parent)
    for name in ("fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"):
        assert torch.equal(model.state_dict()[name], fresh()[name])
    said = str(report)
    assert f"start    28 weights of {tmp_path / 'run'}" in said
    assert "norm: fresh; head: fresh, the parent has none" in said
    assert (
        "no use for encoder.norm (2), decoder (30), encoder_to_decoder (1), mask_token (1)" in said
    )


def test_the_norm_that_closed_the_encoder_may_be_taken(tmp_path):
    parent = saved_autoencoder(tmp_path / "run")
    model, report = begin(tmp_path / "run", norm="encoder")
    assert torch.equal(model.fc_norm.weight, parent.encoder.norm.weight)
    assert torch.equal(model.fc_norm.bias, parent.encoder.norm.bias)
    assert report.norm == "the one that closed the encoder"
    assert "encoder.norm" not in report.unused


def test_with_the_first_token_the_norm_is_the_encoders(tmp_path):
    parent = saved_autoencoder(tmp_path / "run")
    model, report = begin(tmp_path / "run", global_pool="token")
    assert torch.equal(model.encoder.norm.weight, parent.encoder.norm.weight)
    assert report.norm == "the encoder's"


def test_a_model_with_another_table_than_was_asked_for_is_no_silent_start(tmp_path):
    saved_autoencoder(tmp_path / "run")
    config = InitConfig(weights=tmp_path / "run")
    with pytest.raises(ValueError, match=r"build the model with what resolve_encoder gives"):
        init_classifier(small_classifier(frames=4), config, torch.Generator(), class_names=NAMES)
    config = replace(config, pos_embed="reinit")
    init_classifier(small_classifier(frames=4), config, torch.Generator(), class_names=NAMES)


# ---- from a classifier


def test_the_same_classes_keep_their_head(tmp_path):
    parent = saved_classifier(tmp_path / "a")
    for head in ("auto", "keep"):
        model, report = begin(tmp_path / "a", head=head)
        for name, value in parent.state_dict().items():
            assert torch.equal(model.state_dict()[name], value)
        assert report.head.startswith("kept")
        assert report.norm == "the parent's"


def test_fewer_classes_by_name_take_their_rows(tmp_path):
    parent = saved_classifier(tmp_path / "a")
    model, report = begin(tmp_path / "a", classes=("walk", "jump"))
    assert torch.equal(model.head.weight, parent.head.weight[[3, 0]])
    assert torch.equal(model.head.bias, parent.head.bias[[3, 0]])
    assert report.head == "the rows of the same names, 2 of 5"


@pytest.mark.parametrize("classes", [("walk", "swim"), ("jump", "run", "sit", "walk", "swim")])
def test_classes_that_the_parent_does_not_know_get_a_fresh_head(tmp_path, classes):
    saved_classifier(tmp_path / "a")
    model, report = begin(tmp_path / "a", classes=classes)
    assert torch.equal(model.head.weight, fresh(outputs=len(classes))["head.weight"])
    known = len(set(classes) & set(NAMES))
    assert report.head == f"fresh: {known} of {len(classes)} classes have a row in the parent"


def test_norm_and_head_may_be_fresh_all_the_same(tmp_path):
    parent = saved_classifier(tmp_path / "a")
    model, report = begin(tmp_path / "a", norm="reinit", head="reinit")
    assert_encoder(model, parent)
    for name in ("fc_norm.weight", "head.weight"):
        assert torch.equal(model.state_dict()[name], fresh()[name])
    assert (report.norm, report.head) == ("fresh", "fresh, as asked")


def test_without_names_equal_counts_keep_the_head_and_say_so(tmp_path):
    parent = saved_classifier(tmp_path / "a", classes=None)
    model, report = begin(tmp_path / "a")
    assert torch.equal(model.head.weight, parent.head.weight)
    assert report.head == "kept: 5 classes here and there, without names to compare"
    assert begin(tmp_path / "a", classes=("run",))[1].head.startswith("fresh: 5 classes there, 1")


def test_a_model_without_a_head_takes_the_features(tmp_path):
    parent = saved_classifier(tmp_path / "a")
    model, report = begin(tmp_path / "a", classes=None, outputs=0)
    assert torch.equal(model.fc_norm.weight, parent.fc_norm.weight)
    assert report.head == "none"


def test_rows_are_selected_by_the_names_given_for_a_parent_without(tmp_path):
    parent = saved_classifier(tmp_path / "a", classes=None)
    wanted, names = ("walk", "jump"), Path("names.txt")
    model = Classifier(classifier_config(outputs=2))
    config = InitConfig(weights=tmp_path / "a", head="select", class_names=names)
    report = init_classifier(
        model, config, torch.Generator(), class_names=wanted, pretrained_class_names=NAMES
    )
    assert torch.equal(model.head.weight, parent.head.weight[[3, 0]])
    assert torch.equal(model.head.bias, parent.head.bias[[3, 0]])
    assert report.head == "the rows of the same names, 2 of 5"
    hint = begin(tmp_path / "a", classes=wanted)[1].head
    assert hint == "fresh: 5 classes there, 2 here, without names to select by"


def test_names_given_for_a_parent_must_be_its_own(tmp_path):
    saved_classifier(tmp_path / "named")
    saved_classifier(tmp_path / "bare", classes=None)
    saved_autoencoder(tmp_path / "headless")
    said = {
        "named": "the same names in another order",
        "bare": "bare has 5 outputs, but 6 names were given for them",
        "headless": "has no head, so names of its outputs have no effect",
    }
    names = {"named": NAMES[::-1], "bare": (*NAMES, "more"), "headless": NAMES}
    for folder, words in said.items():
        config = InitConfig(weights=tmp_path / folder, class_names=Path("names.txt"))
        with pytest.raises(CheckpointError, match=words):
            init_classifier(small_classifier(), config, torch.Generator(), class_names=NAMES,
                  pretrained_class_names=names[folder])  # fmt: skip


@pytest.mark.parametrize("count", RELEASED_ROWS)
def test_rows_of_kinetics_by_name_are_the_released_ones(count):
    names = {number: load_public_classes(f"kinetics-{number}") for number in (count, 710)}
    rows, _ = resolve_head_index(
        "select",
        num_pretrained=710,
        num_classes=count,
        pretrained_classes=names[710],
        classes=names[count],
    )
    digest, first = RELEASED_ROWS[count]
    assert rows[:5] == first
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32] == digest


# ---- from released files


def released_classifier(model, **wrap):
    return classifier_to_official(model.state_dict(), model.cubes)


@pytest.mark.parametrize("wrap", WRAPPED)
def test_released_classifiers_are_read(tmp_path, wrap):
    parent = small_classifier(seed=8)
    torch.save(WRAPPED[wrap](released_classifier(parent)), tmp_path / "a.pth")
    model, report = begin(tmp_path / "a.pth", classes=None)
    for name, value in parent.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert report.loaded == len(parent.state_dict())


def test_released_half_precision_and_safetensors_are_read(tmp_path):
    parent = small_classifier(seed=8).half()
    save_file(released_classifier(parent), tmp_path / "a.safetensors")
    model, _ = begin(tmp_path / "a.safetensors", classes=None)
    assert model.head.weight.dtype == torch.float32
    assert torch.equal(model.head.weight, parent.head.weight.float())


def test_released_pretraining_is_read(tmp_path):
    parent = small_model(seed=7)
    torch.save({"model": to_official(parent.state_dict(), parent.cubes)}, tmp_path / "a.pth")
    model, report = begin(tmp_path / "a.pth")
    assert_encoder(model, parent)
    assert report.unused == {
        "encoder.norm": 2, "decoder": 30, "encoder_to_decoder": 1, "mask_token": 1
    }  # fmt: skip


class Strange:
    pass


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"model": {"a": 1}},
            "no weights, neither plain nor in 'model', .*'state_dict': 'a' is no tensor",
        ),
        ({}, "holds no weights, neither plain nor in 'model', 'module', 'state_dict': it is empty"),
        ([1], "holds a list, want weights by name"),
        (
            {0: torch.zeros(1)},
            "no weights, neither plain nor in 'model', .*'state_dict': '0' is no tensor",
        ),
        ({"model": Strange()}, "cannot read"),
    ],
)
def test_files_without_weights_are_refused(tmp_path, content, said):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=said):
        begin(tmp_path / "a.pth")


@pytest.mark.parametrize("first", "ahtKnp")
def test_a_list_of_videos_is_no_file_of_weights(tmp_path, first):
    """Whatever operation of a pickle its first letter is taken for."""
    (tmp_path / "b.pth").write_text(f"{first}bseiling/x.mp4 3\n")
    with pytest.raises(CheckpointError, match=r"cannot read .*b.pth: it is no file of weights"):
        begin(tmp_path / "b.pth")


def test_a_home_folder_is_meant_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    torch.save({"model": released_classifier(small_classifier())}, tmp_path / "a.pth")
    assert begin(Path("~/a.pth"))[1].loaded
    with pytest.raises(CheckpointError, match=r"~nobody-here/a.pth does not exist"):
        begin(Path("~nobody-here/a.pth"))


# ---- strictly


def test_from_scratch():
    model, report = begin(None)
    assert all(torch.equal(value, fresh()[name]) for name, value in model.state_dict().items())
    assert str(report) == "start    from scratch"


def test_weights_that_are_missing_or_strange_are_listed(tmp_path):
    state = released_classifier(small_classifier())
    state["blocks.0.attn.k_bias"] = state.pop("blocks.0.attn.q_bias")
    state["blocks.1.norm1.bias"] = torch.zeros(7)
    torch.save(state | {"extra": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError) as caught:
        begin(tmp_path / "a.pth", classes=None)
    said = str(caught.value)
    assert "it lacks blocks.0.attn.q_bias; " in said
    assert "blocks.1.norm1.bias is (7,), want (24,)" in said
    assert "nothing is known of extra; " in said, "the key's bias is known to be of no use"
    assert "\n" not in said


def test_an_encoder_that_computes_something_else_is_refused(tmp_path):
    saved_autoencoder(tmp_path / "a")
    with pytest.raises(CheckpointError, match="another encoder: num_heads 3 there and 2 here"):
        begin(tmp_path / "a", num_heads=2)
    with pytest.raises(
        CheckpointError, match="patch_size 8 there and 4 here, tubelet_size 2 there and 8"
    ):
        begin(tmp_path / "a", patch_size=4, tubelet_size=8)
    with pytest.raises(CheckpointError, match="cosine_attention False there and True here"):
        begin(tmp_path / "a", cosine_attention=True)


def test_a_released_file_of_other_cubes_is_refused(tmp_path):
    torch.save(released_classifier(small_classifier(patch_size=4)), tmp_path / "a.pth")
    with pytest.raises(
        CheckpointError,
        match=r"a.pth has another encoder: patch_size 4 there and 8 here; .*patch-size 4",
    ):
        begin(tmp_path / "a.pth", classes=None)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"head": "select", "classes": ("run", "swim")}, "which lacks 1 of 2: swim"),
        ({"head": "select", "classes": None}, "the classes of the data have none; give them"),
        ({"head": "keep", "classes": ("run",)}, "head 'keep' wants 1 classes, the parent has 5"),
        ({"head": "keep", "classes": NAMES[::-1]}, "the same names in another order"),
        ({"norm": "encoder"}, "has no norm that closes its encoder"),
    ],
)
def test_choices_that_a_parent_does_not_give(tmp_path, choices, said):
    saved_classifier(tmp_path / "a")
    with pytest.raises(CheckpointError, match=said):
        begin(tmp_path / "a", **choices)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (
            {"global_pool": "token", "norm": "reinit"},
            "init norm 'reinit' has no effect: with global_pool 'token'",
        ),
        ({"classes": None, "outputs": 0, "head": "reinit"}, "the model has no head"),
        (
            {"pos_embed": "reinit", "pretrained_grid": (4, 4, 4)},
            "where pretrained_grid names a table",
        ),
    ],
)
def test_choices_without_effect(tmp_path, choices, said):
    saved_autoencoder(tmp_path / "a")
    with pytest.raises(ConfigError, match=said):
        begin(tmp_path / "a", **choices)
    with pytest.raises(ConfigError, match="no effect from scratch"):
        init_classifier(
            small_classifier(),
            replace(InitConfig(), head="reinit"),
            torch.Generator(),
            class_names=None,
        )


def test_as_many_names_as_outputs():
    with pytest.raises(ConfigError, match="there are 5 classes, the model has 4 outputs"):
        begin(None, outputs=4)


def test_an_adapted_parent_is_a_plain_one(tmp_path):
    """Merged on saving, a model with adapters is a parent like any other."""
    parent = small_classifier(seed=8)
    apply_tuning(parent, TuningConfig(lora=LoraConfig(rank=2)), torch.Generator().manual_seed(0))
    with torch.no_grad():
        parent.encoder.blocks[0].attn.qkv.up.fill_(0.1)
    card = SavedClassifierConfig(model=parent.config, class_names=NAMES, **STATISTICS)
    save_model(tmp_path, merged_state(parent), card)
    model, report = begin(tmp_path)
    assert report.loaded == 32
    torch.testing.assert_close(
        model(all_cubes(model)), parent(all_cubes(parent)), atol=1e-4, rtol=0
    )


def test_a_place_with_nothing_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        begin(tmp_path / "gone")


# ---- time slots


@pytest.mark.parametrize("save", [saved_autoencoder, saved_classifier])
def test_time_slots_start_from_pre_training_and_from_their_like(tmp_path, save):
    changed = {"global_pool": "slots"} if save is saved_classifier else {}
    parent = save(tmp_path / "a", **changed)
    model, report = begin(tmp_path / "a", global_pool="slots")
    assert_encoder(model, parent)
    if save is saved_classifier:
        assert torch.equal(model.head.weight, parent.head.weight)
        assert torch.equal(model.fc_norm.bias, parent.fc_norm.bias)
        assert report.head == "kept: the same 5 classes"
    else:
        assert torch.equal(model.head.weight, fresh(global_pool="slots")["head.weight"])
        assert begin(tmp_path / "a", global_pool="slots", norm="encoder")[1].norm == (
            "the one that closed the encoder"
        )


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ({"global_pool": "slots"}, {"global_pool": "slots", "frames": 4},
         r"reads 96 features of a clip \(global_pool slots, 4 of them\), the one here 48"),
        ({}, {"global_pool": "slots"}, r"reads 24 features of a clip \(global_pool avg\), the one"),
        ({"global_pool": "slots"}, {}, r"the one here 24 \(global_pool avg\); --init.head reinit"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("head", ["auto", "keep", "select"])
def test_a_head_of_other_features_is_refused_but_not_its_encoder(tmp_path, there, here, said, head):
    parent = saved_classifier(tmp_path / "a", **there)
    with pytest.raises(CheckpointError, match=said):
        begin(tmp_path / "a", head=head, **here)
    model, _ = begin(tmp_path / "a", head="reinit", **here)
    assert_encoder(model, parent)
    assert torch.equal(model.fc_norm.weight, parent.fc_norm.weight)
    other, report = begin(tmp_path / "a", classes=("run", "swim"), **here)
    assert report.head.startswith("fresh: 1 of 2 classes")
    assert_encoder(other, parent)
