"""Saved models: there and back, and every way in which a folder can be none."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.helpers.models import small_config, small_model
from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    SavedAutoencoderConfig,
    load_model_config,
)
from videomae2.models.weights.resolve import find_saved_model, load_autoencoder
from videomae2.models.weights.saved import MODEL_FILE, save_model

CPU = torch.device("cpu")


def card(**changed):
    notes = {
        "step": 7,
        "masking": {"encoder": "tube", "encoder_mask_ratio": 0.75},
        "licence": "MIT ü",
    }
    config = small_config(pretrained_grid=(4, 4, 4), drop_path=0.1)
    return SavedAutoencoderConfig(
        **{"model": config, "mean": (0.5, 0.4, 0.3), "std": (1.0, 0.2, 0.3), "metadata": notes}
        | changed
    )


@pytest.fixture
def saved(tmp_path):
    save_model(tmp_path, small_model().state_dict(), card())
    return tmp_path


def edit(folder, change):
    path = folder / CONFIG_FILE
    entry = json.loads(path.read_text())
    change(entry)
    path.write_text(json.dumps(entry))


def refusal(folder):
    with pytest.raises(CheckpointError) as caught:
        load_autoencoder(folder, CPU)
    return str(caught.value)


def test_a_model_comes_back_as_it_was(saved):
    model, found = load_autoencoder(saved, CPU)
    assert found == card()
    assert not model.training
    for (name, got), (same, want) in zip(
        model.state_dict().items(), small_model().state_dict().items(), strict=True
    ):
        assert name == same
        assert torch.equal(got, want)


def test_the_files_are_safetensors_and_a_card_and_nothing_else(saved):
    assert {path.name for path in saved.iterdir()} == {MODEL_FILE, CONFIG_FILE}
    entry = json.loads((saved / CONFIG_FILE).read_text())
    assert (entry["format"], entry["kind"]) == (1, "autoencoder")
    assert set(load_file(saved / MODEL_FILE)) == set(small_model().state_dict())


def test_a_run_folder_gives_its_newest_checkpoint(saved, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    for name in ("step-00000900", "step-00001000", "step-99999999", "step-100000000"):
        folder = run / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / CONFIG_FILE).write_bytes((saved / CONFIG_FILE).read_bytes())
    (run / "checkpoints" / ".step-100000001.partial").mkdir()
    (run / "checkpoints" / "step-100000002").mkdir()  # without a card it is none
    assert find_saved_model(run).name == "step-100000000"
    assert find_saved_model(run / "checkpoints" / "step-00000900").name == "step-00000900"


def test_what_is_no_model_is_refused_by_name(tmp_path):
    assert refusal(tmp_path / "gone").startswith(f"{tmp_path / 'gone'} does not exist; give a run")
    assert "holds neither a model nor checkpoints; give a run folder" in refusal(tmp_path)
    (tmp_path / "weights.pth").write_bytes(b"x")
    assert "weights.pth: it is no file of weights, is cut off" in refusal(tmp_path / "weights.pth")


def test_weights_that_do_not_fit_are_listed(saved):
    weights = load_file(saved / MODEL_FILE)
    weights["encoder.norm.scale"] = weights.pop("encoder.norm.weight")
    weights["mask_token"] = torch.zeros(1, 1, 13)
    weights["decoder.head.bias"] = weights["decoder.head.bias"].int()
    save_file(weights, saved / MODEL_FILE)
    said = refusal(saved)
    assert "does not fit the model in 4 of its weights:" in said
    assert "\n  encoder.norm.weight is missing" in said
    assert "\n  encoder.norm.scale is not of this model" in said
    assert "\n  mask_token is (1, 1, 13), want (1, 1, 12)" in said
    assert "\n  decoder.head.bias holds torch.int32, want floating point" in said


def test_a_long_list_is_cut(saved):
    save_file({"x": torch.zeros(1)}, saved / MODEL_FILE)
    said = refusal(saved)
    assert said.count("\n") == 13
    assert said.endswith(f"and {len(small_model().state_dict()) + 1 - 12} more")


REFUSED = [
    (
        "model.encoder.heigth",
        4,
        "model.encoder.heigth is no setting; did you mean model.encoder.height?",
    ),
    ("model.zzz", 1, "model.zzz is no setting; "),
    ("model.encoder.height", "32", "model.encoder.height wants a whole number, found '32'"),
    ("model.encoder.height", True, "model.encoder.height wants a whole number, found true"),
    ("model.encoder.size", "vast", "model.encoder.size wants one of "),
    (
        "model.encoder.pretrained_grid",
        [1, 2],
        "wants a list of 3 whole numbers or null, found [1, 2]",
    ),
    ("model.encoder.height", 33, "height=33 does not split into cubes of 8; 32 would work"),
    ("model.decoder.num_heads", 5, "dim must split evenly over heads"),
    ("model", 3, "model wants a section with settings of its own, found 3"),
    ("mean", [0.1], "mean and std have 1 and 3 values, the model reads 3 channels"),
    ("format", 9, "is of format 9, kind 'autoencoder'; this version reads format 1"),
    ("kind", "detector", "kind 'detector'; this version reads format 1, kinds autoencoder, cl"),
]


@pytest.mark.parametrize(("where", "value", "said"), REFUSED)
def test_a_wrong_card_is_refused(saved, where, value, said):
    *sections, name = where.split(".")

    def change(entry):
        for section in sections:
            entry = entry[section]
        entry[name] = value

    edit(saved, change)
    assert said in refusal(saved)
    assert CONFIG_FILE in refusal(saved)


def test_a_card_without_what_has_no_default_is_refused(saved):
    edit(saved, lambda e: e.pop("mean"))
    assert "mean is missing; it has no default" in refusal(saved)


def test_a_card_may_leave_out_what_has_a_default(saved):
    edit(saved, lambda e: e["model"]["encoder"].pop("drop_path"))
    assert load_model_config(saved).model.encoder.drop_path == 0.0


def test_broken_files_are_refused(saved):
    (saved / MODEL_FILE).write_bytes((saved / MODEL_FILE).read_bytes()[:100])
    assert f"cannot read {saved / MODEL_FILE}" in refusal(saved)
    (saved / MODEL_FILE).unlink()
    assert f"cannot read {saved / MODEL_FILE}" in refusal(saved)
    (saved / CONFIG_FILE).write_text("[]")
    assert "is no card: want an object, found list" in refusal(saved)
    (saved / CONFIG_FILE).write_text("{")
    assert f"cannot read {saved / CONFIG_FILE}" in refusal(saved)


def test_a_model_whose_weights_cannot_be_written_is_no_model(saved):
    (saved / MODEL_FILE).unlink()
    (saved / MODEL_FILE).mkdir()
    with pytest.raises(Exception, match="directory"):
        save_model(saved, small_model().state_dict(), card())
    with pytest.raises(CheckpointError, match="holds neither"):
        find_saved_model(saved)
