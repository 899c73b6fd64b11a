"""A pipeline as a YAML file → its stages, parents first; read strictly, with the line of each word.

Which kinds and recipes there are, and whether settings fit them, is for ``load`` to say. What
several stages share stands under ``shared`` with YAML anchors.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

from videomae2.base.json_files import read_small_text
from videomae2.base.schema import YamlMapping, repr_value
from videomae2.base.text import suggest_nearest
from videomae2.config.files import parse_yaml
from videomae2.errors import ConfigError

T = TypeVar("T")
_TOP_KEYS = ("name", "out", "shared", "stages")
_STAGE_KEYS = ("kind", "recipe", "videos", "from", "settings")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageEntry:
    """One stage as it stands in the file; what is wrong with its form is left out."""

    name: str
    line: int
    lines: Mapping[str, int]
    """The line of each of its keys."""
    kind: str
    recipe: str
    videos: tuple[Path, ...]
    sources: Mapping[str, str]
    """Role → stage or path; the role is "" where the file names the source alone."""
    settings: YamlMapping
    is_valid: bool
    """Nothing is wrong with its form."""


@dataclass(slots=True)
class PipelineEntry:
    """A whole file."""

    path: Path
    name: str = ""
    out: Path = Path()
    stages: tuple[StageEntry, ...] = ()
    """Parents before children, else in the order of the file."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    """Line and what is wrong there."""

    def add_problem(self, line: int, problem: str) -> None:
        """Note what is wrong in a line."""
        self.problems.append((line, problem))

    def check(self) -> None:
        """Raise ConfigError with every problem, each once, in the order of their lines."""
        if self.problems:
            ordered = sorted(dict.fromkeys(self.problems), key=lambda problem: problem[0])
            raise ConfigError([f"{self.path}:{line}: {problem}" for line, problem in ordered])


def load_pipeline_file(path: Path) -> PipelineEntry:
    """Read a file, with all problems of its form.

    Raises:
        ConfigError: If it cannot be read, or is no YAML.
    """
    try:
        text = read_small_text(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; videomae2 run --example prints a file to start from"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path} {error}") from error
    mapping, entry = parse_yaml(text, path), PipelineEntry(path=path)
    _check_keys(entry, mapping, _TOP_KEYS, "")
    entry.name = _read(entry, mapping, "name", "", _parse_text, "a text") or path.stem
    out = _read(entry, mapping, "out", "", _parse_text, "a text")
    entry.out = Path(out) if out else Path("runs") / entry.name
    stages = _read_stages(entry, mapping)
    _check_sources(entry, stages)
    entry.stages = _sort_parents_first(entry, stages)
    return entry


def is_path(word: str) -> bool:
    """Whether a word names a file or a folder, and no stage: names have no such characters."""
    return _NAME.fullmatch(word) is None


def _read_stages(entry: PipelineEntry, mapping: YamlMapping) -> list[StageEntry]:
    if "stages" not in mapping:
        entry.add_problem(mapping.line, "stages is missing; it holds a section for each stage")
    elif not mapping["stages"]:
        entry.add_problem(mapping.lines["stages"], "stages is empty; it wants one stage or more")
    sections = _read(entry, mapping, "stages", "", _parse_section, "a section") or YamlMapping(0)
    stages = []
    for name in sections:
        line = sections.lines[name]
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            entry.add_problem(line, f"stage {name!r}: a name is letters, digits, - and _")
            continue
        section = _read(entry, sections, name, "stages.", _parse_section, "a section")
        if section is not None:
            stages.append(_read_stage(entry, name, line, section))
    return stages


def _read_stage(entry: PipelineEntry, name: str, line: int, section: YamlMapping) -> StageEntry:
    prefix, num_problems = f"stages.{name}.", len(entry.problems)

    def read(key: str, parse: Callable[[object], T | None], expected: str) -> T | None:
        return _read(entry, section, key, prefix, parse, expected)

    _check_keys(entry, section, _STAGE_KEYS, prefix)
    if "kind" not in section:
        entry.add_problem(line, f"{prefix}kind is missing")
    sources = "the name of a stage, or a section such as 'teacher: big'"
    return StageEntry(
        name=name,
        line=line,
        lines=section.lines,
        kind=read("kind", _parse_text, "a text") or "",
        recipe=read("recipe", _parse_text, "a text") or "",
        videos=read("videos", _parse_videos, "a path or a list of paths") or (),
        sources=read("from", _parse_sources, sources) or {},
        settings=read("settings", _parse_section, "a section") or YamlMapping(line),
        is_valid=len(entry.problems) == num_problems,
    )


def _read(
    entry: PipelineEntry,
    mapping: YamlMapping,
    key: str,
    prefix: str,
    parse: Callable[[object], T | None],
    expected: str,
) -> T | None:
    """The value of a key; None where it is missing or, which is noted, of another kind."""
    if key not in mapping:
        return None
    value = parse(mapping[key])
    if value is None:
        found = repr_value(mapping[key])
        entry.add_problem(mapping.lines[key], f"{prefix}{key} wants {expected}, found {found}")
    return value


def _parse_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _parse_section(value: object) -> YamlMapping | None:
    return YamlMapping(0) if value is None else value if isinstance(value, YamlMapping) else None


def _parse_videos(value: object) -> tuple[Path, ...] | None:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths:
        return None
    return tuple(map(Path, paths)) if all(map(_parse_text, paths)) else None


def _parse_sources(value: object) -> dict[str, str] | None:
    roles = {"": value} if isinstance(value, str) else value
    if not isinstance(roles, dict) or not roles:
        return None
    is_text = all(isinstance(word, str) for pair in roles.items() for word in pair)
    return dict(roles) if is_text else None


def _check_keys(
    entry: PipelineEntry, mapping: YamlMapping, keys: Sequence[str], prefix: str
) -> None:
    for key in mapping:
        if key not in keys:
            hint = suggest_nearest(str(key), keys)
            problem = f"{prefix}{key} is nothing that stands here; {hint}"
            entry.add_problem(mapping.lines[key], problem)


def _check_sources(entry: PipelineEntry, stages: Sequence[StageEntry]) -> None:
    names = [stage.name for stage in stages]
    for stage in stages:
        for word in stage.sources.values():
            if word not in names and not is_path(word):
                others = [name for name in names if name != stage.name]
                hint = suggest_nearest(word, others or names)
                problem = f"stages.{stage.name}.from: {word} is no stage here; {hint}"
                entry.add_problem(stage.lines["from"], problem)


def _sort_parents_first(
    entry: PipelineEntry, stages: Sequence[StageEntry]
) -> tuple[StageEntry, ...]:
    """Order stages; of those that could be next the first of the file is.

    Stages that wait for each other are a problem, and come last.
    """
    remaining = {stage.name: stage for stage in stages}
    positions = {name: number for number, name in enumerate(remaining)}
    sorter = TopologicalSorter(
        {s.name: [word for word in s.sources.values() if word in positions] for s in stages}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        _, *cycle = reversed(error.args[1])  # each waits for the next, and the last for the first
        first = cycle.index(min(cycle, key=positions.__getitem__))
        cycle = cycle[first:] + cycle[:first]
        lines = [remaining[name].lines["from"] for name in cycle]
        words, shown = " -> ".join([*cycle, cycle[0]]), ", ".join(map(str, lines))
        problem = f"the stages {words} wait for each other (from in lines {shown})"
        entry.add_problem(lines[0], problem)
    ordered, ready = [], list(sorter.get_ready())
    while ready:
        ready.sort(key=positions.__getitem__)
        name = ready.pop(0)
        ordered.append(remaining.pop(name))
        sorter.done(name)
        ready += sorter.get_ready()
    return (*ordered, *remaining.values())
