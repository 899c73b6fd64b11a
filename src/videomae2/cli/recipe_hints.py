"""What to say to a word that stands where a recipe should."""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from videomae2.engine.runtime import RuntimeConfig, resolve


def unknown_recipe(prog: str, recipes: Collection[str], word: str) -> str:
    """Say that there is no such recipe, and what was probably meant.

    Args:
        prog: The command as a person types it.
        recipes: Those that it has, the usual one first.
        word: What was taken for a recipe.
    """
    if Path(word).exists():
        usual = _for_this_machine(recipes)
        return f"a recipe comes before the videos; try {prog} {usual} {word}"
    near = get_close_matches(word, recipes, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no recipe '{word}'; {hint}{prog} lists them"


def _for_this_machine(recipes: Collection[str]) -> str:
    """The usual recipe; without a GPU its twin for a CPU."""
    usual = next(iter(recipes))
    twin = f"{usual}-cpu"
    on_cpu = resolve(RuntimeConfig()).device.type == "cpu"
    return twin if on_cpu and twin in recipes else usual
