"""Imports point down, and stay light where other machines or reading processes need it.

Each rule is a table here and a test: the floors, (a) reading processes, (b) libraries that reports
and the help of commands load when they use them, (c) commands, (d) the floors again, (e) names,
(f) circles, (g) images of GPU machines. docs/design.md gives the reasons.
"""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from videomae2.cli.main import COMMANDS

SOURCE = Path(__file__).parents[1] / "src" / "videomae2"

FLOORS = {
    "errors": 0,
    "base": 0,
    "tensors": 1,
    "metrics": 2,
    "models": 3,
    "data": 3,
    "tasks": 4,
    "training": 4,
    "inference": 5,
    "config": 5,
    "reports": 6,
    "recipes": 7,
    "commands": 7,
    "cli": 8,
    "__main__": 9,
}
"""Each part imports itself, errors, and parts of lower floors; the floors of docs/design.md."""

ANYWHERE = {"errors", "__init__", "__version__"}

SHARED_COMMANDS = {"train"}
"""What every command may import of the commands."""

COMPOSED_COMMANDS = {
    "attend": {"reconstruct"},  # names of pictures
    "demo": {"evaluate", "reconstruct"},
    "pipeline": {"evaluate"},
    "evaluate": {"probe"},  # baselines are probes
    "export": {"convert", "evaluate"},  # formats, and labelled videos
    "models": {"convert"},  # what is published is converted before
}
"""Commands that are made of others, and of which."""

NOT_FOR_GPU_IMAGES = {"av", "tyro", "yaml", "PIL", "matplotlib"}
GPU_PARTS = ("base", "tensors", "models", "tasks", "training")

LOADED_BY_HELP = {"torch", "numpy", "einops", "jaxtyping", "safetensors", "tyro", "yaml"}
"""What a command may load to say its help; all else is imported by the function that uses it."""

HELP_LOADS_ALSO = {"predict": {"av"}, "bench": {"av"}}
HELP_WITHOUT_TORCH = {"merge-datasets", "models"}

WITHOUT_TORCH = (
    "videomae2.data.views.read",
    "videomae2.data.workers.main",
    "videomae2.data.views.scan",
    "videomae2.data.views.sliding",
    "videomae2.data.video.pyav_reader",
    "videomae2.data.video.reader",
    "videomae2.data.video.trim",
    "videomae2.data.views.sampling",
    "videomae2.data.views.crops",
    "videomae2.data.views.requests",
    "videomae2.data.manifests.manifest",
    "videomae2.data.manifests.read",
    "videomae2.tensors.rng",
)
"""What a reading process imports: it starts quickly and stays small."""


def files():
    return sorted(SOURCE.rglob("*.py"))


