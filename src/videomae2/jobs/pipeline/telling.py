"""The plan and the results of a pipeline, for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from videomae2.engine.runlog import duration
from videomae2.jobs.pipeline.planning import Decision
from videomae2.jobs.pipeline.running import Done
from videomae2.jobs.pipeline.stages import Numbers, Pipeline, Seen

_HEAD = ("stage", "what", "done", "time", "numbers", "result")
_SHOWN = 2


def plan_text(
    pipeline: Pipeline, seen: Mapping[str, Seen], decisions: Mapping[str, Decision]
) -> str:
    """What would be done about each stage, and why; details of those that would be done."""
    lines = [f"pipeline {pipeline.name} in {pipeline.out}, {len(pipeline.stages)} stages"]
    for stage in pipeline.stages:
        if stage.name not in decisions:
            continue
        decision = decisions[stage.name]
        lines += ["", f"{stage.name} ({stage.title})"]
        lines += [f"  {decision.action:<8} {decision.why}"]
        if decision.action != "skip":
            lines += [f"  {line}" for line in seen[stage.name].lines.splitlines()]
    return "\n".join(lines)


def plan_json(pipeline: Pipeline, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """The same for machines, without the details."""
    return {
        "pipeline": pipeline.name,
        "out": str(pipeline.out),
        "stages": [
            {
                "stage": stage.name,
                "kind": stage.kind_name,
                "recipe": stage.recipe,
                "parents": stage.origins,
                "action": decisions[stage.name].action,
                "why": decisions[stage.name].why,
                "folder": str(stage.job.out),
            }
            for stage in pipeline.stages
            if stage.name in decisions
        ],
    }


def results_text(done: Sequence[Done], seconds: float) -> str:
    """A table of what became of each stage."""
    rows = [
        (
            one.stage.name,
            one.stage.kind_name,
            "unchanged" if one.action == "skip" else "now",
            "" if one.action == "skip" else duration(one.seconds),
            _words(one.numbers),
            str(one.result),
        )
        for one in done
    ]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_HEAD, *rows)
    ]
    return "\n".join([*table, f"total    {duration(seconds)}"])


def results_json(pipeline: Pipeline, done: Sequence[Done], seconds: float) -> dict[str, Any]:
    """The same for machines."""
    return {
        "pipeline": pipeline.name,
        "out": str(pipeline.out),
        "seconds": round(seconds, 1),
        "stages": [
            {
                "stage": one.stage.name,
                "kind": one.stage.kind_name,
                "recipe": one.stage.recipe,
                "parents": one.stage.origins,
                "action": one.action,
                "seconds": round(one.seconds, 1),
                "numbers": one.numbers,
                "folder": str(one.stage.job.out),
                "result": str(one.result),
                "weights": one.digest,
            }
            for one in done
        ],
    }


def _words(numbers: Numbers) -> str:
    """The first of them; all are in the JSON."""
    first = list(numbers.items())[:_SHOWN]
    return ", ".join(f"{name} {value:.4g}" for name, value in first)
