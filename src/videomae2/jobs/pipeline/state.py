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
from videomae2.config.differences import matters
from videomae2.config.files import plain
from videomae2.config.leaves import leaves, pattern
from videomae2.errors import CheckpointError
from videomae2.jobs.pipeline.stages import Seen, Stage
from videomae2.jobs.video_lists import VideoList
from videomae2.jobs.whole_files import written_whole
from videomae2.models.chosen import MEAN_FILE, find_best
from videomae2.models.saved import MODEL_FILE, STUDENTS, models_in

STATE_FILE = "stage.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a result follows from. Results of equal origins are equal."""

    kind: str
    settings: dict[str, Any]
    """All of them, as YAML would write them."""
    lists: tuple[VideoList, ...]
    weights: dict[str, str]
    """Role → SHA-256 of the weights that were started from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a stage gave."""

    result: str
    """Its path in the stage's folder."""
    digest: str
    """SHA-256 of its weights, or of the file."""
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A stage that was begun, and what it gave if it is finished."""

    origin: Origin
    outcome: Outcome | None = None


def origin_of(stage: Stage, seen: Seen, weights: Mapping[str, str]) -> Origin:
    """What a stage would follow from now."""
    return Origin(
        kind=stage.kind_name,
        settings=plain(stage.job.settings),
        lists=seen.lists,
        weights=dict(weights),
    )


def read_state(folder: Path) -> State | None:
    """Read what is remembered; None if there is nothing.

    Raises:
        CheckpointError: If the file is not ours or of another format.
    """
    path = folder / STATE_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; move {folder} away") from error
    try:
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}, this version reads {FORMAT}")
        origin, outcome = found["origin"], found["outcome"]
        lists = tuple(VideoList(**one) for one in origin.pop("lists"))
        return State(
            origin=Origin(lists=lists, **origin),
            outcome=None if outcome is None else Outcome(**outcome),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}; move {folder} away") from error


def write_state(folder: Path, state: State) -> None:
    """Write it whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(state)}, indent=1, ensure_ascii=False)
    with written_whole(folder / STATE_FILE) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def lineage(pipeline: str, stage: Stage, origin: Origin) -> dict[str, Any]:
    """Where a model comes from, for its card."""
    return {
        "pipeline": pipeline,
        "stage": stage.name,
        "kind": stage.kind_name,
        "recipe": stage.recipe,
        "configuration": _digest_of(dict(_counted(stage))),
        "videos": [asdict(one) for one in origin.lists],
        "parents": {
            role: {"from": stage.parents.get(role, _path(stage, role)), "weights": digest}
            for role, digest in origin.weights.items()
        },
        "versions": {
            "videomae2": videomae2.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def weights_in_settings(stage: Stage) -> Iterator[tuple[str, Path]]:
    """Files that settings name and whose content counts, by role; a stage may take their place."""
    yield from stage.job.given.items()
    settings = dict(leaves(stage.job.settings))
    for role, place in stage.kind.roles.items():
        for path, value in settings.items():
            first = path == place  # of several students others may start from weights too
            if pattern(path) != pattern(place) or value is None:
                continue
            if not first:
                yield path, value
            elif role not in stage.parents:
                yield role, value
    for path in _row_names(settings):
        if settings[path].is_file():
            yield path, settings[path]


def _row_names(settings: Mapping[str, Any]) -> Iterator[str]:
    """Settings whose names decide which rows of a head are taken.

    Names of all outputs of a judged model are seen in the digest of its list; where some are
    selected, that holds these alone.
    """
    for path, value in settings.items():
        judged = path == "names" and settings.get("select") is not None
        if (judged or path.endswith("start.names")) and value is not None:
            yield path


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the weights of a saved model or a run.

    Where there are running means of the weights they count as well: some use these.

    Raises:
        CheckpointError: If there is nothing to read.
    """
    content = hashlib.sha256()
    for file in _files(path):
        try:
            with file.open("rb") as opened:
                while block := opened.read(1 << 20):
                    content.update(block)
        except OSError as error:
            raise CheckpointError(f"cannot read {file}: {error.strerror}") from error
    return content.hexdigest()


def _files(path: Path) -> list[Path]:
    """The files that hold weights."""
    if path.is_file():
        return [path]
    if several := models_in(path) if path.name == STUDENTS else []:
        return [model / MODEL_FILE for model in several]
    chosen = find_best(path)  # what those who start from a run take
    means = [chosen.folder / MEAN_FILE] if chosen.beside else []
    return [chosen.folder / MODEL_FILE, *means]


def _counted(stage: Stage) -> Iterator[tuple[str, Any]]:
    """The settings that change the result."""
    for path, value in leaves(stage.job.settings):
        if matters(path, stage.job.settings, stage.kind.aside):
            yield path, plain(value)


def _digest_of(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _path(stage: Stage, role: str) -> str:
    return str(dict(weights_in_settings(stage)).get(role, ""))
