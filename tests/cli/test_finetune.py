"""``videomae2 finetune`` as a person uses it: a folder per class and nothing else, and mistakes."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.helpers.finetune_runs import CLASSES, class_folders
from tests.helpers.official_names import classifier_to_official
from videomae2.cli.main import main
from videomae2.config.files import load_config
from videomae2.config.runs import FinetuneRun
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.resolve import load_classifier
from videomae2.recipes.table import FINETUNE_RECIPES

IN_PROCESS = (
    "--reading.num-workers", "0", "--runtime.device", "cpu", "--runtime.precision", "fp32",
)  # fmt: skip
TINY = (
    "--model.encoder.height", "32", "--model.encoder.width", "32", "--model.encoder.frames", "4",
    "--model.encoder.embed-dim", "24", "--model.encoder.depth", "1",
    "--model.encoder.num-heads", "2",
    *IN_PROCESS,
)  # fmt: skip
SHORT = (*TINY, "--optim.epochs", "2", "--optim.warmup-epochs", "1")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("shapes"), each=10)


@pytest.fixture
def folder(shapes, tmp_path, monkeypatch):
    """A working folder with my_videos/CLASS/…, ten videos of each."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_videos").symlink_to(shapes)
    return tmp_path


def few_videos(folder: Path, shapes: Path, *, each: int) -> None:
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for path in sorted((shapes / name).iterdir())[:each]:
            shutil.copy(path, folder / name)


def vit_s(folder: Path) -> Path:
    """A released file of the size of `own`."""
    model = Classifier(FINETUNE_RECIPES["own"]([Path("v")], Path("r")).model)
    path = folder / "s.pth"
    torch.save(classifier_to_official(model.state_dict(), model.cubes), path)
    return path


def refused(capsys, *words: str) -> str:
    assert main(["finetune", *words]) == 2
    said = capsys.readouterr().err
    assert not Path("runs").exists()
    return said.removeprefix("videomae2: error: ")


def test_a_folder_of_thirty_videos_is_all_it_takes(folder, capsys):
    """No list, no labels, no number of classes; what was found out is said."""
    assert main(["finetune", "own-cpu", "my_videos", *SHORT]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        "videos   my_videos: 24 videos (3 class folders of 30 videos), frames over the whole "
        "video, weight 1",
        f"classes  3: {', '.join(CLASSES)} (3 class names from 3 class folders of 30 videos)",
        "         8 videos each to train on",
        "val      6 of 30 videos, 0.2 of each class, not trained on",
    ]
    assert "steps    2 of 24 videos x 1 view, 2 epochs, peak lr 0.00075" in said
    assert "start    from scratch; --init.weights RUN would begin with what a" in "\n".join(said)
    assert said[-2].startswith("best     runs/own-cpu-finetune/best, of step ")
    assert said[-1] == "done     runs/own-cpu-finetune/best"
    model, card = load_classifier(Path("runs/own-cpu-finetune/best"), torch.device("cpu"))
    assert isinstance(card, SavedClassifierConfig)
    assert (card.class_names, model.config.num_classes) == (CLASSES, 3)
    assert card.frame_sampling == FrameSampling(kind="whole")
    lines = Path("runs/own-cpu-finetune/metrics.jsonl").read_text().splitlines()
    kept = [json.loads(line) for line in lines]
    assert sum("loss" in line for line in kept) == 2
    assert main(["finetune", "own-cpu", "my_videos", *SHORT, "--json"]) == 0
    came_of_it = json.loads(capsys.readouterr().out)
    assert came_of_it["run"] == "runs/own-cpu-finetune"
    assert came_of_it["model"]["folder"] == "runs/own-cpu-finetune/best"


