"""What to say to a word that stands where a recipe should."""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from videomae2.engine.runtime import RuntimeConfig, resolve_runtime


def suggest_recipe(prog: str, recipes: Collection[str], word: str) -> str:
    """Say that there is no such recipe, and what was probably meant.

    Args:
        prog: The command as a person types it.
        recipes: Those that it has, the usual one first.
        word: What was taken for a recipe.
    """
    if Path(word).exists():
        default_recipe = _choose_default_recipe(recipes)
        return f"a recipe comes before the videos; try {prog} {default_recipe} {word}"
    matches = get_close_matches(word, recipes, n=1, cutoff=0.4)
    hint = f"did you mean {matches[0]}? " if matches else ""
    return f"there is no recipe '{word}'; {hint}{prog} lists them"


def _choose_default_recipe(recipes: Collection[str]) -> str:
    """The usual recipe; without a GPU its twin for a CPU."""
    default_recipe = next(iter(recipes))
    cpu_recipe = f"{default_recipe}-cpu"
    on_cpu = resolve_runtime(RuntimeConfig()).device.type == "cpu"
    return cpu_recipe if on_cpu and cpu_recipe in recipes else default_recipe
