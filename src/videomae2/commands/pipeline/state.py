"""What is remembered of a stage: one small file in its folder, written whole or not at all."""

import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

import videomae2
from videomae2.base.files import atomic_write_text
from videomae2.base.json_files import read_json
from videomae2.base.provenance import compute_digest
from videomae2.base.schema import flatten, repr_value
from videomae2.commands.pipeline.stages import Stage, StageMetrics
from videomae2.commands.train.video_lists import VideoList
from videomae2.config.diff import affects_results
from videomae2.config.files import to_builtin
from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import find_weight_files
from videomae2.models.weights.formats.read import is_foreign
from videomae2.models.weights.hub.locate import locate_weights
from videomae2.models.weights.model_ref import EMA_FILE
from videomae2.models.weights.resolve import resolve_checkpoint
from videomae2.models.weights.saved import MODEL_FILE

STATE_FILE = "stage.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class StageProvenance:
    """What a result follows from. Results of equal provenance are equal."""

    kind: str
    settings: dict[str, Any]
    """All of them, as YAML would write them."""
    lists: tuple[VideoList, ...]
    weights: dict[str, str]
    """Role → SHA-256 of the weights that were started from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageOutput:
    """What a stage gave."""

    result: str
    """Its path in the stage's folder."""
    digest: str
    """SHA-256 of its weights, or of the file."""
    metrics: StageMetrics = field(default_factory=dict)


def load_stage_state(folder: Path) -> tuple[StageProvenance, StageOutput | None] | None:
    """What a stage follows from, and what it gave if it is finished; None if it was not begun.

    Raises:
        CheckpointError: If the file is not ours or of another format.
    """
    path = folder / STATE_FILE
    try:
        document = read_json(path)
        if (version := document["format"]) != FORMAT:
            raise ValueError(f"is of format {repr_value(version)}, this version reads {FORMAT}")
        inputs, output = document["provenance"], document["output"]
        lists = tuple(VideoList.from_dict(entry) for entry in inputs.pop("lists"))
        provenance = StageProvenance(lists=lists, **inputs)
        return provenance, None if output is None else StageOutput(**output)
    except FileNotFoundError:
        return None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else "is not what a pipeline writes"
        raise CheckpointError(f"{path} cannot be used: it {reason}; move {folder} away") from error


def write_stage_state(
    folder: Path, provenance: StageProvenance, output: StageOutput | None = None
) -> None:
    """Write it whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT,
        "provenance": asdict(provenance),
        "output": None if output is None else asdict(output),
    }
    # paths need not be UTF-8: everything else is escaped
    atomic_write_text(folder / STATE_FILE, json.dumps(document, indent=1) + "\n")


def build_lineage(pipeline: str, stage: Stage[Any], inputs: StageProvenance) -> dict[str, Any]:
    """Where a model comes from, for its card."""
    settings = {
        path: to_builtin(value)
        for path, value in flatten(stage.config)
        if affects_results(path, stage.config, stage.ignored_fields)
    }
    places = {**dict(list_weight_files(stage)), **stage.input_stages}
    return {
        "pipeline": pipeline,
        "stage": stage.name,
        "kind": stage.kind,
        "recipe": stage.recipe,
        "configuration": compute_digest(settings),
        "videos": [asdict(video_list) for video_list in inputs.lists],
        "parents": {
            role: {"from": str(places.get(role, "")), "weights": digest}
            for role, digest in inputs.weights.items()
        },
        "versions": {
            "videomae2": videomae2.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def list_weight_files(stage: Stage[Any]) -> Iterator[tuple[str, Path]]:
    """Files that settings name and whose content counts, by role; a stage may take their place."""
    yield from stage.model_paths.items()
    settings = dict(flatten(stage.config))
    for role, setting in stage.inputs.items():
        if role not in stage.input_stages and settings.get(setting) is not None:
            yield role, settings[setting]
    for path, value in settings.items():
        # these names decide which rows of a head are taken; those of all outputs of a judged model
        # are seen in the digest of its list, which where some are selected holds these alone
        selects_rows = path.endswith("init.class_names") or (
            path == "class_names" and settings.get("classes") is not None
        )
        if selects_rows and value is not None and value.is_file():
            yield path, value


def compute_weights_digest(path: Path) -> str:
    """SHA-256 of a file, or of the weights of a saved model or a run.

    Where there are running means of the weights they count as well: some use these.

    Raises:
        CheckpointError: If there is nothing to read.
    """
    content = hashlib.sha256()
    for file in _list_weight_paths(path):
        try:
            with file.open("rb") as opened:
                while block := opened.read(1 << 20):
                    content.update(block)
        except OSError as error:
            raise CheckpointError(f"cannot read {file}: {error.strerror}") from error
    return content.hexdigest()


def _list_weight_paths(path: Path) -> list[Path]:
    path = locate_weights(path)
    if is_foreign(path):
        return [path] if path.is_file() else list(find_weight_files(path))
    checkpoint = resolve_checkpoint(path)  # what those who start from a run take
    ema_files = [checkpoint.path / EMA_FILE] if checkpoint.has_ema_file else []
    return [checkpoint.path / MODEL_FILE, *ema_files]
