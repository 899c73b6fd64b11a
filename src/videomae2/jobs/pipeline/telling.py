"""The plan and the results of a pipeline, for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from videomae2.engine.runlog import format_duration
from videomae2.jobs.pipeline.planning import StageAction
from videomae2.jobs.pipeline.running import StageResult
from videomae2.jobs.pipeline.stages import StageMetrics, Pipeline, StagePlan

_RESULT_COLUMNS = ("stage", "what", "done", "time", "numbers", "result")
_MAX_METRICS = 2


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
                "why": actions[stage.name].reason,
                "folder": str(stage.config.out),
            }
            for stage in pipeline.stages
            if stage.name in actions
        ],
    }


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


def results_to_json(pipeline: Pipeline, results: Sequence[StageResult], seconds: float) -> dict[str, Any]:
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
                "numbers": one.metrics,
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
