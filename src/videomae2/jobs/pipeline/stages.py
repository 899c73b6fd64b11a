"""What a kind of stage brings to a pipeline, and what a stage of it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videomae2.config.differences import SAME_RESULTS
from videomae2.config.leaves import pattern
from videomae2.jobs.video_lists import VideoList
from videomae2.jobs.work import Say
from videomae2.models.parents import Parent

Notes = Mapping[str, object]
Recipes = Mapping[str, Callable[[Sequence[Path], Path], Any]]
Numbers = dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a stage is made of, for the functions of its kind."""

    settings: Any
    """A complete configuration of the kind."""
    videos: tuple[Path, ...]
    """As named in the file."""
    out: Path
    """The stage's folder."""
    weights: Mapping[str, Path] = field(default_factory=dict)
    """Role → the model that a parent gave."""
    given: Mapping[str, Path] = field(default_factory=dict)
    """Role → a model that no stage makes, where no setting can name it."""
    compared: frozenset[str] = SAME_RESULTS
    """Settings that whoever does it need not compare with those of what is there: they change no
    result, or were compared by content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was found out about a stage before it starts."""

    lists: tuple[VideoList, ...]
    lines: str
    """What it will do, in a few lines."""
    gives: Parent | None
    """What its model will be, its weights on the meta device; None if it gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageKind:
    """What there is to know about a kind of stage. All functions take the stage's job."""

    settings: type[Any]
    """The dataclass that the settings in the file change."""
    recipes: Recipes
    """Where a complete configuration comes from; where there are none, all settings have
    defaults."""
    roles: Mapping[str, str]
    """What parents can be to it → the setting that can name other weights for it instead ("" where
    there is none)."""
    check: Callable[[Job], None]
    """Raises ConfigError with every problem of the configuration; opens no list and no weights."""
    look: Callable[[Job, Mapping[str, Parent]], Seen]
    """Reads the lists, and holds what parents will give (by role) against what is wanted. The job
    has weights for every parent, but of those with problems of their own nothing is known."""
    do: Callable[[Job, Notes, Say], Path]
    """Does it, or goes on with it, and gives its result: a folder or a file within its own. The
    notes go into the cards of its models."""
    numbers: Callable[[Job, Path], Numbers]
    """How good the result is, in a few numbers by name."""
    needs: tuple[str, ...] = ()
    """Roles that a stage cannot do without."""
    called: Mapping[str, str] = field(default_factory=dict)
    """Common settings that have another name here → that name."""
    sees_changed_files: bool = False
    """What it did of a file is not used when the file has changed, so it can always go on."""
    same_results: frozenset[str] = SAME_RESULTS
    """Settings that do not change the result."""
    same_work: frozenset[str] = frozenset()
    """Settings that change only what is made of the work: the stage goes on with what is there."""

    @property
    def aside(self) -> frozenset[str]:
        """Settings that are not compared; those that name weights are compared by content."""
        return self.same_results | frozenset(map(pattern, self.roles.values()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage, complete."""

    name: str
    line: int
    """Of the file, for messages."""
    kind_name: str
    kind: StageKind
    recipe: str
    parents: Mapping[str, str]
    """Role → stage."""
    job: Job

    @property
    def origins(self) -> dict[str, str]:
        """Role → the stage or the path that it starts from."""
        return {**self.parents, **{role: str(path) for role, path in self.job.given.items()}}

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        origin = ", ".join(dict.fromkeys(self.origins.values()))
        words = f"{self.kind_name} {self.recipe}".strip()
        return words + (f", from {origin}" if origin else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """All stages, parents before children."""

    name: str
    out: Path
    stages: tuple[Stage, ...]
    """Those that are complete."""
    path: Path
    """Of the file."""
    problems: tuple[tuple[int, str], ...]
    """Line and what is wrong there: why others are not complete, and all else of the file."""
