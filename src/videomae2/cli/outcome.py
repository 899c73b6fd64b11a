"""What training came to, as JSON."""

import json
from pathlib import Path
from typing import Any

from videomae2.models.cards import CONFIG_FILE, load_model_config
from videomae2.models.saved import list_saved_models


def results_json(run: Path, models_folder: Path) -> str:
    """Name the models that a run ends with, and how good they were on held-out videos.

    Args:
        run: The run folder.
        models_folder: The folder of a model, or one with a folder for each of several.
    """
    folders = [models_folder] if (models_folder / CONFIG_FILE).exists() else list_saved_models(models_folder)
    return json.dumps({"run": str(run), "models": list(map(_model_entry, folders))})


def _model_entry(folder: Path) -> dict[str, Any]:
    metadata = load_model_config(folder).metadata
    return {
        "folder": str(folder),
        "step": metadata.get("step"),
        "validation": metadata.get("validation"),
    }
