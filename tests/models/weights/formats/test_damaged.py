"""Every damaged input gives one sentence, and nothing that it holds runs."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.foreign_files import FILES, HEADS, mmaction, official_classifier, save_hf
from videomae2.errors import CheckpointError
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.read import read_foreign
from videomae2.models.weights.resolve import load_classifier, resolve_checkpoint

HINTS = ModelHints(frames=4, side=16, num_heads=HEADS, decoder_num_heads=2)


class RunsCode:
    """What a pickle can do to whoever loads it with all trust."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def refuse(path):
    with pytest.raises(CheckpointError) as caught:
        read_foreign(path, HINTS).load_state()
    said = str(caught.value)
    assert "\n" not in said
    assert str(path) in said
    return said


@pytest.mark.parametrize("key", ["args", "state_dict", None])
@pytest.mark.parametrize("kind", ["zip", "legacy", "plain"])
def test_a_pickle_that_would_run_code_does_not_run_it(tmp_path, key, kind):
    trap, path = RunsCode(tmp_path / "ran"), tmp_path / "x.pth"
    content = trap if key is None else {"model": official_classifier(), key: trap}
    if kind == "plain":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    said = refuse(path)
    assert not (tmp_path / "ran").exists()
    if kind == "zip":
        assert "posix.mkdir beside tensors, which may run code and is not loaded" in said
        assert "torch.save(model.state_dict(), FILE) writes the weights alone" in said


def change(name, value):
    def apply(state):
        return state | {name: value}

    return apply


def drop(*names):
    return lambda state: {n: v for n, v in state.items() if n not in names}


WIDE = torch.zeros(24, 30)
CHANGES = {
    "a key is missing": (drop("blocks.1.attn.proj.weight"), "lacks blocks.1.attn.proj.weight"),
    "many are": (drop(*(n for n in official_classifier() if ".mlp.fc2" in n)), "and 1 more"),
    "a norm is": (drop("fc_norm.weight", "fc_norm.bias"), "lacks fc_norm.weight, fc_norm.bias"),
    "half a norm is": (drop("fc_norm.bias"), "it lacks fc_norm.bias"),
    "a block is": (
        lambda s: {n: v for n, v in s.items() if not n.startswith("blocks.0.")}, "blocks.0."
    ),
    "a key is too much": (change("blocks.1.rel_pos", WIDE), "nothing is known of blocks.1.rel_pos"),
    "another part": (change("temporal.weight", WIDE), "nothing is known of temporal.weight"),
    "a shape is wrong": (change("blocks.0.mlp.fc2.weight", WIDE), r"is (24, 30), want (24, 60)"),
    "a head is": (change("head.bias", torch.zeros(9)), "head.bias is (9,), want (5,)"),
    "whole numbers": (change("head.bias", torch.zeros(5).int()), "holds torch.int32, want float"),
    "not a number": (change("head.bias", torch.full((5,), float("nan")).half()), "not finite"),
    "infinity": (change("fc_norm.bias", torch.full((24,), float("inf"))), "24 numbers of fc_norm"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_weights_that_are_not_as_they_should_be(tmp_path, kind):
    changed, said = CHANGES[kind]
    torch.save({"model": changed(official_classifier())}, tmp_path / "x.pth")
    before = (tmp_path / "x.pth").read_bytes()
    assert said in refuse(tmp_path / "x.pth")
    assert [p.name for p in tmp_path.iterdir()] == ["x.pth"]
    assert (tmp_path / "x.pth").read_bytes() == before


def test_a_folder_of_several_files_is_asked_for_one(tmp_path):
    for name in ("checkpoint-9.pth", "checkpoint-best.pth"):
        torch.save({"model": official_classifier()}, tmp_path / name)
    torch.save({}, tmp_path / "optimizer.pt")
    said = refuse(tmp_path)
    assert "2 files of weights (checkpoint-9.pth, checkpoint-best.pth); name the one" in said
    (tmp_path / "checkpoint-9.pth").unlink()
    assert resolve_checkpoint(tmp_path, hints=HINTS).config.model.num_classes == 5


def test_files_of_a_folder_that_are_damaged(tmp_path):
    folder = save_hf(tmp_path / "a")
    config = json.loads((folder / "config.json").read_text())
    config["model_config"]["depth"] = 7
    (folder / "config.json").write_text(json.dumps(config))
    assert "config.json says depth 7, and its weights 2" in refuse(folder)
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid 1")
    assert "is a pointer of Git LFS" in refuse(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    assert "holds no file of weights" in refuse(folder)
    shards = tmp_path / "shards"
    shards.mkdir()
    index = shards / "model.safetensors.index.json"
    for names, said in (
        ({}, "names no shards"),
        ({"a": "../other.safetensors"}, "'../other.safetensors' as a shard, which is no file"),
        ({"a": "model-00001-of-00002.safetensors"}, "lacks model-00001-of-00002.safetensors"),
    ):
        index.write_text(json.dumps({"weight_map": names}))
        with pytest.raises(CheckpointError, match="shard") as caught:
            read_foreign(shards, HINTS)
        assert said in str(caught.value)


def test_our_own_weights_without_their_card_name_the_folder(tmp_path):
    save_file({"encoder.patch_embed.proj.weight": torch.zeros(24, 384)}, tmp_path / "a.safetensors")
    assert "as videomae2 saves them, without the config.json" in refuse(tmp_path / "a.safetensors")


def test_what_is_no_model_of_videos_says_what_is_there(tmp_path):
    torch.save({"state_dict": {"conv1.weight": torch.zeros(3)}}, tmp_path / "x.pth")
    assert "no video transformer of a kind that is known" in refuse(tmp_path / "x.pth")
    state = {f"{part}.{n}": v for part in ("student", "teacher") for n, v in mmaction().items()}
    torch.save({"state_dict": state}, tmp_path / "x.pth")
    assert "holds 2 models, under" in refuse(tmp_path / "x.pth")


def test_numbers_that_are_not_finite_reach_no_model(tmp_path):
    state = FILES["half"]()["module"]
    state["blocks.0.norm1.bias"][3] = float("nan")
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="heads"):
        load_classifier(tmp_path / "x.pth", torch.device("cpu"))
    ref = resolve_checkpoint(tmp_path / "x.pth", hints=HINTS)
    with pytest.raises(CheckpointError, match=r"1 numbers of encoder\.blocks\.0\.norm1\.bias"):
        ref.load_state()


TRANSFORMERS4 = Path(__file__).parent / "transformers4" / "pretrained"
STRANGE = ("x", -1, 10**400, [])


@pytest.mark.parametrize(
    "name",
    [pytest.param("config.json", marks=pytest.mark.slow), "preprocessor_config.json", "hf"],
)
def test_strange_values_in_json_are_one_sentence_or_harmless(tmp_path, name):
    """Whatever a value is replaced by, nothing but a CheckpointError comes out."""
    if name == "hf":
        folder, name = save_hf(tmp_path / "a"), "config.json"
        whole = json.loads((folder / name).read_text())
        section = whole["model_config"]
    else:
        folder = shutil.copytree(TRANSFORMERS4, tmp_path / "a")
        pixels = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 255}
        (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
        section = whole = json.loads((folder / name).read_text())
    refused = 0
    for key, value in list(section.items()):
        for strange in STRANGE:
            section[key] = strange
            (folder / name).write_text(json.dumps(whole))
            try:
                read_foreign(folder).load_state()
            except CheckpointError as error:
                refused += "\n" not in str(error)
        section[key] = value
    assert refused > len(section)