def test_it_starts_from_a_pretraining_run_of_the_same_recipe(folder, capsys):
    flags = ["--optim.epochs", "1", "--optim.warmup-epochs", "0", "--optim.global-batch-size", "16"]
    assert main(["pretrain", "own-cpu", "my_videos", *TINY, *flags]) == 0
    words = ["my_videos", "--init.weights", "runs/own-cpu", *TINY]
    assert main(["finetune", "own-cpu", *words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "weights of runs/own-cpu/checkpoints/step-00000001\n         norm: fresh; head: " in said
    assert not Path("runs/own-cpu-finetune").exists()
    flags = ["--tuning.lora.rank", "2", "--task.balance", "0.5", *SHORT]
    assert main(["finetune", "own-cpu", *words, *flags]) == 0


def test_without_a_recipe_it_lists_them(capsys):
    assert main(["finetune"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in FINETUNE_RECIPES)


def test_videos_in_the_place_of_a_recipe(folder, capsys, monkeypatch):
    """Without a GPU the recipe that is proposed is one for a CPU."""
    for there, recipe in ((False, "own-cpu"), (True, "own")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
        said = refused(capsys, "my_videos/")
        hint = f"try videomae2 finetune {recipe} my_videos/\n"
        assert said == f"a recipe comes before the videos; {hint}"


@pytest.mark.parametrize("recipe", ["own-cpu", "k400-base"])
def test_a_recipe_alone_asks_for_videos(folder, recipe, capsys):
    assert refused(capsys, recipe).startswith("no videos are named; try videomae2 finetune ")


def test_an_empty_class_folder_is_told(folder, shapes, capsys):
    shutil.copytree(shapes, folder / "more")
    (folder / "more" / "waits").mkdir()
    assert main(["finetune", "own-cpu", "more", *TINY, "--dry-run"]) == 0
    assert "(3 class folders of 30 videos; no video in waits)" in capsys.readouterr().out


def test_classes_of_one_video_are_not_held_out_and_that_is_told(folder, shapes, capsys):
    shutil.copytree(shapes, folder / "few")
    for path in sorted((folder / "few" / "grows").iterdir())[1:]:
        path.unlink()
    assert main(["finetune", "own-cpu", "few", *TINY, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "1 to 8 videos each to train on" in said
    assert "val      4 of 21 videos, 0.2 of each class, not trained on; none of grows" in said


def test_fewer_videos_than_a_step_wants(folder, shapes, capsys):
    few_videos(folder / "ones", shapes, each=1)
    said = refused(capsys, "own-cpu", "ones", *TINY, "--optim.no-allow-smaller-batch")
    assert (
        "an epoch has 3 videos and a step wants --optim.global-batch-size 32; use a batch" in said
    )
    assert "; use a batch of at most 3, " in said
    assert "--optim.allow-smaller-batch, or take each video more often" in said


def test_a_batch_of_more_than_there_are_shrinks_and_that_is_told(folder, capsys):
    """`own` takes 32 videos a step, in parts of 8; 24 are left to train on."""
    words = ["finetune", "own", "my_videos", *SHORT]
    assert main([*words, "--dry-run"]) == 0
    plan = "steps    2 of 24 videos x 2 views in 3 parts, 2 epochs, peak lr 9.38e-05\n"
    plan += "         not --optim.global-batch-size 32: an epoch has 24 videos\n"
    assert plan in capsys.readouterr().out
    assert main(words) == 0
    assert plan in capsys.readouterr().out
    kept = load_config(FinetuneRun, Path("runs/own-finetune/run.yaml")).optim
    assert (kept.global_batch_size, kept.micro_batch_size) == (24, 8)
    assert main(words) == 0  # goes on as the same run


@pytest.mark.parametrize("recipe", ["own-frozen", "own-lora"])
def test_recipes_for_few_videos_take_few(recipe, folder, shapes, capsys):
    few_videos(folder / "few", shapes, each=3)
    words = [recipe, "few", "--init.weights", str(vit_s(folder)), *IN_PROCESS]
    assert main(["finetune", *words, "--dry-run"]) == 0
    assert "not --optim.global-batch-size 16: an epoch has 6 videos" in capsys.readouterr().out


def test_weights_that_are_not_there(folder, capsys):
    said = refused(capsys, "own-cpu", "my_videos", "--init.weights", "rnus/own")
    assert said.startswith("--init.weights rnus/own does not exist; ")
    assert "it wants a run folder, a saved model or weights of other software" in said


def test_weights_of_another_size_name_theirs(folder, capsys):
    model = Classifier(ClassifierConfig(encoder=EncoderConfig(size="base", depth=1)))
    torch.save(classifier_to_official(model.state_dict(), model.cubes), "base.pth")
    said = refused(capsys, "own", "my_videos", "--init.weights", "base.pth", "--dry-run",
                   "--optim.global-batch-size", "8")  # fmt: skip
    assert said.startswith("base.pth has another encoder: embed_dim 768 there and 384 here, depth")
    assert "--model.encoder.size base --model.encoder.depth 1" in said


def test_a_run_of_another_recipe_names_the_settings_that_fit(folder, capsys):
    assert main(["finetune", "own-cpu", "my_videos", *SHORT, "--out", "other"]) == 0
    capsys.readouterr()
    flags = ["--init.weights", "other", "--optim.global-batch-size", "8", "--dry-run"]
    said = refused(capsys, "own", "my_videos", *flags)
    assert "has another encoder: embed_dim 24 there and 384 here, " in said
    assert said.endswith(
        "; --model.encoder.size tiny --model.encoder.embed-dim 24 --model.encoder.depth 1 "
        "--model.encoder.num-heads 2 --model.encoder.patch-size 16 --model.encoder.channels 1 "
        "--model.encoder.pos-embed axes would build that one\n"
    )


def test_a_class_that_cannot_be_read_stops_it(folder, shapes, capsys):
    shutil.copytree(shapes, folder / "broken")
    for path in (folder / "broken" / "grows").iterdir():
        path.write_bytes(b"no video")
    assert main(["finetune", "own-cpu", "broken", *SHORT]) == 2
    said = capsys.readouterr().err
    assert "videos cannot be read, more than --data.max-unreadable-share 0.1" in said
    assert "broken/grows/" in said


def test_unknown_settings_of_a_file_are_all_named(folder, capsys):
    Path("part.yaml").write_text("optim: {epoch: 3}\nmodel: {size: base}\n")
    said = refused(capsys, "own-cpu", "my_videos", "--config", "part.yaml")
    assert "part.yaml:1: optim.epoch is no setting; did you mean optim.epochs?" in said
    assert "part.yaml:2: model.size is no setting; did you mean model.encoder.size?" in said


def test_single_images_are_no_videos(folder, capsys):
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in (1, 2, 3):
            (folder / "photos" / name / f"{number}.jpg").touch()
    said = refused(capsys, "own-cpu", "photos")
    assert "cat, whose images are taken for the frames of one video, lies in no class" in said


def test_labels_by_numbers_with_and_without_names(folder, shapes, capsys):
    lines = [f"{p} {n}" for n, c in enumerate(CLASSES) for p in sorted((shapes / c).iterdir())]
    Path("list.txt").write_text("\n".join(lines) + "\n")
    words = ["own-cpu", "list.txt", *TINY, "--dry-run"]
    assert main(["finetune", *words]) == 0
    said = capsys.readouterr().out
    assert "classes  3: 0, 1, 2 (3 classes called by their numbers: there are no names)" in said
    Path("names.txt").write_text("big\nleft\nround\n")
    assert main(["finetune", *words, "--labels.class-names", "names.txt"]) == 0
    assert "classes  3: big, left, round (" in capsys.readouterr().out
    Path("names.txt").write_text("big\nleft\n")
    said = refused(capsys, *words, "--labels.class-names", "names.txt")
    assert "list.txt:21: label is 2, but there are 2 classes, from 0" in said
    said = refused(capsys, *words, "--labels.class-names", "kinetics400")
    assert "--labels.class-names kinetics400 is no file" in said
    assert "did you mean kinetics-400?" in said


def test_splits_and_loose_videos_are_no_classes(folder, shapes, capsys):
    for name in ("train", "val"):
        shutil.copytree(shapes, folder / "parts" / name)
    said = refused(capsys, "own-cpu", "parts")
    assert "its folders (train, val) look like splits" in said
    said = refused(capsys, "own-cpu", "my_videos/grows")
    assert "lies in no class folder (10 such), wanted one folder per class" in said


def test_folders_within_classes_and_any_letters(folder, shapes, capsys):
    names = ("grüßen 你好", "👍 day 1")
    for name, shape in zip(names, CLASSES, strict=False):
        shutil.copytree(shapes / shape, folder / "own" / name / "camera 2" / "ü")
    assert main(["finetune", "own-cpu", "own", *SHORT]) == 0
    assert f"classes  2: {', '.join(names)} (" in capsys.readouterr().out
    _, card = load_classifier(Path("runs/own-cpu-finetune/best"), torch.device("cpu"))
    assert card.class_names == names
