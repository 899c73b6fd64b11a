"""What mypy leaves out gives us no types: nothing that mypy checks names it."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]


def is_in(name: str, patterns: set[str]) -> bool:
    """Whether a name is that of one of some modules or stands in it, as mypy reads patterns."""
    return any(
        f"{name}.".startswith(pattern.removesuffix("*"))
        if pattern.endswith("*")
        else pattern in (name, name.rpartition(".")[0])
        for pattern in patterns
    )


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def named(text: str) -> set[str]:
    """All that a file imports or reaches by dots."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(dotted(node))
    return found


def patterns(way: str) -> set[str]:
    found = [o["module"] for o in MYPY["overrides"] if o.get("follow_imports") == way]
    return {pattern for modules in found for pattern in modules}


SKIPPED, FOLLOWED = patterns("skip"), patterns("normal")
WORDS = re.compile("|".join(rf"\b{p.removesuffix('.*').split('.')[-1]}\b" for p in SKIPPED))


def left_out(text: str) -> set[str]:
    if not WORDS.search(text):  # most files: parsing them all takes a second
        return set()
    skipped = {name for name in named(text) if is_in(name, SKIPPED)}
    return {name for name in skipped if not is_in(name, FOLLOWED)}


def test_nothing_that_is_left_out_is_named():
    files = [file for folder in MYPY["files"] for file in (ROOT / folder).rglob("*.py")]
    wrong = {str(file.relative_to(ROOT)): left_out(file.read_text()) for file in files}
    assert not {file: names for file, names in wrong.items() if names}


def test_the_test_sees_what_is_left_out():
    wrong = "from transformers import A; from transformers.models.bert import B; torch.fx.Graph()"
    assert left_out(wrong) == {"transformers.models.bert.B", "torch.fx.Graph", "torch.fx"}
    assert left_out("import torch.distributed.rpc") == {"torch.distributed.rpc"}
    assert left_out("import torch; torch.distribute(torch.fxs)") == set()
