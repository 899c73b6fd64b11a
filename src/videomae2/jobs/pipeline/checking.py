"""Everything that can be known about a pipeline before its first step, every problem at once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config.pipeline_file import format_problems
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.jobs.pipeline.stages import Pipeline, StagePlan, Stage
from videomae2.models.parents import Pretrained


def plan_stages(pipeline: Pipeline, *, placeholder: Path) -> dict[str, StagePlan]:
    """Check every configuration, read every list, hold every model against those that follow.

    Args:
        pipeline: As far as it is complete.
        placeholder: A path that is there; stands for weights that are still to come.

    Returns:
        What was found out about each stage.

    Raises:
        ConfigError: With every problem of the file and of every stage, each with its line.
    """
    problems = list(pipeline.problems)
    stage_plans: dict[str, StagePlan] = {}
    for stage in pipeline.stages:
        try:
            stage_plan = _plan_stage(stage, stage_plans, placeholder)
        except (ConfigError, DataError, CheckpointError) as error:
            problems += _locate_problems(stage, error)
        else:
            # without a parent it may be only unknown what it gives
            if stage_plan.produces is not None or stage_plans.keys() >= set(stage.parents.values()):
                stage_plans[stage.name] = stage_plan
    if problems:
        raise ConfigError(format_problems(pipeline.path, problems))
    return stage_plans


def _plan_stage(stage: Stage, stage_plans: Mapping[str, StagePlan], placeholder: Path) -> StagePlan:
    stage_config = replace(stage.config, weights=dict.fromkeys(stage.parents, placeholder))
    stage.stage_type.check(stage_config)
    return stage.stage_type.plan(stage_config, dict(_iterate_parents(stage, stage_plans)))


def _iterate_parents(stage: Stage, stage_plans: Mapping[str, StagePlan]) -> Iterator[tuple[str, Pretrained]]:
    """What the parents will give; nothing of those that have problems of their own."""
    for role, name in stage.parents.items():
        if name in stage_plans:
            expected_model = stage_plans[name].produces
            if expected_model is None:
                raise ConfigError(f"from: {name} gives no model, or several")
            yield role, expected_model


def _locate_problems(stage: Stage, error: Exception) -> list[tuple[int, str]]:
    """The problems of a stage, with line and name."""
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    return [(stage.line, f"stage {stage.name}: {problem}") for problem in problems]
