"""A pipeline as it stands in its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from videomae2.config.markup import YamlMapping


@dataclass(frozen=True, kw_only=True, slots=True)
class StageEntry:
    """One stage as it stands in the file."""

    name: str
    line: int
    lines: Mapping[str, int]
    """The line of each of its keys."""
    kind: str
    recipe: str | None
    videos: tuple[Path, ...]
    parents: Mapping[str, str]
    """Role → stage; the role is "" where the file names a stage only."""
    model_paths: Mapping[str, Path]
    """Role → a model that no stage makes, in the same place."""
    settings: YamlMapping
    is_valid: bool
    """Nothing is wrong with its form; else what was wrong is left out."""

    def line_of(self, key: str = "") -> int:
        """The line of a key, or of the stage."""
        return self.lines.get(key, self.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineEntry:
    """A whole file."""

    path: Path
    name: str
    out: Path
    common: YamlMapping
    stages: tuple[StageEntry, ...]
    """Parents before children, else in the order of the file."""
    problems: tuple[tuple[int, str], ...]
    """Line and what is wrong there with the form of the file."""
