"""What has to be done about a stage, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from videomae2.base.text import format_count
from videomae2.commands.pipeline.stages import Pipeline, Stage, StagePlan
from videomae2.commands.pipeline.state import (
    STATE_FILE,
    StageOutput,
    StageProvenance,
    compute_weights_digest,
    load_stage_state,
)
from videomae2.commands.train.video_lists import find_file_change
from videomae2.config.diff import diff_configs
from videomae2.config.files import parse_config, to_builtin
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
    """What the stage would follow from now."""
    output: StageOutput | None = None
    """What its folder holds, if that may be used."""


def choose_action(
    stage: Stage[Any], plan: StagePlan, weights: Mapping[str, str | None]
) -> StageAction:
    """Compare what a stage would follow from now with what its folder holds.

    Args:
        stage: The stage.
        plan: What was found out about it.
        weights: Role → SHA-256 of the weights that it starts from; None if they are not there yet.
    """
    provenance = StageProvenance(
        kind=stage.kind,
        settings=to_builtin(stage.config),
        lists=plan.lists,
        weights={role: digest for role, digest in weights.items() if digest is not None},
    )

    def act(name: ActionName, reason: str, output: StageOutput | None = None) -> StageAction:
        return StageAction(name=name, reason=reason, provenance=provenance, output=output)

    if not stage.out.exists() or not any(stage.out.iterdir()):
        return act("run", "not begun")
    try:
        state = load_stage_state(stage.out)
    except CheckpointError as error:
        return act("rerun", str(error))
    if state is None:
        return act("rerun", "its folder holds something else")
    old, output = state
    if old.kind != stage.kind:
        return act("rerun", f"it was a {old.kind} stage")
    try:
        before = parse_config(stage.config_type, old.settings, stage.out / STATE_FILE)
    except ConfigError as error:
        return act("rerun", f"its settings are of another version ({error.problems[0]})")
    if changes := [
        *diff_configs(before, stage.config, stage.ignored_fields | stage.report_only_fields),
        *_list_changed_inputs(stage, old, provenance, is_finished=output is not None),
    ]:
        more = f" and {len(changes) - _MAX_REASONS} more" if len(changes) > _MAX_REASONS else ""
        return act("rerun", ", ".join(changes[:_MAX_REASONS]) + more)
    report_changes = ", ".join(diff_configs(before, stage.config, stage.ignored_fields))
    if pending := [stage.input_stages[role] for role, digest in weights.items() if digest is None]:
        outcome = "cached" if output and not report_changes else "resumed"
        return act("pending", f"{outcome} if the weights of {', '.join(pending)} stay the same")
    if output is None:
        return act("resume", "begun, not finished")
    if damage := _find_damage(stage, output):
        return act("rerun", damage)
    if report_changes:
        return act("resume", report_changes)
    return act("cached", "finished, unchanged", output)


def _list_changed_inputs(
    stage: Stage[Any], old: StageProvenance, new: StageProvenance, *, is_finished: bool
) -> Iterator[str]:
    """Say what has changed; of weights that are not known yet nothing can be said."""
    yield from _list_changed_videos(
        old, new, compare_files=is_finished or not stage.tracks_file_changes
    )
    for role in {**old.weights, **stage.input_stages, **new.weights}:
        if role in stage.input_stages and role not in new.weights:
            if role not in old.weights:
                yield f"it started without {stage.input_stages[role]}"
        elif old.weights.get(role) != new.weights.get(role):
            name = f"weights of {stage.input_stages.get(role, 'start')}"
            yield f"other {f'content of {role}' if role.endswith('names') else name}"


def _list_changed_videos(
    old: StageProvenance, new: StageProvenance, *, compare_files: bool
) -> Iterator[str]:
    """Say that lists are others, or which of the same lists name other files."""
    if [entry.digest for entry in old.lists] != [entry.digest for entry in new.lists]:
        was, now = (
            ", ".join(f"{entry.videos} of {entry.source}" for entry in inputs.lists)
            for inputs in (old, new)
        )
        yield f"other videos: {was} before → {now} now"
    elif compare_files:
        changes = (find_file_change(*pair) for pair in zip(old.lists, new.lists, strict=True))
        yield from dict.fromkeys(change for change in changes if change)  # several may name a file


def _find_damage(stage: Stage[Any], output: StageOutput) -> str | None:
    """What keeps a finished stage from being used."""
    path = stage.out / output.result
    try:
        digest = compute_weights_digest(path)
    except CheckpointError:
        return f"its result {path} is gone"
    return None if digest == output.digest else f"its result {path} was changed"


def format_plan(pipeline: Pipeline, actions: Mapping[str, StageAction]) -> str:
    """What would be done about each stage, and why; details of those that would be done."""
    lines = [
        f"pipeline {pipeline.name} in {pipeline.out}, {format_count(len(pipeline.stages), 'stage')}"
    ]
    for stage in pipeline.stages:
        if action := actions.get(stage.name):
            lines += ["", f"{stage.name} ({stage.description})"]
            lines += [f"  {action.name:<8} {action.reason}"]
            if action.name != "cached":
                plan = pipeline.plans[stage.name]
                details = [*plan.summary.splitlines(), *str(plan.preview_cost()).splitlines()]
                lines += [f"  {line}" for line in details]
    return "\n".join(lines)


def plan_to_json(pipeline: Pipeline, actions: Mapping[str, StageAction]) -> dict[str, Any]:
    """The same for machines, without the details."""
    return {
        "pipeline": pipeline.name,
        "out": str(pipeline.out),
        "stages": [
            {
                **stage.to_dict(),
                "action": actions[stage.name].name,
                "reason": actions[stage.name].reason,
            }
            for stage in pipeline.stages
            if stage.name in actions
        ],
    }
