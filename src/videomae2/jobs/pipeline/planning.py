"""What has to be done about a stage, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from videomae2.config.differences import differences
from videomae2.config.files import read
from videomae2.config.markup import parse
from videomae2.errors import CheckpointError, ConfigError
from videomae2.jobs.pipeline.stages import Seen, Stage
from videomae2.jobs.pipeline.state import Origin, Outcome, State, digest_of, origin_of, read_state
from videomae2.jobs.video_lists import other_files

Action = Literal["skip", "start", "go on", "redo", "wait"]

_SHOWN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What has to be done, and why."""

    action: Action
    """skip: it is finished and nothing changed. start: nothing is there. go on: it was begun, or
    only what is made of its work is asked for anew. redo: what is there follows from something
    else. wait: it depends on what a parent will give."""
    why: str
    origin: Origin
    state: State | None = None


def decide(stage: Stage, seen: Seen, weights: Mapping[str, str | None]) -> Decision:
    """Compare what a stage would follow from now with what its folder holds.

    Args:
        stage: The stage.
        seen: What was found out about it.
        weights: Role → SHA-256 of the weights that it starts from; None if they are not there yet.
    """
    known = {role: digest for role, digest in weights.items() if digest is not None}
    waiting = [stage.parents[role] for role, digest in weights.items() if digest is None]
    origin = origin_of(stage, seen, known)
    folder = stage.job.out
    if not folder.exists() or not any(folder.iterdir()):
        return Decision(action="start", why="not begun", origin=origin)
    try:
        state = read_state(folder)
    except CheckpointError as error:
        return Decision(action="redo", why=str(error), origin=origin)
    if state is None:
        return Decision(action="redo", why="its folder holds something else", origin=origin)
    changed = list(_changes(stage, state.origin, origin))
    if state.outcome or not stage.kind.sees_changed_files:
        changed += _other_files(state.origin, origin)
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        why = ", ".join(changed[:_SHOWN]) + more
        return Decision(action="redo", why=why, origin=origin, state=state)
    again = list(_differing(stage, _settings(stage, state.origin), stage.kind.aside))
    if waiting:
        why = f"if the weights of {', '.join(waiting)} stay the same"
        done = "skipped" if state.outcome and not again else "goes on"
        return Decision(action="wait", why=f"{done} {why}", origin=origin, state=state)
    if state.outcome is None:
        return Decision(action="go on", why="begun, not finished", origin=origin, state=state)
    damage = _damage(folder, state.outcome)
    if damage:
        return Decision(action="redo", why=damage, origin=origin, state=state)
    if again:
        return Decision(action="go on", why=", ".join(again), origin=origin, state=state)
    return Decision(action="skip", why="finished, unchanged", origin=origin, state=state)


def _changes(stage: Stage, old: Origin, new: Origin) -> Iterator[str]:
    """Say what has changed; of weights that are not known yet nothing can be said."""
    if old.kind != new.kind:
        yield f"it was a {old.kind} stage"
        return
    try:
        before = _settings(stage, old)
    except ConfigError as error:
        yield f"its settings are of another version ({error.problems[0]})"
        return
    yield from _differing(stage, before, stage.kind.aside | stage.kind.same_work)
    if not _same_lists(old, new):
        shown = [", ".join(f"{one.videos} of {one.source}" for one in o.lists) for o in (old, new)]
        yield f"other videos: {shown[0]} -> {shown[1]}"
    for role in {**old.weights, **stage.parents, **new.weights}:
        unknown = role in stage.parents and role not in new.weights
        if not unknown and old.weights.get(role) != new.weights.get(role):
            yield f"other {_content(stage, role)}"
        elif unknown and role not in old.weights:
            yield f"it started without {stage.parents[role]}"


def _settings(stage: Stage, old: Origin) -> Any:
    """The settings that a stage had.

    Raises:
        ConfigError: They are of another version.
    """
    settings = parse(json.dumps(old.settings, ensure_ascii=False), stage.job.out)
    return read(stage.kind.settings, settings, stage.job.out)


def _differing(stage: Stage, before: Any, aside: frozenset[str]) -> Iterator[str]:
    """Say which settings are others now, but for some."""
    for one in differences(before, stage.job.settings, aside):
        if one.matters:
            yield f"{one.path}: {one.old} -> {one.new}"


def _content(stage: Stage, role: str) -> str:
    """What a digest is of, in words."""
    if role in stage.parents:
        return f"weights of {stage.parents[role]}"
    return f"content of {role}" if role.endswith("names") else "weights of start"


def _same_lists(old: Origin, new: Origin) -> bool:
    return [one.digest for one in old.lists] == [one.digest for one in new.lists]


def _other_files(old: Origin, new: Origin) -> list[str]:
    """Say which lists are the same and name other files; once where several name them."""
    if not _same_lists(old, new):
        return []
    found = (other_files(*pair) for pair in zip(old.lists, new.lists, strict=True))
    return list(dict.fromkeys(one for one in found if one))


def _damage(folder: Path, outcome: Outcome) -> str | None:
    """What keeps a finished stage from being used."""
    path = folder / outcome.result
    try:
        found = digest_of(path)
    except CheckpointError:
        return f"its result {path} is gone"
    return None if found == outcome.digest else f"its result {path} was changed"
