"""Imports point down, and stay light where other machines or reading processes need it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "videomae2"

FLOORS = {
    "errors": set(),
    "tensors": set(),
    "models": {"tensors"},
    "data": {"tensors"},
    "tasks": {"tensors", "models"},
    "engine": {"tensors", "models", "data"},
    "config": {"tensors", "models", "data", "tasks", "engine"},
    "recipes": {"tensors", "models", "data", "tasks", "engine", "config"},
    "jobs": {"tensors", "models", "data", "tasks", "engine", "config"},
    "cli": {"tensors", "models", "data", "tasks", "engine", "config", "recipes", "jobs"},
}
"""What each part may import beside itself and errors; the floors of docs/design.md."""

ANYWHERE = {"errors", "__init__"}

NOT_FOR_GPU_IMAGES = {"av", "tyro", "yaml", "PIL", "matplotlib"}
GPU_PARTS = ("tensors", "models", "tasks", "engine")

WITHOUT_TORCH = (
    "videomae2.data.views.tasks",
    "videomae2.data.workers.main",
    "videomae2.data.views.scan",
    "videomae2.data.views.sliding",
    "videomae2.data.video.pyav_reader",
    "videomae2.data.video.reader",
    "videomae2.data.video.trim",
    "videomae2.data.views.sampling",
    "videomae2.data.views.sampling",
    "videomae2.data.views.crops",
    "videomae2.data.views.specs",
    "videomae2.data.views.tasks",
    "videomae2.data.manifests.manifest",
    "videomae2.data.manifests.read",
    "videomae2.tensors.rng",
)
"""What a reading process imports: it starts quickly and stays small."""


def files():
    return sorted(SOURCE.rglob("*.py"))


def part(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """Every module a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def at_top(file: Path) -> set[str]:
    """The packages that importing a file imports."""
    body = [
        n for n in ast.parse(file.read_text()).body if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    return {name.split(".")[0] for name in imported(ast.Module(body, []))}


def wrong_pairs(part_of: str, names: set[str]) -> set[str]:
    own = {name.split(".")[1] for name in names if name.startswith("videomae2.")}
    return own - FLOORS.get(part_of, set()) - {part_of, *ANYWHERE, "__version__"}


def test_every_part_has_a_floor():
    assert {part(file) for file in files()} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_imports_point_down(name):
    wrong = {
        f"{file.relative_to(SOURCE)} imports {found}"
        for file in files()
        if part(file) == name
        for found in wrong_pairs(name, imported(ast.parse(file.read_text())))
    }
    assert not wrong


def test_the_test_sees_an_import_that_points_up():
    assert wrong_pairs("tensors", {"videomae2.commands.train.pretrain", "torch"}) == {"jobs"}


def test_parts_for_gpu_images_import_no_more_than_those_have():
    wrong = {
        f"{file.relative_to(SOURCE)}: {found}"
        for file in files()
        if part(file) in GPU_PARTS
        for found in at_top(file) & NOT_FOR_GPU_IMAGES
    }
    assert not wrong


def loaded_by(modules, watched):
    """Which of the watched packages a fresh process loads with some modules."""
    code = (
        f"import sys, {', '.join(modules)}\n"
        f"print(' '.join(sorted(set(sys.modules) & {set(watched)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_reading_processes_load_no_torch():
    assert loaded_by(WITHOUT_TORCH, {"torch"}) == set()


def test_model_and_task_load_no_more_than_gpu_images_have():
    modules = (
        "videomae2.tasks.pretrain",
        "videomae2.tasks.classify",
        "videomae2.tasks.distill",
        "videomae2.training.loop",
        "videomae2.models.weights.init_from",
    )
    assert loaded_by(modules, NOT_FOR_GPU_IMAGES) == set()
