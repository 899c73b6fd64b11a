"""What is remembered of a stage: one small file in its folder, written whole or not at all."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

import videomae2
from videomae2.base.files import atomic_write
from videomae2.base.schema import flatten, wildcard_path
from videomae2.commands.pipeline.stages import Stage, StagePlan
from videomae2.commands.train.run_folder import VideoList
from videomae2.config.diff import affects_results
from videomae2.config.files import to_builtin
from videomae2.errors import CheckpointError
from videomae2.models.weights.resolve import (
    EMA_FILE,
    STUDENTS_FOLDER,
    list_saved_models,
    resolve_checkpoint,
)
from videomae2.models.weights.saved import MODEL_FILE

STATE_FILE = "stage.json"


FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class StageProvenance:
    """What a result follows from. Results of equal origins are equal."""

    stage_type: str
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
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageState:
    """A stage that was begun, and what it gave if it is finished."""

    provenance: StageProvenance
    output: StageOutput | None = None


def build_provenance(
    stage: Stage, stage_plan: StagePlan, weights: Mapping[str, str]
) -> StageProvenance:
    """What a stage would follow from now."""
    return StageProvenance(
        stage_type=stage.type_name,
        settings=to_builtin(stage.config.settings),
        lists=stage_plan.lists,
        weights=dict(weights),
    )


def load_stage_state(folder: Path) -> StageState | None:
    """Read what is remembered; None if there is nothing.

    Raises:
        CheckpointError: If the file is not ours or of another format.
    """
    path = folder / STATE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; move {folder} away") from error
    try:
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}, this version reads {FORMAT}")
        provenance, output = document["provenance"], document["output"]
        lists = tuple(VideoList.from_dict(one) for one in provenance.pop("lists"))
        return StageState(
            provenance=StageProvenance(lists=lists, **provenance),
            output=None if output is None else StageOutput(**output),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}; move {folder} away") from error


def write_stage_state(folder: Path, state: StageState) -> None:
    """Write it whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(state)}, indent=1, ensure_ascii=False)
    with atomic_write(folder / STATE_FILE) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def build_lineage(pipeline: str, stage: Stage, provenance: StageProvenance) -> dict[str, Any]:
    """Where a model comes from, for its card."""
    return {
        "pipeline": pipeline,
        "stage": stage.name,
        "kind": stage.type_name,
        "recipe": stage.recipe,
        "configuration": _hash_values(dict(_list_result_settings(stage))),
        "videos": [asdict(one) for one in provenance.lists],
        "parents": {
            role: {
                "from": stage.parents.get(role, _find_input_path(stage, role)),
                "weights": digest,
            }
            for role, digest in provenance.weights.items()
        },
        "versions": {
            "videomae2": videomae2.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def list_weight_files(stage: Stage) -> Iterator[tuple[str, Path]]:
    """Files that settings name and whose content counts, by role; a stage may take their place."""
    yield from stage.config.model_paths.items()
    settings = dict(flatten(stage.config.settings))
    for role, setting in stage.stage_type.inputs.items():
        for path, value in settings.items():
            is_first = path == setting  # of several students others may start from weights too
            if wildcard_path(path) != wildcard_path(setting) or value is None:
                continue
            if not is_first:
                yield path, value
            elif role not in stage.parents:
                yield role, value
    for path in _list_class_name_settings(settings):
        if settings[path].is_file():
            yield path, settings[path]


def _list_class_name_settings(settings: Mapping[str, Any]) -> Iterator[str]:
    """Settings whose names decide which rows of a head are taken.

    Names of all outputs of a judged model are seen in the digest of its list; where some are
    selected, that holds these alone.
    """
    for path, value in settings.items():
        is_evaluation = path == "class_names" and settings.get("classes") is not None
        if (is_evaluation or path.endswith("init.class_names")) and value is not None:
            yield path


def compute_digest(path: Path) -> str:
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
    """The files that hold weights."""
    if path.is_file():
        return [path]
    if models := list_saved_models(path) if path.name == STUDENTS_FOLDER else []:
        return [model / MODEL_FILE for model in models]
    checkpoint = resolve_checkpoint(path)  # what those who start from a run take
    ema_files = [checkpoint.folder / EMA_FILE] if checkpoint.has_ema_file else []
    return [checkpoint.folder / MODEL_FILE, *ema_files]


def _list_result_settings(stage: Stage) -> Iterator[tuple[str, Any]]:
    """The settings that change the result."""
    for path, value in flatten(stage.config.settings):
        if affects_results(path, stage.config.settings, stage.stage_type.ignored_fields):
            yield path, to_builtin(value)


def _hash_values(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _find_input_path(stage: Stage, role: str) -> str:
    return str(dict(list_weight_files(stage)).get(role, ""))
