"""``videomae2 models``: the table, a model fetched, a model published; licences on the way."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from tests.helpers.classifiers import saved_classifier
from tests.helpers.hub_cache import local_hub
from tests.helpers.released_files import drawn_classifier, save_released
from videomae2.cli.main import main
from videomae2.models.weights.formats.read import read_foreign
from videomae2.models.weights.hub.released import RELEASED, RELEASED_SIZES, RELEASED_TASKS
from videomae2.models.weights.resolve import load_classifier, resolve_classifier

# huggingface_hub 2.4 uploads with an argument that httpx2 does not want any more
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")
NC = {
    "licence": "cc-by-nc-4.0",
    "parents": {
        "init": {
            "path": "/c/models--OpenGVLab--VideoMAEv2-Base/snapshots/c0/",
            "licence": "cc-by-nc-4.0",
        }
    },
}
REPO, FILE = "OpenGVLab/VideoMAE2", "distill/vit_s_k710_dl_from_giant.pth"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hub(place, monkeypatch):
    save_released(place / "s.pth", drawn_classifier(4))
    content = (place / "s.pth").read_bytes()
    with local_hub(place / "cache", {REPO: {FILE: content}}, monkeypatch) as hub:
        yield hub


def call_json(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_and_its_filters(capsys):
    models = call_json(capsys, "models")["models"]
    assert [model["name"] for model in models] == list(RELEASED)
    assert all(model["code_licence"] for model in models)
    best = next(model for model in models if model["name"] == "vit_b_k710_dl_from_giant")
    assert (best["accuracy"], best["megabytes"]) == ("81.5", 174)
    assert set(best["weights_licences"].values()) == {"apache-2.0", "cc-by-nc-4.0"}
    for task in RELEASED_TASKS:
        found = call_json(capsys, "models", "--task", task)["models"]
        assert {model["task"] for model in found} == {task}
    sizes = [call_json(capsys, "models", "--size", size)["models"] for size in RELEASED_SIZES]
    assert sum(map(len, sizes)) == len(models)
    assert main(["models", "--size", "small", "--task", "classification"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["name", "task", "size"]
    assert any(f"hf://{REPO}/{FILE}" in line for line in lines)


def test_get_and_check_again(hub, capsys):
    name = Path(FILE).stem
    got = call_json(capsys, "models", "get", name)
    assert not got["was_cached"]
    assert got["licence"] == "cc-by-nc-4.0"
    assert call_json(capsys, "models", "get", f"hf://{REPO}/{FILE}")["was_cached"]
    blob = Path(got["path"]).resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    assert main(["models", "get", name]) == 2
    assert "is damaged: its hash is" in capsys.readouterr().err
    assert not call_json(capsys, "models", "get", name)["was_cached"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["get", "vit_b_k710_dl_from_gaint"], "did you mean vit_b_k710_dl_from_giant?"),
        (["get", "s.pth"], "is a path of this machine"),
        (["vit_b_k710_dl_from_giant"], "models get vit_b_k710_dl_from_giant fetches"),
        (["push", "s.pth", "mine"], "want owner/name"),
        (["push", "gone", "me/mine"], "gone does not exist"),
    ],
)
def test_wrong_names(hub, capsys, words, problem):
    assert main(["models", *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_name_in_the_place_of_a_path(hub, place, capsys):
    name = Path(FILE).stem
    words = ["convert", name, "out", "--frames", "8", "--side", "32"]
    assert main([*words, "--dry-run"]) == 2
    assert f"videomae2 models get {name} does" in capsys.readouterr().err
    assert main(words) == 0
    assert "cc-by-nc-4.0: not for commercial use" in capsys.readouterr().out
    card = resolve_classifier(place / "out").config
    assert card.metadata["licence"] == "cc-by-nc-4.0"
    assert card.metadata["released"] == name
    assert main(["convert", "out", "again", "--to", "transformers"]) == 0
    assert read_foreign(place / "again").config.metadata["licence"] == "cc-by-nc-4.0"


def read_head(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_push_and_use_it_from_there(hub, place, capsys):
    validation = {"top1": 0.75, "loss": 1.0}
    model = saved_classifier(place / "mine", notes={**NC, "validation": validation})
    assert main(["models", "push", "mine", "me/mine", "--datasets", "me/videos"]) == 0
    assert f"{hub.url}/me/mine" in capsys.readouterr().out
    files = hub.files["me/mine"]
    assert set(files) == {"README.md", "config.json", "model.safetensors"}
    head = read_head(files["README.md"].decode())
    assert head["license"] == "cc-by-nc-4.0"
    assert head["base_model"] == ["OpenGVLab/VideoMAEv2-Base"]
    assert (head["datasets"], head["metrics"]) == (["me/videos"], ["top1"])
    assert "Not for commercial use" in hub.cards[0]
    back, card = load_classifier(Path("hf://me/mine"), torch.device("cpu"))
    assert all(torch.equal(value, back.state_dict()[n]) for n, value in model.state_dict().items())
    assert card.metadata["licence"] == "cc-by-nc-4.0"
    ref = resolve_classifier(Path("hf://me/mine"))
    assert ref.run is None


def test_push_in_other_formats(hub, place):
    saved_classifier(place / "mine", outputs=4, classes=tuple("abcd"))
    assert main(["models", "push", "mine", "me/hf", "--to", "transformers"]) == 0
    assert {"README.md", "config.json", "model.safetensors"} <= set(hub.files["me/hf"])
    assert resolve_classifier(Path("hf://me/hf")).config.class_names == tuple("abcd")
    assert main(["models", "push", "mine", "me/one", "--to", "official", "--licence", "mit"]) == 0
    assert set(hub.files["me/one"]) == {"README.md", "one.safetensors"}
    assert read_head(hub.files["me/one"]["README.md"].decode())["license"] == "mit"


def test_what_push_refuses(hub, place, capsys):
    saved_classifier(place / "mine", notes=NC)
    assert main(["models", "push", "mine", "me/mine", "--licence", "mit"]) == 2
    assert "--licence mit allows more than cc-by-nc-4.0" in capsys.readouterr().err
    assert main(["models", "push", "mine", "me/mine", "--dry-run"]) == 0
    assert "license: cc-by-nc-4.0" in capsys.readouterr().out
    assert not hub.requests
    hub.refuse = 401
    assert main(["models", "push", "mine", "me/mine"]) == 2
    assert "hf auth login" in capsys.readouterr().err
    hub.stop()
    assert main(["models", "push", "mine", "me/mine"]) == 2
    assert "nothing was published" in capsys.readouterr().err
