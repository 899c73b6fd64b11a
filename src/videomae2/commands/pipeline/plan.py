"""What has to be done about a stage, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from videomae2.commands.pipeline.stages import Pipeline, Stage, StagePlan
from videomae2.commands.pipeline.state import (
    StageOutput,
    StageProvenance,
    StageState,
    build_provenance,
    compute_digest,
    load_stage_state,
)
from videomae2.commands.train.run_folder import find_file_change
from videomae2.config.diff import diff_configs
from videomae2.config.files import parse_config, parse_yaml
from videomae2.errors import CheckpointError, ConfigError

ActionName = Literal["cached", "run", "resume", "rerun", "pending"]


_MAX_REASONS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class StageAction:
    """What has to be done, and why."""

    name: ActionName
    """cached: it is finished and nothing changed. run: nothing is there. resume: it was begun, or
    only what is made of its work is asked for anew. rerun: what is there follows from something
    else. pending: it depends on what a parent will give."""
    reason: str
    provenance: StageProvenance
    state: StageState | None = None


def choose_action(
    stage: Stage, stage_plan: StagePlan, weights: Mapping[str, str | None]
) -> StageAction:
    """Compare what a stage would follow from now with what its folder holds.

    Args:
        stage: The stage.
        stage_plan: What was found out about it.
        weights: Role → SHA-256 of the weights that it starts from; None if they are not there yet.
    """
    known = {role: digest for role, digest in weights.items() if digest is not None}
    pending_parents = [stage.parents[role] for role, digest in weights.items() if digest is None]
    provenance = build_provenance(stage, stage_plan, known)
    folder = stage.config.out
    if not folder.exists() or not any(folder.iterdir()):
        return StageAction(name="run", reason="not begun", provenance=provenance)
    try:
        state = load_stage_state(folder)
    except CheckpointError as error:
        return StageAction(name="rerun", reason=str(error), provenance=provenance)
    if state is None:
        return StageAction(
            name="rerun", reason="its folder holds something else", provenance=provenance
        )
    changed = list(_list_changes(stage, state.provenance, provenance))
    if state.output or not stage.stage_type.tracks_file_changes:
        changed += _list_changed_files(state.provenance, provenance)
    if changed:
        more = f" and {len(changed) - _MAX_REASONS} more" if len(changed) > _MAX_REASONS else ""
        reason = ", ".join(changed[:_MAX_REASONS]) + more
        return StageAction(name="rerun", reason=reason, provenance=provenance, state=state)
    report_changes = list(
        _list_setting_changes(
            stage, _load_old_settings(stage, state.provenance), stage.stage_type.ignored_fields
        )
    )
    if pending_parents:
        reason = f"if the weights of {', '.join(pending_parents)} stay the same"
        outcome = "cached" if state.output and not report_changes else "resumed"
        return StageAction(
            name="pending", reason=f"{outcome} {reason}", provenance=provenance, state=state
        )
    if state.output is None:
        return StageAction(
            name="resume", reason="begun, not finished", provenance=provenance, state=state
        )
    damage = _find_damage(folder, state.output)
    if damage:
        return StageAction(name="rerun", reason=damage, provenance=provenance, state=state)
    if report_changes:
        return StageAction(
            name="resume", reason=", ".join(report_changes), provenance=provenance, state=state
        )
    return StageAction(
        name="cached", reason="finished, unchanged", provenance=provenance, state=state
    )


def _list_changes(stage: Stage, old: StageProvenance, new: StageProvenance) -> Iterator[str]:
    """Say what has changed; of weights that are not known yet nothing can be said."""
    if old.stage_type != new.stage_type:
        yield f"it was a {old.stage_type} stage"
        return
    try:
        before = _load_old_settings(stage, old)
    except ConfigError as error:
        yield f"its settings are of another version ({error.problems[0]})"
        return
    yield from _list_setting_changes(
        stage, before, stage.stage_type.ignored_fields | stage.stage_type.report_only_fields
    )
    if not _have_same_lists(old, new):
        list_texts = [
            ", ".join(f"{one.videos} of {one.source}" for one in o.lists) for o in (old, new)
        ]
        yield f"other videos: {list_texts[0]} -> {list_texts[1]}"
    for role in {**old.weights, **stage.parents, **new.weights}:
        is_pending = role in stage.parents and role not in new.weights
        if not is_pending and old.weights.get(role) != new.weights.get(role):
            yield f"other {_describe_digest(stage, role)}"
        elif is_pending and role not in old.weights:
            yield f"it started without {stage.parents[role]}"


def _load_old_settings(stage: Stage, old: StageProvenance) -> Any:
    """The settings that a stage had.

    Raises:
        ConfigError: They are of another version.
    """
    settings = parse_yaml(json.dumps(old.settings, ensure_ascii=False), stage.config.out)
    return parse_config(stage.stage_type.config_type, settings, stage.config.out)


def _list_setting_changes(
    stage: Stage, before: Any, ignored_fields: frozenset[str]
) -> Iterator[str]:
    """Say which settings are others now, but for some."""
    for difference in diff_configs(before, stage.config.settings, ignored_fields):
        if difference.affects_results:
            yield f"{difference.path}: {difference.old} -> {difference.new}"


def _describe_digest(stage: Stage, role: str) -> str:
    """What a digest is of, in words."""
    if role in stage.parents:
        return f"weights of {stage.parents[role]}"
    return f"content of {role}" if role.endswith("names") else "weights of start"


def _have_same_lists(old: StageProvenance, new: StageProvenance) -> bool:
    return [one.digest for one in old.lists] == [one.digest for one in new.lists]


def _list_changed_files(old: StageProvenance, new: StageProvenance) -> list[str]:
    """Say which lists are the same and name other files; once where several name them."""
    if not _have_same_lists(old, new):
        return []
    changes = (find_file_change(*pair) for pair in zip(old.lists, new.lists, strict=True))
    return list(dict.fromkeys(one for one in changes if one))


def _find_damage(folder: Path, output: StageOutput) -> str | None:
    """What keeps a finished stage from being used."""
    path = folder / output.result
    try:
        digest = compute_digest(path)
    except CheckpointError:
        return f"its result {path} is gone"
    return None if digest == output.digest else f"its result {path} was changed"


def format_plan(
    pipeline: Pipeline, stage_plans: Mapping[str, StagePlan], actions: Mapping[str, StageAction]
) -> str:
    """What would be done about each stage, and why; details of those that would be done."""
    lines = [f"pipeline {pipeline.name} in {pipeline.out}, {len(pipeline.stages)} stages"]
    for stage in pipeline.stages:
        if stage.name not in actions:
            continue
        action = actions[stage.name]
        lines += ["", f"{stage.name} ({stage.description})"]
        lines += [f"  {action.name:<8} {action.reason}"]
        if action.name != "cached":
            lines += [f"  {line}" for line in stage_plans[stage.name].summary.splitlines()]
    return "\n".join(lines)


def plan_to_json(pipeline: Pipeline, actions: Mapping[str, StageAction]) -> dict[str, Any]:
    """The same for machines, without the details."""
    return {
        "pipeline": pipeline.name,
        "out": str(pipeline.out),
        "stages": [
            {
                "stage": stage.name,
                "kind": stage.type_name,
                "recipe": stage.recipe,
                "parents": stage.input_names,
                "action": actions[stage.name].name,
                "reason": actions[stage.name].reason,
                "folder": str(stage.config.out),
            }
            for stage in pipeline.stages
            if stage.name in actions
        ],
    }
