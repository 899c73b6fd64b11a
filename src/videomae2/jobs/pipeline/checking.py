"""Everything that can be known about a pipeline before its first step, every problem at once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config.pipeline_file import in_order
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.jobs.pipeline.stages import Pipeline, Seen, Stage
from videomae2.models.parents import Parent


def look_at(pipeline: Pipeline, *, stand_in: Path) -> dict[str, Seen]:
    """Check every configuration, read every list, hold every model against those that follow.

    Args:
        pipeline: As far as it is complete.
        stand_in: A path that is there; stands for weights that are still to come.

    Returns:
        What was found out about each stage.

    Raises:
        ConfigError: With every problem of the file and of every stage, each with its line.
    """
    problems = list(pipeline.problems)
    seen: dict[str, Seen] = {}
    for stage in pipeline.stages:
        try:
            found = _look(stage, seen, stand_in)
        except (ConfigError, DataError, CheckpointError) as error:
            problems += _named(stage, error)
        else:
            # without a parent it may be only unknown what it gives
            if found.gives is not None or seen.keys() >= set(stage.parents.values()):
                seen[stage.name] = found
    if problems:
        raise ConfigError(in_order(pipeline.path, problems))
    return seen


def _look(stage: Stage, seen: Mapping[str, Seen], stand_in: Path) -> Seen:
    job = replace(stage.job, weights=dict.fromkeys(stage.parents, stand_in))
    stage.kind.check(job)
    return stage.kind.look(job, dict(_parents(stage, seen)))


def _parents(stage: Stage, seen: Mapping[str, Seen]) -> Iterator[tuple[str, Parent]]:
    """What the parents will give; nothing of those that have problems of their own."""
    for role, name in stage.parents.items():
        if name in seen:
            gives = seen[name].gives
            if gives is None:
                raise ConfigError(f"from: {name} gives no model, or several")
            yield role, gives


def _named(stage: Stage, error: Exception) -> list[tuple[int, str]]:
    """The problems of a stage, with line and name."""
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    return [(stage.line, f"stage {stage.name}: {problem}") for problem in problems]
