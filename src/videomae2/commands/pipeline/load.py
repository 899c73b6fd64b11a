"""The file of a pipeline and the kinds of stages → complete stages, and every problem of them.

Everything that can be known before the first step is found out before it, all at once.

"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from videomae2.base.schema import ConfigReader, flatten, list_setting_paths
from videomae2.commands.pipeline.file import (
    PipelineEntry,
    StageEntry,
    apply_aliases,
    format_problems,
    load_pipeline_file,
    locations,
    merge,
    select_known,
    suggest_nearest,
)
from videomae2.commands.pipeline.stages import Pipeline, Stage, StageConfig, StagePlan, StageType
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.models.weights.pretrained import Pretrained

_MISSING_VIDEOS = Path("VIDEOS")
"""Stands for videos that were not named, so that the rest can be read."""


def load_pipeline(
    path: Path, stage_types: Mapping[str, StageType], *, out: Path | None = None
) -> Pipeline:
    """Read a file and complete its stages, as far as that can be done.

    Args:
        path: The YAML file.
        stage_types: The kinds of stages by name.
        out: Takes the place of the file's ``out``.

    Raises:
        ConfigError: If the file cannot be read.
    """
    entry = load_pipeline_file(path)
    entry = entry if out is None else replace(entry, out=out)
    return _PipelineLoader(entry, stage_types, list(entry.problems)).load()


@dataclass(slots=True)
class _PipelineLoader:
    entry: PipelineEntry
    stage_types: Mapping[str, StageType]
    problems: list[tuple[int, str]]
    """Line and what is wrong there."""

    def load(self) -> Pipeline:
        stages = [self._load_stage(stage) for stage in self.entry.stages]
        self._check_common()
        return Pipeline(
            name=self.entry.name,
            out=self.entry.out,
            stages=tuple(stage for stage in stages if stage is not None),
            path=self.entry.path,
            problems=tuple(self.problems),
        )

    def _load_stage(self, entry: StageEntry) -> Stage | None:
        """Complete a stage; None if it has a problem."""
        num_problems = len(self.problems)
        stage = self._build_stage(entry)
        return stage if entry.is_valid and len(self.problems) == num_problems else None

    def _build_stage(self, entry: StageEntry) -> Stage | None:
        if entry.kind not in self.stage_types:
            if entry.kind:
                hint = suggest_nearest(entry.kind, self.stage_types)
                self._add_problem(entry, "kind", f"{entry.kind} is no kind of stage; {hint}")
            return None
        stage_type, out = self.stage_types[entry.kind], self.entry.out / entry.name
        parents = self._resolve_parents(entry, stage_type)
        base = self._build_base(entry, stage_type, out)
        if base is None:
            return None
        settings = self._read_settings(entry, stage_type, base)
        if settings is None:
            return None
        return Stage(
            name=entry.name,
            line=entry.line,
            type_name=entry.kind,
            stage_type=stage_type,
            recipe=entry.recipe or "",
            parents=parents,
            config=StageConfig(
                settings=settings,
                videos=entry.videos,
                out=out,
                model_paths=self._resolve_model_paths(entry, stage_type),
            ),
        )

    def _build_base(self, entry: StageEntry, stage_type: StageType, out: Path) -> Any:
        """The configuration that settings change; None if there is a problem."""
        if not entry.videos and "videos" not in entry.lines:
            self._add_missing(entry, "videos is missing: a folder or a list of videos")
        if not stage_type.recipes:
            if "recipe" in entry.lines:
                self._add_problem(entry, "recipe", f"{entry.kind} has no recipes; leave it out")
            return stage_type.config_type()
        if entry.recipe is None or entry.recipe not in stage_type.recipes:
            if entry.recipe is not None:
                hint = suggest_nearest(entry.recipe, stage_type.recipes)
                self._add_problem(
                    entry, "recipe", f"{entry.recipe} is no {entry.kind} recipe; {hint}"
                )
            elif "recipe" not in entry.lines:
                self._add_missing(entry, f"recipe is missing; videomae2 {entry.kind} lists them")
            return None
        try:
            return stage_type.recipes[entry.recipe](entry.videos or [_MISSING_VIDEOS], out)
        except ConfigError as error:
            for problem in error.problems:
                self._add_problem(entry, "videos", problem)
            return None

    def _read_settings(self, entry: StageEntry, stage_type: StageType, base: Any) -> Any:
        """The complete configuration; None if there is a problem."""
        common = self.entry.common
        shared = merge(
            select_known(stage_type.config_type, common), apply_aliases(common, stage_type.aliases)
        )
        merged = merge(shared, entry.settings)
        reader = ConfigReader(self.entry.path, stage_type.config_type)
        settings = reader.read_dataclass(stage_type.config_type, merged, base)
        self.problems += reader.line_problems
        if settings is not None:
            self._check_reserved(entry, stage_type, base, settings)
        return settings

    def _check_reserved(
        self, entry: StageEntry, stage_type: StageType, base: Any, settings: Any
    ) -> None:
        """Refuse settings that the pipeline sets itself."""
        before, after = dict(flatten(base)), dict(flatten(settings))
        if before.get("output_dir") != after.get("output_dir"):
            problem = "output_dir has no effect: the folder of a stage is its name, under out"
            self._add_problem(entry, "settings", problem)
        for role, parent in self._resolve_parents(entry, stage_type).items():
            path = stage_type.inputs[role]
            if before.get(path) != after.get(path):
                problem = f"{path} has no effect: the weights are those of {parent}"
                self._add_problem(entry, "settings", f"{problem}; leave out one of both")

    def _resolve_parents(self, entry: StageEntry, stage_type: StageType) -> dict[str, str]:
        """Role → stage, with the first role where none is named."""
        parents = {}
        for word, parent in {**entry.parents, **entry.model_paths}.items():
            role = word or next(iter(stage_type.inputs), "")
            if not stage_type.inputs:
                self._add_problem(
                    entry, "from", f"a {entry.kind} stage starts from nothing; leave it out"
                )
            elif role not in stage_type.inputs:
                hint = suggest_nearest(role, stage_type.inputs)
                self._add_problem(entry, "from", f"a {entry.kind} stage has no {role}; {hint}")
            elif word in entry.model_paths and stage_type.inputs[role]:
                words = f"{parent} is no stage; name it in settings, as {stage_type.inputs[role]}"
                self._add_problem(entry, "from", words)
            elif word in entry.parents:
                parents[role] = entry.parents[word]
        for role in stage_type.required_inputs:
            if role not in parents and "from" not in entry.lines:
                self._add_missing(
                    entry, f"from is missing: the stage that gives the {role}, or its path"
                )
        return parents

    def _resolve_model_paths(self, entry: StageEntry, stage_type: StageType) -> dict[str, Path]:
        """Role → a model that no stage makes, for roles that no setting can name."""
        return {
            word or next(iter(stage_type.inputs), ""): path
            for word, path in entry.model_paths.items()
        }

    def _check_common(self) -> None:
        """Refuse common settings that no stage has."""
        used_types = [
            self.stage_types[s.kind] for s in self.entry.stages if s.kind in self.stage_types
        ]
        if not used_types:
            return
        used_paths = {
            path
            for one in used_types
            for path, _ in locations(select_known(one.config_type, self.entry.common))
        }.union(*(one.aliases for one in used_types))
        known = dict.fromkeys(
            path for one in used_types for path in list_setting_paths(one.config_type)
        )
        for path, line in locations(self.entry.common):
            if path not in used_paths:
                hint = _suggest_setting(path, list(known))
                self.problems.append((line, f"common.{path} is a setting of no stage; {hint}"))

    def _add_missing(self, entry: StageEntry, problem: str) -> None:
        """Note that something is missing; where the form is wrong it may only be misspelt."""
        if entry.is_valid:
            self._add_problem(entry, "", problem)

    def _add_problem(self, entry: StageEntry, key: str, problem: str) -> None:
        prefix = f"stages.{entry.name}" + (f".{key}" if key else "")
        self.problems.append((entry.line_of(key), f"{prefix}: {problem}"))


def _suggest_setting(path: str, known: Sequence[str]) -> str:
    """Say which setting was probably meant."""
    leaf = path.rsplit(".", 1)[-1]
    matches = [other for other in known if other.rsplit(".", 1)[-1] == leaf]
    matches = matches or get_close_matches(path, known, n=1, cutoff=0.5)
    sections = dict.fromkeys(other.split(".")[0] for other in known)
    return f"did you mean {matches[0]}?" if matches else f"there are {', '.join(sections)}"


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


def _iterate_parents(
    stage: Stage, stage_plans: Mapping[str, StagePlan]
) -> Iterator[tuple[str, Pretrained]]:
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
