"""What training came to, as JSON."""

import json
from pathlib import Path
from typing import Any

from videomae2.models.cards import CARD_FILE, read_card
from videomae2.models.saved import models_in


def outcome(run: Path, found: Path) -> str:
    """Name the models that a run ends with, and how good they were on held-out videos.

    Args:
        run: The run folder.
        found: The folder of a model, or one with a folder for each of several.
    """
    folders = [found] if (found / CARD_FILE).exists() else models_in(found)
    return json.dumps({"run": str(run), "models": list(map(_entry, folders))})


def _entry(folder: Path) -> dict[str, Any]:
    notes = read_card(folder).notes
    return {
        "folder": str(folder),
        "step": notes.get("step"),
        "validation": notes.get("validation"),
    }
