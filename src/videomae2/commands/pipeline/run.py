"""A pipeline from start to end: each stage taken as it is, run, resumed or run again."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import interruptible
from videomae2.base.text import format_duration
from videomae2.commands.pipeline.plan import ActionName, StageAction, choose_action
from videomae2.commands.pipeline.stages import Pipeline, Stage, StageMetrics, StagePlan
from videomae2.commands.pipeline.state import (
    StageOutput,
    StageState,
    build_lineage,
    compute_digest,
    list_weight_files,
    write_stage_state,
)
from videomae2.errors import ConfigError, Interrupted

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageResult:
    """What became of a stage."""

    stage: Stage
    action: ActionName
    """What was done about it."""
    result: Path
    metrics: StageMetrics
    digest: str
    """SHA-256 of its weights."""
    seconds: float
    """Of this call alone."""


@dataclass(frozen=True, slots=True)
class StageRange:
    """Which stages are done: from one to another in their order, both included."""

    first: str | None = None
    last: str | None = None

    def select_names(self, pipeline: Pipeline) -> list[str]:
        """Their names.

        Raises:
            ConfigError: If there is no such stage, or none lies between them.
        """
        names = [stage.name for stage in pipeline.stages]
        for flag, name in (("--from", self.first), ("--until", self.last)):
            if name is not None and name not in names:
                raise ConfigError(f"{flag} {name} is no stage; there are {', '.join(names)}")
        start = 0 if self.first is None else names.index(self.first)
        end = len(names) if self.last is None else names.index(self.last) + 1
        if start >= end:
            raise ConfigError(
                f"--from {self.first} comes after --until {self.last}; the order is "
                f"{', '.join(names)}"
            )
        return names[start:end]


@dataclass(slots=True)
class PipelineRunner:
    """What is known of the stages while they are done."""

    pipeline: Pipeline
    stage_plans: Mapping[str, StagePlan]
    results: dict[str, StageResult] = field(default_factory=dict)

    def decide(self, stage: Stage) -> StageAction:
        """What has to be done about a stage; parents that are not done may change."""
        parents = {
            role: self.results[name].digest if name in self.results else None
            for role, name in stage.parents.items()
        }
        file_digests = {role: compute_digest(path) for role, path in list_weight_files(stage)}
        return choose_action(stage, self.stage_plans[stage.name], file_digests | parents)

    def reuse(self, stage: Stage, action: StageAction) -> StageResult:
        """Take a finished stage as it is."""
        assert action.state is not None
        assert action.state.output is not None
        output = action.state.output
        result = StageResult(
            stage=stage,
            action="cached",
            result=stage.config.out / output.result,
            metrics=output.metrics,
            digest=output.digest,
            seconds=0.0,
        )
        self.results[stage.name] = result
        return result

    def run(self, stage: Stage, action: StageAction) -> StageResult:
        """Do a stage, or go on with it."""
        started, out, provenance = time.perf_counter(), stage.config.out, action.provenance
        if action.name == "rerun":
            _logger.info(f"archived what was there is in {backup_folder(out)}")
        write_stage_state(out, StageState(provenance=provenance))
        weights = {role: self.results[name].result for role, name in stage.parents.items()}
        stage_config = replace(
            stage.config, weights=weights, ignored_fields=stage.stage_type.ignored_fields
        )
        metadata = {"lineage": build_lineage(self.pipeline.name, stage, provenance)}
        result = stage.stage_type.run(stage_config, metadata)
        digest, metrics = (
            compute_digest(result),
            stage.stage_type.load_metrics(stage_config, result),
        )
        output = StageOutput(result=str(result.relative_to(out)), digest=digest, metrics=metrics)
        write_stage_state(out, StageState(provenance=provenance, output=output))
        self.results[stage.name] = StageResult(
            stage=stage,
            action=action.name,
            result=result,
            metrics=metrics,
            digest=digest,
            seconds=time.perf_counter() - started,
        )
        return self.results[stage.name]


def plan_pipeline(
    pipeline: Pipeline, stage_plans: Mapping[str, StagePlan], *, stage_range: StageRange
) -> dict[str, StageAction]:
    """What has to be done about each chosen stage, as far as it can be known now.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
    """
    selected = stage_range.select_names(pipeline)
    runner = PipelineRunner(pipeline, stage_plans)
    actions = {}
    for stage in pipeline.stages:
        action = runner.decide(stage)
        if action.name == "cached":
            runner.reuse(stage, action)
        if stage.name in selected:
            actions[stage.name] = action
    _check_earlier_stages(pipeline, selected, runner)
    return actions


def run_pipeline(
    pipeline: Pipeline, stage_plans: Mapping[str, StagePlan], *, stage_range: StageRange
) -> list[StageResult]:
    """Do what has to be done about each chosen stage, in order.

    Args:
        pipeline: Complete and looked at.
        stage_plans: What was found out about each stage.
        stage_range: Which stages.

    Returns:
        What became of each chosen stage.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
        CheckpointError: If a folder cannot be used, or another process uses it.
        Interrupted: When asked to stop; the same call goes on.
    """
    selected = stage_range.select_names(pipeline)
    if stage_range.first is not None:
        plan_pipeline(pipeline, stage_plans, stage_range=stage_range)
    check_writable(pipeline.out, 0)
    runner = PipelineRunner(pipeline, stage_plans)
    with FolderLock(pipeline.out):
        for stage in pipeline.stages:
            try:
                with interruptible():
                    _process_stage(runner, stage, selected)
            except Interrupted as interruption:
                words = f"stage {stage.name}: {interruption}; the same command goes on"
                raise Interrupted(words) from interruption
    return [runner.results[name] for name in selected]


def _process_stage(runner: PipelineRunner, stage: Stage, selected: list[str]) -> None:
    """Do what has to be done about a stage, if it is one of the chosen."""
    action = runner.decide(stage)
    if stage.name in selected:
        number = f"{selected.index(stage.name) + 1} of {len(selected)}"
        _logger.info(f"\n== stage {number}: {stage.name} ({stage.description})")
        _logger.info(f"{action.name:<8} {action.reason}")
    if action.name == "cached":
        runner.reuse(stage, action)
    elif stage.name in selected:
        result = runner.run(stage, action)
        _logger.info(f"done     {stage.name} in {format_duration(result.seconds)}: {result.result}")


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


def _check_earlier_stages(pipeline: Pipeline, selected: list[str], runner: PipelineRunner) -> None:
    """Refuse to start in the middle without what comes before."""
    problems = []
    for stage in pipeline.stages:
        for parent in stage.parents.values() if stage.name in selected else ():
            if parent not in selected and parent not in runner.results:
                why = runner.decide(next(s for s in pipeline.stages if s.name == parent)).reason
                problems.append(
                    f"stage {stage.name} needs {parent}, which is to be done first ({why}); "
                    f"leave --from out"
                )
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


_RESULT_COLUMNS = ("stage", "what", "done", "time", "metrics", "result")


_MAX_METRICS = 2


def format_results(results: Sequence[StageResult], seconds: float) -> str:
    """A table of what became of each stage."""
    rows = [
        (
            one.stage.name,
            one.stage.type_name,
            "unchanged" if one.action == "cached" else "now",
            "" if one.action == "cached" else format_duration(one.seconds),
            _format_metrics(one.metrics),
            str(one.result),
        )
        for one in results
    ]
    widths = [max(map(len, column)) for column in zip(_RESULT_COLUMNS, *rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_RESULT_COLUMNS, *rows)
    ]
    return "\n".join([*table, f"total    {format_duration(seconds)}"])


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
                "stage": one.stage.name,
                "kind": one.stage.type_name,
                "recipe": one.stage.recipe,
                "parents": one.stage.input_names,
                "action": one.action,
                "seconds": round(one.seconds, 1),
                "metrics": one.metrics,
                "folder": str(one.stage.config.out),
                "result": str(one.result),
                "weights": one.digest,
            }
            for one in results
        ],
    }


def _format_metrics(metrics: StageMetrics) -> str:
    """The first of them; all are in the JSON."""
    first = list(metrics.items())[:_MAX_METRICS]
    return ", ".join(f"{name} {value:.4g}" for name, value in first)
