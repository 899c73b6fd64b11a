"""The file of a pipeline and the kinds of stages → complete stages, and every problem of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from videomae2.config.common_settings import over, places, renamed, taken_by
from videomae2.config.leaves import leaves
from videomae2.config.pipeline_entries import PipelineEntry, StageEntry
from videomae2.config.pipeline_file import nearest, read_pipeline
from videomae2.config.reading import Reading, known_settings
from videomae2.errors import ConfigError
from videomae2.jobs.pipeline.stages import Job, Pipeline, Stage, StageKind

_NO_VIDEOS = Path("VIDEOS")
"""Stands for videos that were not named, so that the rest can be read."""


def resolve(path: Path, kinds: Mapping[str, StageKind], *, out: Path | None = None) -> Pipeline:
    """Read a file and complete its stages, as far as that can be done.

    Args:
        path: The YAML file.
        kinds: The kinds of stages by name.
        out: Takes the place of the file's ``out``.

    Raises:
        ConfigError: If the file cannot be read.
    """
    entry = read_pipeline(path)
    entry = entry if out is None else replace(entry, out=out)
    return _Resolving(entry, kinds, list(entry.problems)).pipeline()


@dataclass(slots=True)
class _Resolving:
    entry: PipelineEntry
    kinds: Mapping[str, StageKind]
    problems: list[tuple[int, str]]
    """Line and what is wrong there."""

    def pipeline(self) -> Pipeline:
        stages = [self._stage(stage) for stage in self.entry.stages]
        self._check_common()
        return Pipeline(
            name=self.entry.name,
            out=self.entry.out,
            stages=tuple(stage for stage in stages if stage is not None),
            path=self.entry.path,
            problems=tuple(self.problems),
        )

    def _stage(self, entry: StageEntry) -> Stage | None:
        """Complete a stage; None if it has a problem."""
        before = len(self.problems)
        stage = self._complete(entry)
        return stage if entry.is_whole and len(self.problems) == before else None

    def _complete(self, entry: StageEntry) -> Stage | None:
        if entry.kind not in self.kinds:
            if entry.kind:
                hint = nearest(entry.kind, self.kinds)
                self._note(entry, "kind", f"{entry.kind} is no kind of stage; {hint}")
            return None
        kind, out = self.kinds[entry.kind], self.entry.out / entry.name
        parents = self._parents(entry, kind)
        start = self._recipe(entry, kind, out)
        if start is None:
            return None
        settings = self._settings(entry, kind, start)
        if settings is None:
            return None
        return Stage(
            name=entry.name,
            line=entry.line,
            kind_name=entry.kind,
            kind=kind,
            recipe=entry.recipe or "",
            parents=parents,
            job=Job(
                settings=settings, videos=entry.videos, out=out, given=self._given(entry, kind)
            ),
        )

    def _recipe(self, entry: StageEntry, kind: StageKind, out: Path) -> Any:
        """The configuration that settings change; None if there is a problem."""
        if not entry.videos and "videos" not in entry.lines:
            self._lacks(entry, "videos is missing: a folder or a list of videos")
        if not kind.recipes:
            if "recipe" in entry.lines:
                self._note(entry, "recipe", f"{entry.kind} has no recipes; leave it out")
            return kind.settings()
        if entry.recipe is None or entry.recipe not in kind.recipes:
            if entry.recipe is not None:
                hint = nearest(entry.recipe, kind.recipes)
                self._note(entry, "recipe", f"{entry.recipe} is no {entry.kind} recipe; {hint}")
            elif "recipe" not in entry.lines:
                self._lacks(entry, f"recipe is missing; videomae2 {entry.kind} lists them")
            return None
        try:
            return kind.recipes[entry.recipe](entry.videos or [_NO_VIDEOS], out)
        except ConfigError as error:
            for problem in error.problems:
                self._note(entry, "videos", problem)
            return None

    def _settings(self, entry: StageEntry, kind: StageKind, start: Any) -> Any:
        """The complete configuration; None if there is a problem."""
        common = self.entry.common
        shared = over(taken_by(kind.settings, common), renamed(common, kind.called))
        both = over(shared, entry.settings)
        reading = Reading(self.entry.path, kind.settings)
        settings = reading.struct(kind.settings, both, start)
        self.problems += reading.notes
        if settings is not None:
            self._check_ours(entry, kind, start, settings)
        return settings

    def _check_ours(self, entry: StageEntry, kind: StageKind, start: Any, settings: Any) -> None:
        """Refuse settings that the pipeline sets itself."""
        before, after = dict(leaves(start)), dict(leaves(settings))
        if before.get("record.out") != after.get("record.out"):
            problem = "record.out has no effect: the folder of a stage is its name, under out"
            self._note(entry, "settings", problem)
        for role, parent in self._parents(entry, kind).items():
            path = kind.roles[role]
            if before.get(path) != after.get(path):
                problem = f"{path} has no effect: the weights are those of {parent}"
                self._note(entry, "settings", f"{problem}; leave out one of both")

    def _parents(self, entry: StageEntry, kind: StageKind) -> dict[str, str]:
        """Role → stage, with the first role where none is named."""
        found = {}
        for word, parent in {**entry.parents, **entry.given}.items():
            role = word or next(iter(kind.roles), "")
            if not kind.roles:
                self._note(entry, "from", f"a {entry.kind} stage starts from nothing; leave it out")
            elif role not in kind.roles:
                hint = nearest(role, kind.roles)
                self._note(entry, "from", f"a {entry.kind} stage has no {role}; {hint}")
            elif word in entry.given and kind.roles[role]:
                words = f"{parent} is no stage; name it in settings, as {kind.roles[role]}"
                self._note(entry, "from", words)
            elif word in entry.parents:
                found[role] = entry.parents[word]
        for role in kind.needs:
            if role not in found and "from" not in entry.lines:
                self._lacks(entry, f"from is missing: the stage that gives the {role}, or its path")
        return found

    def _given(self, entry: StageEntry, kind: StageKind) -> dict[str, Path]:
        """Role → a model that no stage makes, for roles that no setting can name."""
        return {word or next(iter(kind.roles), ""): path for word, path in entry.given.items()}

    def _check_common(self) -> None:
        """Refuse common settings that no stage has."""
        used = [self.kinds[s.kind] for s in self.entry.stages if s.kind in self.kinds]
        if not used:
            return
        taken = {
            path for one in used for path, _ in places(taken_by(one.settings, self.entry.common))
        }.union(*(one.called for one in used))
        known = dict.fromkeys(path for one in used for path in known_settings(one.settings))
        for path, line in places(self.entry.common):
            if path not in taken:
                hint = _near(path, list(known))
                self.problems.append((line, f"common.{path} is a setting of no stage; {hint}"))

    def _lacks(self, entry: StageEntry, problem: str) -> None:
        """Note that something is missing; where the form is wrong it may only be misspelt."""
        if entry.is_whole:
            self._note(entry, "", problem)

    def _note(self, entry: StageEntry, key: str, problem: str) -> None:
        place = f"stages.{entry.name}" + (f".{key}" if key else "")
        self.problems.append((entry.where(key), f"{place}: {problem}"))


def _near(path: str, known: Sequence[str]) -> str:
    """Say which setting was probably meant."""
    last = path.rsplit(".", 1)[-1]
    near = [other for other in known if other.rsplit(".", 1)[-1] == last]
    near = near or get_close_matches(path, known, n=1, cutoff=0.5)
    sections = dict.fromkeys(other.split(".")[0] for other in known)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(sections)}"
