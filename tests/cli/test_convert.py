"""``videomae2 convert``, and every command on what it writes."""

import json

import pytest
import torch

from tests.helpers.finetune_runs import CLASSES, class_folders
from tests.helpers.foreign_files import FILES, save_hf
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.cli.main import main
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.resolve import load_classifier
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

CPU = torch.device("cpu")
OUTS = {
    "official": "official.pth", "mmaction2": "mmaction2.pth", "videomaev2-hf": "hf",
    "transformers": "transformers",
}  # fmt: skip
CLIPS = ("--frames", str(FRAMES), "--side", str(SIDE))
VIEWS = ("--views.frame-interval", "1", "--views.clips", "1", "--views.crops", "1",
         "--reading.num-workers", "0")  # fmt: skip
SAYS_CLIPS = ("videomaev2-hf", "transformers", "ours")


def save_ours(folder, outputs=3, names=CLASSES, metadata=None):
    model = drawn_classifier(outputs)
    config = SavedClassifierConfig(
        model=model.config, class_names=names, mean=IMAGENET_MEAN, std=IMAGENET_STD,
        metadata=metadata or {},
    )  # fmt: skip
    folder.mkdir()
    save_model(folder, model.state_dict(), config)
    return model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A classifier in our format and in every other that holds it, and videos for it."""
    folder = tmp_path_factory.mktemp("formats")
    save_ours(folder / "ours", metadata={"licence": "cc-by-nc-4.0", "step": 7})
    for name, out in OUTS.items():
        assert main(["convert", str(folder / "ours"), str(folder / out), "--to", name]) == 0
    class_folders(folder)
    return folder


@pytest.fixture
def call(capsys):
    def call(*words):
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def refuse(capsys):
    def refuse(*words):
        assert main([str(word) for word in words]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    return refuse


def formats(place, names=("ours", *OUTS)):
    """Each as it is named, with what it does not say."""
    for name in names:
        yield name, place / OUTS.get(name, name), () if name in SAYS_CLIPS else CLIPS


def test_every_format_predicts_the_same(place, call):
    video = next((place / "v" / CLASSES[0]).iterdir())
    said = {}
    for name, path, clips in formats(place):
        line = call("predict", path, video, *clips, "--json", "--frame-interval", 1, "--clips", 1,
                    "--crops", 1, "--num-workers", 0)  # fmt: skip
        entry = json.loads(line)
        said[name] = {each["name"]: each["probability"] for each in entry["scores"]}
    assert set(said["ours"]) == set(CLASSES)
    for name, probabilities in said.items():
        assert probabilities == pytest.approx(said["ours"], abs=1e-4), name


@pytest.mark.slow
def test_every_format_is_evaluated_and_probed(place, call, tmp_path):
    accuracies = {}
    for name, path, clips in formats(place):
        out = tmp_path / f"{name}-evaluation"
        call("evaluate", path, place / "v", "--out", out, *clips, *VIEWS)
        accuracies[name] = json.loads((out / "results.json").read_text())["metrics"]
        words = (
            "--methods",
            "knn",
            "--cache-dir",
            tmp_path / "cache",
            "--frame-interval",
            1,
            "--num-workers",
            0,
        )
        said = json.loads(call("probe", path, place / "v", *words, *CLIPS, "--json"))
        assert said["results"][0]["method"] == "knn"
    assert all(metrics == accuracies["ours"] for metrics in accuracies.values())


@pytest.mark.parametrize(
    "names", [("transformers",), pytest.param(("ours", *OUTS), marks=pytest.mark.slow)]
)
def test_every_format_is_fine_tuned_and_teaches(place, call, tmp_path, names):
    for name, path, clips in formats(place, names):
        model = ("--model.encoder.size", "tiny", "--model.encoder.frames", FRAMES,
                 "--model.encoder.height", SIDE, "--model.encoder.width", SIDE)  # fmt: skip
        batch = ("--optim.global-batch-size", 4, "--optim.micro-batch-size", 4)
        run = ("own", place / "v", *model, *batch, "--out", tmp_path / name, "--dry-run")
        said = call("finetune", *run, "--init.weights", path)
        assert "weights of" in said
        assert "head: kept: the same 3 classes" in said, name
        if (
            not clips and len(names) > 1
        ):  # a teacher says of which clips it is, or it is converted first
            assert str(path) in call("distill", *run, "--teacher.weights", path)


def test_the_report_says_every_key(place, call, tmp_path):
    entry = json.loads(
        call("convert", place / "transformers", tmp_path / "x.pth", "--to", "official", "--json")
    )
    assert entry["verified"]
    assert (tmp_path / "x.pth").is_file()
    read, written = entry["read"], entry["written"]
    assert read["format"] == "transformers' VideoMAE"
    assert read["renamed"]["classifier.weight"] == "head.weight"
    assert read["reshaped"]["encoder.blocks.0.attn.qkv.weight"] == "3 put together"
    assert set(read["used"].values()) == set(written["used"].values())
    assert written["left_out"]["card: clips"].startswith("of 8x32x32")
    assert "outputs differ by about 1e-5" in written["left_out"]["card: layer_norm_eps"]
    text = call("convert", place / "official.pth", tmp_path / "y", *CLIPS, "--dry-run")
    assert not (tmp_path / "y").exists()
    assert "would write" in text
    assert "encoder.patch_embed.proj.weight: a 3-d convolution became" in text


def test_what_is_known_of_weights_travels_with_them(place, call, tmp_path):
    for name, path, clips in formats(place):
        if name == "ours":
            continue
        call("convert", path, tmp_path / name, *clips)
        model, card = load_classifier(tmp_path / name, CPU)
        assert card.class_names == CLASSES
        assert card.metadata["licence"] == "cc-by-nc-4.0"
        assert card.metadata["step"] == 7
        assert card.metadata["converted_from"]["path"] == str(path)
        assert torch.equal(model.head.weight, drawn_classifier(3).head.weight)
    assert "license: cc-by-nc-4.0" in (place / "transformers" / "README.md").read_text()


@pytest.mark.parametrize("data_set", ["kinetics-400", "kinetics-600", "kinetics-700"])
def test_a_head_of_kinetics_710_is_cut(call, tmp_path, data_set):
    model = drawn_classifier(710)
    path = save_released(tmp_path / "k710.pth", model)
    call("convert", path, tmp_path / "cut", "--class-names", "kinetics-710", "--classes", data_set,
         *CLIPS)  # fmt: skip
    cut, card = load_classifier(tmp_path / "cut", CPU)
    names, all_names = load_public_classes(data_set), load_public_classes("kinetics-710")
    assert card.class_names == names
    rows = [all_names.index(name) for name in names]
    assert torch.equal(cut.head.weight, model.head.weight[rows])
    assert torch.equal(cut.head.bias, model.head.bias[rows])


def test_what_files_do_not_say_is_said_once(call, refuse, tmp_path):
    torch.save(FILES["mmaction2"](), tmp_path / "x.pth")
    said = refuse("predict", tmp_path / "x.pth", "v.mp4", "--dry-run")
    assert f"convert {tmp_path / 'x.pth'} OUT --num-heads N makes a model that does" in said
    call("convert", tmp_path / "x.pth", tmp_path / "x", "--frames", 4, "--side", 16, "--num-heads",
         3, "--mean", 0.5, 0.5, 0.5, "--std", 0.2, 0.2, 0.2)  # fmt: skip
    model, card = load_classifier(tmp_path / "x", CPU)
    assert (card.model.encoder.shape.num_heads, card.mean) == (3, (0.5,) * 3)
    assert model.cubes.frames == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ours", "ours"), "is there already; choose another name, or delete it"),
        (("ours", "x", "--to", "official"), "official is one file; call x x.pth, or .safetensors"),
        (("ours", "x.pth", "--to", "transformers"), "transformers is a folder; call x.pth x"),
        (("ours", "x.pth", "--to", "ava"), "ava needs a norm of every token"),
        (("ours", "x", "--num-heads", "3"), "says itself what it is: --frames"),
        (("ours", "x", "--mean", "0.5"), "--mean and --std go together; give both"),
        (("ours", "x", "--to", "keras"), "--to wants one of 'ava', 'mmaction2', 'official'"),
        (("transformers", "x", "--side", "64"), "says itself of which clips it is"),
        (("gone", "x"), "gone does not exist; give a run folder"),
    ],
)
def test_what_cannot_be_is_one_line(place, refuse, monkeypatch, words, said):
    monkeypatch.chdir(place)
    before = sorted(path.name for path in place.iterdir())
    assert said in refuse("convert", *words)
    assert sorted(path.name for path in place.iterdir()) == before


def test_pretraining_gives_backbones(call, tmp_path):
    """Its decoder is left out by name where the format has no place for one."""
    torch.save(FILES["pre-training"](), tmp_path / "in.pth")
    call("convert", tmp_path / "in.pth", tmp_path / "ours", "--frames", 4, "--side", 16,
         "--num-heads", 3, "--decoder-num-heads", 2)  # fmt: skip
    for name, out in (("ava", "a.pth"), ("mmaction2", "m.pth"), ("videomaev2-hf", "h")):
        entry = json.loads(
            call("convert", tmp_path / "ours", tmp_path / out, "--to", name, "--json")
        )
        left = entry["written"]["left_out"]
        assert left["mask_token"] == "the decoder, for which the format has no place"
    assert load_classifier(tmp_path / "h", CPU)[1].model.global_pool == "token"


def test_a_hugging_face_folder_is_converted(call, tmp_path):
    save_hf(tmp_path / "hf")
    assert "Hugging Face folder of VideoMAE V2" in call("convert", tmp_path / "hf", tmp_path / "x")
    assert load_classifier(tmp_path / "x", CPU)[0].cubes.frames == 4
