"""The file of a pipeline → complete stages, all that can be known checked before the first step.

Every problem of the file and of every stage is gathered, and raised at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomae2.base.schema import ConfigReader, flatten
from videomae2.base.text import suggest_nearest
from videomae2.commands.pipeline.evaluate_stage import EvaluateStage
from videomae2.commands.pipeline.file import (
    PipelineEntry,
    StageEntry,
    is_path,
    load_pipeline_file,
)
from videomae2.commands.pipeline.stages import Pipeline, Recipes, Stage, StagePlan
from videomae2.commands.pipeline.train_stages import DistillStage, FinetuneStage, PretrainStage
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.models.weights.pretrained import Pretrained

STAGE_TYPES: dict[str, type[Stage[Any]]] = {
    stage_type.kind: stage_type
    for stage_type in (PretrainStage, FinetuneStage, DistillStage, EvaluateStage)
}
"""All kinds of stages; a line of it is all that adding one takes here."""

_MISSING_VIDEOS = Path("VIDEOS")
"""Stands for videos that were not named, so that the rest can be read."""


def load_pipeline(path: Path, recipes: Recipes, *, out: Path | None = None) -> Pipeline:
    """Read a file; check every configuration, every list, and every model against its parents.

    Args:
        path: The YAML file.
        recipes: By kind and name.
        out: Takes the place of the file's ``out``.

    Raises:
        ConfigError: With every problem of the file and of every stage, each with its line.
    """
    entry = load_pipeline_file(path)
    entry.out = out or entry.out
    loaded = (_StageLoader(entry, stage_entry, recipes).load() for stage_entry in entry.stages)
    stages = [stage for stage in loaded if stage is not None]
    plans: dict[str, StagePlan] = {}
    for stage in stages:
        try:
            plan = stage.plan(dict(_iterate_parents(stage, plans)))
        except (ConfigError, DataError, CheckpointError) as error:
            problems = error.problems if isinstance(error, ConfigError) else [str(error)]
            for problem in problems:
                entry.add_problem(stage.line, f"stage {stage.name}: {problem}")
        else:
            if plan is not None:
                plans[stage.name] = plan
    entry.check()
    return Pipeline(name=entry.name, out=entry.out, stages=tuple(stages), plans=plans)


def _iterate_parents(
    stage: Stage[Any], plans: Mapping[str, StagePlan]
) -> Iterator[tuple[str, Pretrained | None]]:
    for role, name in stage.input_stages.items():
        if name in plans and plans[name].produces is None:
            raise ConfigError(f"from: {name} gives no model")
        yield role, plans[name].produces if name in plans else None


@dataclass(frozen=True, slots=True)
class _StageLoader:
    """Completes one stage, and notes its problems."""

    pipeline: PipelineEntry
    entry: StageEntry
    recipes: Recipes

    def load(self) -> Stage[Any] | None:
        """The stage; None if it has a problem."""
        entry, num_problems = self.entry, len(self.pipeline.problems)
        if entry.kind not in STAGE_TYPES:
            if entry.kind:
                hint = suggest_nearest(entry.kind, STAGE_TYPES)
                self._add_problem("kind", f"{entry.kind} is no kind of stage; {hint}")
            return None
        stage_type, out = STAGE_TYPES[entry.kind], self.pipeline.out / entry.name
        sources = dict(self._iterate_sources(stage_type))
        base = self._build_base(stage_type, out)
        if base is None:
            return None
        reader = ConfigReader(self.pipeline.path, stage_type.config_type)
        config = reader.read_dataclass(stage_type.config_type, entry.settings, base)
        self.pipeline.problems += reader.line_problems
        if config is None:
            return None
        stage = stage_type(
            name=entry.name,
            line=entry.line,
            recipe=entry.recipe,
            videos=entry.videos,
            out=out,
            sources=sources,
            config=config,
        )
        self._check_reserved(stage, base)
        return stage if entry.is_valid and len(self.pipeline.problems) == num_problems else None

    def _iterate_sources(self, stage_type: type[Stage[Any]]) -> Iterator[tuple[str, str]]:
        """Role and stage or path, with the first role where none is named."""
        kind, inputs = self.entry.kind, stage_type.inputs
        for given_role, word in self.entry.sources.items():
            role = given_role or next(iter(inputs), "")
            if not inputs:
                self._add_problem("from", f"a {kind} stage starts from nothing; leave it out")
            elif role not in inputs:
                hint = suggest_nearest(role, inputs)
                self._add_problem("from", f"a {kind} stage has no {role}; {hint}")
            elif is_path(word) and inputs[role]:
                hint = f"name it in settings, as {inputs[role]}"
                self._add_problem("from", f"{word} is no stage; {hint}")
            else:
                yield role, word
        for role, setting in inputs.items():
            if not setting and "from" not in self.entry.lines:
                self._add_missing(f"from is missing: the stage that gives the {role}, or its path")

    def _build_base(self, stage_type: type[Stage[Any]], out: Path) -> Any:
        """The configuration that settings change; None if there is a problem."""
        entry, recipes = self.entry, self.recipes.get(self.entry.kind)
        if "videos" not in entry.lines:
            self._add_missing("videos is missing: a folder or a list of videos")
        if recipes is None:
            if "recipe" in entry.lines:
                self._add_problem("recipe", f"{entry.kind} has no recipes; leave it out")
            return stage_type.config_type()
        if "recipe" not in entry.lines:
            self._add_missing(f"recipe is missing; videomae2 {entry.kind} lists them")
        elif entry.recipe and entry.recipe not in recipes:
            hint = suggest_nearest(entry.recipe, recipes)
            self._add_problem("recipe", f"{entry.recipe} is no {entry.kind} recipe; {hint}")
        if entry.recipe not in recipes:
            return None
        try:
            return recipes[entry.recipe](entry.videos or [_MISSING_VIDEOS], out)
        except ConfigError as error:
            for problem in error.problems:
                self._add_problem("videos", problem)
            return None

    def _check_reserved(self, stage: Stage[Any], base: Any) -> None:
        """Refuse settings that the pipeline sets itself."""
        before, after = dict(flatten(base)), dict(flatten(stage.config))
        if before.get("output_dir") != after.get("output_dir"):
            problem = "output_dir has no effect: the folder of a stage is its name, under out"
            self._add_problem("settings", problem)
        for role, parent in stage.input_stages.items():
            path = stage.inputs[role]
            if before.get(path) != after.get(path):
                problem = f"{path} has no effect: the weights are those of {parent}"
                self._add_problem("settings", f"{problem}; leave out one of both")

    def _add_missing(self, problem: str) -> None:
        """Note that something is missing; where the form is wrong it may only be misspelt."""
        if self.entry.is_valid:
            self._add_problem("", problem)

    def _add_problem(self, key: str, problem: str) -> None:
        line = self.entry.lines.get(key, self.entry.line)
        prefix = f"stages.{self.entry.name}" + (f".{key}" if key else "")
        self.pipeline.add_problem(line, f"{prefix}: {problem}")
