"""Every command and every Python example of the README and the docs works as it stands."""

import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.docs_commands import PAGES, all_commands, blocks, walks
from tests.helpers.brightness_classifier import levels, read_here, save_rigged, write_levels
from tests.helpers.distill_runs import make_teacher
from tests.helpers.kinetics_annotations import kinetics
from tests.helpers.pretrain_runs import small_run, small_videos
from tests.helpers.reference_evaluation import save_run, save_videos
from tests.helpers.released_files import drawn_classifier, save_released
from videomae2.base.summary import Summary
from videomae2.cli.main import main
from videomae2.cli.run import EXAMPLE_PIPELINE
from videomae2.commands.train.pretrain import pretrain
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.init import init_autoencoder_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.models.weights.saved import save_model
from videomae2.recipes.table import RECIPES

LONG = [pytest.mark.slow, pytest.mark.timeout(1200)]
SHORT = ("--optim.epochs", "1", "--optim.warmup-epochs", "0")


def runnable() -> list[pytest.param]:
    """What several pages say alike stands here once."""
    found = {}
    in_walks = {command for walk in walks() for command in walk}
    for command in all_commands():
        marks = LONG if command.slow else []
        if command.runs and command not in in_walks:
            case = pytest.param(list(command.words[1:]), id=str(command), marks=marks)
            found.setdefault(command.words, case)
    return list(found.values())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    for name, count in (("my_videos", 100), ("more_videos", 20)):
        small_videos(folder / name, count=count)
    shutil.copy(next((folder / "my_videos").rglob("*.mp4")), folder / "video.mp4")
    save_rigged(folder / "runs" / "model")
    write_levels(folder / "long.mp4", levels((100, 0), (100, 255)))
    pretrain(small_run(folder / "my_videos" / "train", folder / "runs" / "own"))
    # Its model stands for one of the recipe's own size.
    for name in ("run.yaml", "provenance.json"):
        (folder / "runs" / "own" / name).unlink()
    save_start(folder / "runs" / "own-cpu")
    label(folder)
    save_run(folder / "runs" / "tuned")
    save_videos(folder / "labelled_videos", each=8)
    (folder / "pipeline.yaml").write_text(EXAMPLE_PIPELINE)
    make_teacher(
        folder / "tuned_elsewhere" / "best",
        classes=tuple(sorted(path.name for path in (folder / "my_videos" / "train").iterdir())),
        frames=16,
        height=32,
        width=32,
        channels=1,
        card={"mean": (0.5,), "std": (0.25,)},
    )
    videos = sorted(save_videos(folder / "test_videos").rglob("*.mp4"))
    lines = [f"{video},{video.parent.name}\n" for video in videos]
    (folder / "test.csv").write_text("path,label\n" + "".join(lines))
    kinetics(folder)
    (folder / "same.yaml").write_text("walk: moves_right\n")
    model = drawn_classifier(710, size="small", frames=16, side=224)
    save_released(folder / "vit_s_k710_dl_from_giant.pth", model, half=True)
    numbered = [f"{video} {number}\n" for number, video in enumerate(videos)]
    (folder / "k400_test.csv").write_text("".join(numbered))
    return folder


def name_page(page: Path) -> str:
    return page.name


def offer_teacher(place: Path, text: str) -> None:
    """The run that earlier commands of a page leave; no training would write over it."""
    link = place / "runs" / "own-cpu-finetune"
    link.unlink(missing_ok=True)
    if str(link.relative_to(place)) in text:
        link.symlink_to(place / "tuned_elsewhere")


def save_start(folder: Path) -> None:
    """Untrained weights where the recipe own-cpu would leave its own."""
    run = RECIPES["own-cpu"]([Path("videos")], folder)
    model = Autoencoder(run.model)
    init_autoencoder_weights(model, torch.Generator().manual_seed(0))
    folder.mkdir(parents=True)
    card = SavedAutoencoderConfig(model=run.model, mean=run.data.mean, std=run.data.std)
    save_model(folder, model.state_dict(), card)


def label(folder: Path) -> None:
    """Folders of classes, and every kind of list of the same videos."""
    for name, part in (("my_classes", "train"), ("test_classes", "test")):
        (folder / name).symlink_to(folder / "my_videos" / part)
    classes = sorted(path.name for path in (folder / "my_classes").iterdir())
    videos = [
        (f"my_classes/{name}/{path.name}", number, name)
        for number, name in enumerate(classes)
        for path in sorted((folder / "my_classes" / name).iterdir())
    ]
    lists = {
        "list.csv": ["path,label", *(f"{path},{name}" for path, _, name in videos)],
        "numbered.txt": [f"{path} {number}" for path, number, _ in videos],
        "names.txt": classes,
        "several.csv": ["path,label", *(f"{path},{name};moves" for path, _, name in videos)],
        "numbers.csv": ["path,speed,angle", *(f"{path},{n / 9},1" for path, n, _ in videos)],
    }
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("words", runnable())
def test_a_command_of_the_docs_works(words, place, monkeypatch):
    if words == ["demo"]:
        pytest.skip("make demo runs it")
    offer_teacher(place, " ".join(words))
    # Plans measure steps for seconds; tests of plans hold what comes of it.
    monkeypatch.setattr("videomae2.commands.train.dry_run.summarize_cost", lambda *_: Summary(()))
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    read_here(monkeypatch)
    assert main(words) == 0


@pytest.mark.parametrize("walk", [pytest.param(w, id=w[0].page, marks=LONG) for w in walks()])
def test_a_walk_from_videos_to_results_works(walk, place, tmp_path, monkeypatch):
    """Nothing but videos is there when it begins; runs are cut down to one pass."""
    for name in ("my_videos", "my_classes", "test_classes", "video.mp4", "long.mp4"):
        (tmp_path / name).symlink_to(place / name)
    monkeypatch.chdir(tmp_path)
    for command in walk:
        words = [*command.words[1:], *(SHORT if command.trains else ())]
        assert main(words) == 0, command


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_page)
def test_the_python_examples_of_a_page_work(page, place, monkeypatch, capsys):
    """They run one after the other as they stand, as in a notebook, and say what they print."""
    names = {}
    monkeypatch.chdir(place)
    for code in blocks(page, "python"):
        offer_teacher(place, code)
        exec(compile(code, "example", "exec"), names)
        assert bool(capsys.readouterr().out.strip()) == ("print(" in code)
    assert any(
        getattr(it, "__name__", "").startswith("videomae2")
        or getattr(it, "__module__", "").startswith("videomae2")
        for it in names.values()
    )


def test_pages_link_to_what_is_there():
    for page in PAGES:
        prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)#]+)\)", prose):
            here = target.startswith("http") or (page.parent / target).exists()
            assert here, f"{page.name} links to {target}"