def part(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def module_name(file: Path) -> str:
    return ".".join(("videomae2", *file.relative_to(SOURCE).with_suffix("").parts))


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


@cache
def anywhere(file: Path) -> frozenset[str]:
    return frozenset(imported(ast.parse(file.read_text())))


@cache
def at_top(file: Path) -> frozenset[str]:
    """What importing a file imports."""
    body = ast.parse(file.read_text()).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return frozenset(imported(ast.Module(imports, [])))


def wrong_pairs(part_of: str, names: frozenset[str]) -> set[str]:
    own = {name.split(".")[1] for name in names if name.startswith("videomae2.")}
    lower = {name for name, floor in FLOORS.items() if floor < FLOORS[part_of]}
    return own - lower - {part_of, *ANYWHERE}


def test_every_part_has_a_floor():
    assert {part(file) for file in files()} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_imports_point_down(name):
    wrong = {
        f"{file.relative_to(SOURCE)} imports {found}"
        for file in files()
        if part(file) == name
        for found in wrong_pairs(name, anywhere(file))
    }
    assert not wrong


def test_the_test_sees_an_import_that_points_up():
    assert wrong_pairs("tensors", {"videomae2.commands.train.pretrain", "torch"}) == {"commands"}
    assert wrong_pairs("training", {"videomae2.tasks.pretrain.PretrainTask"}) == {"tasks"}


def test_no_modules_import_each_other_in_a_circle():
    known = {module_name(file) for file in files()}
    imports = {}
    for file in files():
        names = at_top(file)
        parents = {name.rpartition(".")[0] for name in names}
        imports[module_name(file)] = (names | parents) & known
    assert list(TopologicalSorter(imports).static_order())


def test_packages_import_nothing():
    packages = [file for file in files() if file.name == "__init__.py" and file.parent != SOURCE]
    assert not [file for file in packages if anywhere(file)]


def test_commands_share_no_more_than_what_trains():
    wrong = set()
    for file in files():
        if part(file) != "commands" or file.name == "__init__.py":
            continue
        own = command(file.relative_to(SOURCE / "commands").parts[0])
        may = {own} | SHARED_COMMANDS | COMPOSED_COMMANDS.get(own, set())
        for name in anywhere(file):
            if name.startswith("videomae2.commands.") and command(name.split(".")[2]) not in may:
                wrong.add(f"{file.relative_to(SOURCE)} imports {name}")
    assert not wrong


def command(name: str) -> str:
    """The command that a package or a file belongs to."""
    name = name.removesuffix(".py")
    return {"reconstruct_clip": "reconstruct", "timeline": "predict"}.get(name, name)


def test_parts_for_gpu_images_import_no_more_than_those_have():
    wrong = {
        f"{file.relative_to(SOURCE)}: {found}"
        for file in files()
        if part(file) in GPU_PARTS
        for found in {name.split(".")[0] for name in at_top(file)} & NOT_FOR_GPU_IMAGES
    }
    assert not wrong


def loaded_by(modules, watched, then=""):
    """Which of the watched packages a fresh process loads with modules and what it then does."""
    code = (
        f"import sys, {', '.join(modules)}\n{then}"
        f"print(' '.join(sorted(set(sys.modules) & {set(watched)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_reading_processes_load_no_torch():
    assert loaded_by(WITHOUT_TORCH, {"torch"}) == set()


def test_model_and_task_load_no_more_than_gpu_images_have():
    """And metrics load scipy and scikit-learn when they are computed.

    Models without memory are built without the compiler: importing it takes seconds, in each
    command that counts parameters or checks a parent.
    """
    metrics = (SOURCE / "metrics").glob("[a-z]*.py")
    modules = (
        "videomae2.tasks.pretrain",
        "videomae2.tasks.classify",
        "videomae2.tasks.distill",
        "videomae2.training.loop",
        "videomae2.models.weights.init_from",
        *map(module_name, metrics),
    )
    then = (
        "import torch\n"
        "from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig\n"
        "from videomae2.models.classifier import Classifier, ClassifierConfig\n"
        "with torch.device('meta'):\n"
        "    Autoencoder(AutoencoderConfig()), Classifier(ClassifierConfig())\n"
    )
    never = {*NOT_FOR_GPU_IMAGES, "scipy", "sklearn", "sympy", "torch._dynamo"}
    assert loaded_by(modules, never, then) == set()


@pytest.fixture(scope="module")
def imports():
    return {module_name(file).removesuffix(".__init__"): at_top(file) for file in files()}


def libraries(module, imports):
    """All that importing a module of the package loads, but for the standard library."""
    todo, seen, found = [module], set(), set()
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in imports[module]:
            if name.split(".")[0] != "videomae2":
                found.add(name.split(".")[0])
                continue
            while name not in imports:  # a name in a module
                name = name.rpartition(".")[0]
            todo.append(name)
    return found - set(sys.stdlib_module_names)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_few_libraries(command, imports):
    found = libraries(COMMANDS[command].function.split(":")[0], imports)
    assert found <= LOADED_BY_HELP | HELP_LOADS_ALSO.get(command, set())
    assert ("torch" in found) == (command not in HELP_WITHOUT_TORCH)


def test_the_list_of_commands_loads_no_library(imports):
    assert libraries("videomae2.cli.main", imports) == set()


def test_tests_reach_public_names():
    wrong = {
        f"{file.relative_to(SOURCE.parents[1])} imports {name}"
        for file in (SOURCE.parents[1] / "tests").rglob("*.py")
        for name in anywhere(file)
        if name.startswith("videomae2.") and "._" in name and "__" not in name
    }
    assert not wrong
