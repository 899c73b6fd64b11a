"""A pipeline from start to end: each stage taken as it is, run, resumed or run again."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import interruptible
from videomae2.base.text import align_columns, format_duration
from videomae2.commands.pipeline.plan import ActionName, StageAction, choose_action
from videomae2.commands.pipeline.stages import Pipeline, Stage
from videomae2.commands.pipeline.state import (
    StageOutput,
    build_lineage,
    compute_weights_digest,
    list_weight_files,
    write_stage_state,
)
from videomae2.errors import ConfigError, Interrupted

_logger = logging.getLogger(__name__)

_RESULT_COLUMNS = ("stage", "what", "done", "time", "metrics", "result")
_MAX_METRICS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class StageResult:
    """What became of a stage."""

    stage: Stage[Any]
    action: ActionName
    """What was done about it."""
    output: StageOutput
    seconds: float = 0.0
    """Of this call alone."""

    @property
    def path(self) -> Path:
        """The result itself."""
        return self.stage.out / self.output.result


class PipelineRunner:
    """What is known of the stages while they are done."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.results: dict[str, StageResult] = {}
        """Of the stages that are finished, by name."""

    def decide(self, stage: Stage[Any]) -> StageAction:
        """What has to be done about a stage; one that is finished is taken as it is."""
        digests: dict[str, str | None] = {
            role: compute_weights_digest(path) for role, path in list_weight_files(stage)
        }
        for role, name in stage.input_stages.items():  # parents that are not done may change
            digests[role] = self.results[name].output.digest if name in self.results else None
        action = choose_action(stage, self.pipeline.plans[stage.name], digests)
        if action.output is not None:
            self.results[stage.name] = StageResult(
                stage=stage, action=action.name, output=action.output
            )
        return action

    def run(self, stage: Stage[Any], action: StageAction) -> None:
        """Do a stage, or go on with it."""
        started, provenance = time.perf_counter(), action.provenance
        if action.name == "rerun":
            _logger.info(f"archived what was there is in {backup_folder(stage.out)}")
        write_stage_state(stage.out, provenance)
        weights = {role: self.results[name].path for role, name in stage.input_stages.items()}
        lineage = build_lineage(self.pipeline.name, stage, provenance)
        path, metrics = stage.run(weights, {"lineage": lineage})
        output = StageOutput(
            result=str(path.relative_to(stage.out)),
            digest=compute_weights_digest(path),
            metrics=metrics,
        )
        write_stage_state(stage.out, provenance, output)
        seconds = time.perf_counter() - started
        result = StageResult(stage=stage, action=action.name, output=output, seconds=seconds)
        self.results[stage.name] = result
        _logger.info(f"done     {stage.name} in {format_duration(seconds)}: {path}")


def select_stages(
    pipeline: Pipeline, first: str | None = None, last: str | None = None
) -> list[str]:
    """The names of the stages from one to another in their order, both included.

    Raises:
        ConfigError: If there is no such stage, or none lies between them.
    """
    names = [stage.name for stage in pipeline.stages]
    for flag, name in (("--from", first), ("--until", last)):
        if name is not None and name not in names:
            raise ConfigError(f"{flag} {name} is no stage; there are {', '.join(names)}")
    start = 0 if first is None else names.index(first)
    end = len(names) if last is None else names.index(last) + 1
    if start >= end:
        order = ", ".join(names)
        raise ConfigError(f"--from {first} comes after --until {last}; the order is {order}")
    return names[start:end]


def plan_pipeline(
    pipeline: Pipeline, *, first: str | None = None, last: str | None = None
) -> dict[str, StageAction]:
    """What has to be done about each chosen stage, as far as it can be known now.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
    """
    selected, runner = select_stages(pipeline, first, last), PipelineRunner(pipeline)
    actions = {stage.name: runner.decide(stage) for stage in pipeline.stages}
    problems = [
        f"stage {stage.name} needs {parent}, which is to be done first "
        f"({actions[parent].reason}); leave --from out"
        for stage in pipeline.stages
        for parent in stage.input_stages.values()
        if stage.name in selected and parent not in (*selected, *runner.results)
    ]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return {name: action for name, action in actions.items() if name in selected}


def run_pipeline(
    pipeline: Pipeline, *, first: str | None = None, last: str | None = None
) -> list[StageResult]:
    """Do what has to be done about each chosen stage, in order; give what became of each.

    Args:
        pipeline: Complete and checked.
        first: Leave out the stages before it; those that are needed must be finished.
        last: Leave out the stages after it.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
        CheckpointError: If a folder cannot be used, or another process uses it.
        Interrupted: When asked to stop; the same call goes on.
    """
    selected = select_stages(pipeline, first, last)
    if first is not None:
        plan_pipeline(pipeline, first=first, last=last)
    check_writable(pipeline.out, 0)
    runner = PipelineRunner(pipeline)
    with FolderLock(pipeline.out):
        for stage in pipeline.stages:
            try:
                with interruptible():
                    action = runner.decide(stage)
                    if stage.name in selected:
                        number = f"{selected.index(stage.name) + 1} of {len(selected)}"
                        _logger.info(f"\n== stage {number}: {stage.name} ({stage.description})")
                        _logger.info(f"{action.name:<8} {action.reason}")
                        if action.output is None:
                            runner.run(stage, action)
            except Interrupted as interruption:
                words = f"stage {stage.name}: {interruption}; the same command goes on"
                raise Interrupted(words) from interruption
    return [runner.results[name] for name in selected]


def backup_folder(folder: Path) -> Path:
    """Give a folder another name, so that a fresh one can take its place.

    Raises:
        CheckpointError: If another process is training in it.
    """
    number = 1
    while (backup := folder.with_name(f"{folder.name}.bak-{number}")).exists():
        number += 1
    with FolderLock(folder):
        folder.rename(backup)
    return backup


def format_results(results: Sequence[StageResult], seconds: float) -> str:
    """A table of what became of each stage."""
    rows = [
        (
            result.stage.name,
            result.stage.kind,
            "unchanged" if result.action == "cached" else "now",
            "" if result.action == "cached" else format_duration(result.seconds),
            # the first of them; all are in the JSON
            ", ".join(f"{k} {v:.4g}" for k, v in [*result.output.metrics.items()][:_MAX_METRICS]),
            str(result.path),
        )
        for result in results
    ]
    table = align_columns(_RESULT_COLUMNS, rows, num_left=len(_RESULT_COLUMNS))
    return f"{table}\ntotal    {format_duration(seconds)}"


def results_to_json(
    pipeline: Pipeline, results: Sequence[StageResult], seconds: float
) -> dict[str, Any]:
    """The same for machines."""
    return {
        "pipeline": pipeline.name,
        "out": str(pipeline.out),
        "seconds": round(seconds, 1),
        "stages": [
            {
                **result.stage.to_dict(),
                "action": result.action,
                "seconds": round(result.seconds, 1),
                "metrics": result.output.metrics,
                "result": str(result.path),
                "weights": result.output.digest,
            }
            for result in results
        ],
    }
