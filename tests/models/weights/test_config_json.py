"""Cards of classifiers: names of classes travel with the model, and are held against the data's."""

import json

import pytest
import torch

from tests.helpers.classifiers import (
    NAMES,
    STATISTICS,
    classifier_config,
    saved_autoencoder,
    saved_classifier,
)
from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    FrameSampling,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    load_model_config,
    save_model_config,
)
from videomae2.models.weights.head import check_classes_match
from videomae2.models.weights.resolve import load_autoencoder, load_classifier

CPU = torch.device("cpu")


def card(**changed):
    return SavedClassifierConfig(
        **{"model": classifier_config(), "class_names": NAMES} | STATISTICS | changed
    )


def test_a_classifier_comes_back_with_its_names(tmp_path):
    model = saved_classifier(tmp_path / "a", drop_path=0.1, pretrained_grid=(4, 4, 4))
    again, found = load_classifier(tmp_path / "a", CPU)
    assert found == card(model=model.config)
    assert found.class_names == NAMES
    assert found.task_type == "multiclass"
    assert not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert json.loads((tmp_path / "a" / CONFIG_FILE).read_text())["kind"] == "classifier"


def test_a_card_is_read_as_what_it_is(tmp_path):
    saved_autoencoder(tmp_path / "a")
    saved_classifier(tmp_path / "c")
    assert isinstance(load_model_config(tmp_path / "a"), SavedAutoencoderConfig)
    assert isinstance(load_model_config(tmp_path / "c"), SavedClassifierConfig)
    with pytest.raises(CheckpointError, match="a holds an autoencoder, not the classifier"):
        load_classifier(tmp_path / "a", CPU)
    with pytest.raises(CheckpointError, match="c holds a classifier, not the autoencoder"):
        load_autoencoder(tmp_path / "c", CPU)


def test_a_card_that_describes_no_model_is_refused(tmp_path):
    saved_classifier(tmp_path / "c")
    path = tmp_path / "c" / CONFIG_FILE
    entry = json.loads(path.read_text())
    entry["model"]["encoder"]["num_heads"] = 5
    path.write_text(json.dumps(entry))
    with pytest.raises(CheckpointError, match="describes no model: dim must split evenly"):
        load_classifier(tmp_path / "c", CPU)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class_names": NAMES[:4]}, "there are 4 names of classes, the model has 5 outputs"),
        ({"class_names": (*NAMES[:4], "run")}, "the name 'run' stands for more than one class"),
        ({"mean": (0.5,)}, "mean and std have 1 and 3 values, the model reads 3 channels"),
    ],
)
def test_cards_that_contradict_themselves(changes, said):
    with pytest.raises(ValueError, match=said):
        card(**changes)


def test_names_may_be_unknown():
    assert card(class_names=None).class_names is None


def test_classes_that_differ_show_both_lists():
    check_classes_match(list(NAMES), NAMES, location="m")
    with pytest.raises(CheckpointError) as caught:
        check_classes_match(("jump", "swim"), NAMES, location="runs/a")
    said = str(caught.value)
    assert "the classes of the data are not those of runs/a: 1 only in the data and 4" in said
    assert "\n  data   2: jump, swim" in said
    assert "\n  model  5: jump, run, sit, walk, wave" in said


def test_the_same_classes_in_another_order_are_told():
    turned = ("jump", "sit", "run", "walk", "wave")
    with pytest.raises(CheckpointError, match="the same names in another order, from number 1 on"):
        check_classes_match(turned, NAMES, location="m")


@pytest.mark.parametrize(
    "span", [None, FrameSampling(kind="tsn"), FrameSampling(frame_interval=7.5)]
)
def test_a_card_keeps_which_frames_make_a_clip(tmp_path, span):
    wanted = card(frame_sampling=span)
    save_model_config(tmp_path, wanted)
    assert load_model_config(tmp_path) == wanted


def test_a_misspelt_part_of_a_span_is_named(tmp_path):
    save_model_config(tmp_path, card(frame_sampling=FrameSampling()))
    path = tmp_path / CONFIG_FILE
    path.write_text(path.read_text().replace('"frame_interval"', '"frame_intervall"'))
    said = r"frame_intervall is no setting; did you mean frame_sampling\.frame_interval\?"
    with pytest.raises(CheckpointError, match=said):
        load_model_config(tmp_path)
