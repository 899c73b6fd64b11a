"""A pipeline as a YAML file → its stages, parents first; read strictly, with the line of each word.

Which kinds and recipes there are, and whether settings fit them, is for others to say.

"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from videomae2.base.schema import YamlMapping, repr_value
from videomae2.config.files import parse_yaml
from videomae2.errors import ConfigError


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


def select_known(cls: type[Any], settings: YamlMapping) -> YamlMapping:
    """The part of some settings that a kind of run has."""
    known = {field.name for field in fields(cls)}
    hints = get_type_hints(cls)
    selected = YamlMapping(settings.line)
    for key, value in settings.items():
        if key not in known:
            continue
        if is_dataclass(hints[key]) and isinstance(value, YamlMapping):
            value = select_known(hints[key], value)
            if not value and settings[key]:
                continue
        _copy_item(selected, key, value, settings)
    return selected


def apply_aliases(settings: YamlMapping, aliases: Mapping[str, str]) -> YamlMapping:
    """The part of some settings that has other names somewhere, under those names."""
    result = YamlMapping(settings.line)
    for path, name in aliases.items():
        mapping: Any = settings
        *parents, last = path.split(".")
        for key in parents:
            mapping = mapping.get(key) if isinstance(mapping, YamlMapping) else None
        if isinstance(mapping, YamlMapping) and last in mapping:
            result = merge(result, _nest(name.split("."), mapping[last], mapping.lines[last]))
    return result


def merge(base: YamlMapping, overrides: YamlMapping) -> YamlMapping:
    """Settings with others put over them, section by section; each keeps its line."""
    merged = YamlMapping(overrides.line)
    for key in {**base, **overrides}:
        if isinstance(base.get(key), YamlMapping) and isinstance(overrides.get(key), YamlMapping):
            _copy_item(merged, key, merge(base[key], overrides[key]), overrides)
        elif key in overrides:
            _copy_item(merged, key, overrides[key], overrides)
        else:
            _copy_item(merged, key, base[key], base)
    return merged


def locations(settings: YamlMapping, path: str = "") -> Iterator[tuple[str, int]]:
    """Every setting as (``optim.epochs``, line), in order."""
    for key, value in settings.items():
        if isinstance(value, YamlMapping) and value:
            yield from locations(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", settings.lines[key]


def _nest(path: list[str], value: Any, line: int) -> YamlMapping:
    """A section with one setting somewhere in it."""
    mapping = YamlMapping(line)
    mapping[path[0]] = value if len(path) == 1 else _nest(path[1:], value, line)
    mapping.lines[path[0]] = line
    return mapping


def _copy_item(target: YamlMapping, key: str, value: Any, source: YamlMapping) -> None:
    target[key] = value
    target.lines[key] = source.lines[key]


def sort_parents_first(
    stages: Sequence[StageEntry], add_problem: Callable[[int, str], None]
) -> tuple[StageEntry, ...]:
    """Order stages; of those that could be next the first of the file is.

    Args:
        stages: In the order of the file.
        add_problem: Takes line and words of a problem: stages that wait for each other, which
            come last.
    """
    remaining, done = {stage.name: stage for stage in stages}, dict[str, StageEntry]()
    while remaining:
        ready = next(
            (s for s in remaining.values() if not _list_remaining_parents(s, remaining)), None
        )
        if ready is None:
            cycle = _find_cycle(remaining)
            words = " -> ".join([*cycle, cycle[0]])
            lines = ", ".join(str(remaining[name].line_of("from")) for name in cycle)
            problem = f"the stages {words} wait for each other (from in lines {lines})"
            add_problem(remaining[cycle[0]].line_of("from"), problem)
            return (*done.values(), *remaining.values())
        done[ready.name] = remaining.pop(ready.name)
    return tuple(done.values())


def _list_remaining_parents(stage: StageEntry, remaining: Mapping[str, StageEntry]) -> list[str]:
    return [parent for parent in stage.parents.values() if parent in remaining]


def _find_cycle(remaining: Mapping[str, StageEntry]) -> list[str]:
    """Some stages of which each waits for the next, and the last for the first."""
    names = [next(iter(remaining))]
    while True:
        parent = _list_remaining_parents(remaining[names[-1]], remaining)[0]
        if parent in names:
            return names[names.index(parent) :]
        names.append(parent)


_TOP_KEYS = ("name", "out", "common", "stages")


_STAGE_KEYS = ("kind", "recipe", "videos", "from", "settings")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def load_pipeline_file(path: Path) -> PipelineEntry:
    """Read a file, with all problems of its form.

    Raises:
        ConfigError: If it cannot be read, or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; videomae2 run --example prints a file to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return _PipelineFileReader(path).read_pipeline(parse_yaml(text, path))


def format_problems(path: Path, problems: Iterable[tuple[int, str]]) -> list[str]:
    """Problems with file and line, each once, in the order of their lines."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem[0])
    return [f"{path}:{line}: {problem}" for line, problem in ordered]


def is_path(word: str) -> bool:
    """Whether a word names a file or a folder, and no stage: names have no such characters."""
    return _NAME.fullmatch(word) is None


def suggest_nearest(word: str, known: Iterable[str]) -> str:
    """Say which word was probably meant, or which there are."""
    known_words = list(known)
    matches = get_close_matches(word, known_words, n=1, cutoff=0.5)
    return f"did you mean {matches[0]}?" if matches else f"there are {', '.join(known_words)}"


@dataclass(slots=True)
class _PipelineFileReader:
    """Reads one file and gathers its problems."""

    path: Path
    problems: list[tuple[int, str]] = field(default_factory=list)

    def read_pipeline(self, mapping: YamlMapping) -> PipelineEntry:
        self._check_keys(mapping, _TOP_KEYS, "")
        name = self._read_text(mapping, "name") or self.path.stem
        out = self._read_text(mapping, "out")
        common = self._read_mapping(mapping, "common")
        stages = self._read_stages(mapping)
        self._check_names(stages)
        ordered = sort_parents_first(stages, self._add_problem)
        return PipelineEntry(
            path=self.path,
            name=name,
            out=Path(out) if out else Path("runs") / name,
            common=common,
            stages=ordered,
            problems=tuple(self.problems),
        )

    def _read_stages(self, mapping: YamlMapping) -> list[StageEntry]:
        if "stages" not in mapping:
            self._add_problem(mapping.line, "stages is missing; it holds a section for each stage")
        stages = self._read_mapping(mapping, "stages")
        entries = []
        for name, stage_mapping in stages.items():
            line = stages.lines[name]
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                self._add_problem(line, f"stage {name!r}: a name is letters, digits, - and _")
            elif not isinstance(stage_mapping, YamlMapping):
                self._add_problem(
                    line, f"stages.{name} wants a section, found {repr_value(stage_mapping)}"
                )
            else:
                entries.append(self._read_stage(name, line, stage_mapping))
        if "stages" in mapping and not stages:
            self._add_problem(
                mapping.lines["stages"], "stages is empty; it wants one stage or more"
            )
        return entries

    def _read_stage(self, name: str, line: int, mapping: YamlMapping) -> StageEntry:
        prefix, num_problems = f"stages.{name}.", len(self.problems)
        self._check_keys(mapping, _STAGE_KEYS, prefix)
        if "kind" not in mapping:
            self._add_problem(line, f"{prefix}kind is missing")
        videos, sources = self._read_videos(mapping, prefix), self._read_sources(mapping, prefix)
        model_paths = {role: Path(word) for role, word in sources.items() if is_path(word)}
        return StageEntry(
            name=name,
            line=line,
            lines=mapping.lines,
            kind=self._read_text(mapping, "kind", prefix) or "",
            recipe=self._read_text(mapping, "recipe", prefix),
            videos=videos,
            parents={role: word for role, word in sources.items() if role not in model_paths},
            model_paths=model_paths,
            settings=self._read_mapping(mapping, "settings", prefix),
            is_valid=len(self.problems) == num_problems,
        )

    def _read_videos(self, mapping: YamlMapping, prefix: str) -> tuple[Path, ...]:
        value = mapping.get("videos", [])
        paths = [value] if isinstance(value, str) else value
        is_valid = isinstance(paths, list) and all(isinstance(path, str) and path for path in paths)
        if not is_valid or ("videos" in mapping and not paths):
            expected = "a path or a list of paths"
            self._add_problem(
                mapping.lines["videos"],
                f"{prefix}videos wants {expected}, found {repr_value(value)}",
            )
            return ()
        return tuple(Path(path) for path in paths)

    def _read_sources(self, mapping: YamlMapping, prefix: str) -> dict[str, str]:
        value = mapping.get("from", {})
        roles = {"": value} if isinstance(value, str) else value
        is_valid = isinstance(roles, dict) and all(
            isinstance(part, str) for pair in roles.items() for part in pair
        )
        if not is_valid or ("from" in mapping and not roles):
            self._add_problem(
                mapping.lines["from"],
                f"{prefix}from wants the name of a stage, or a section such as "
                f"'teacher: big', found {repr_value(value)}",
            )
            return {}
        return dict(roles)

    def _check_names(self, stages: list[StageEntry]) -> None:
        names = [stage.name for stage in stages]
        for stage in stages:
            for parent in stage.parents.values():
                if parent not in names:
                    hint = suggest_nearest(
                        parent, [name for name in names if name != stage.name] or names
                    )
                    problem = f"stages.{stage.name}.from: {parent} is no stage here; {hint}"
                    self._add_problem(stage.line_of("from"), problem)

    def _check_keys(self, mapping: YamlMapping, keys: tuple[str, ...], prefix: str) -> None:
        for key in mapping:
            if key not in keys:
                hint = suggest_nearest(str(key), keys)
                self._add_problem(
                    mapping.lines[key], f"{prefix}{key} is nothing that stands here; {hint}"
                )

    def _read_text(self, mapping: YamlMapping, key: str, prefix: str = "") -> str | None:
        value = mapping.get(key)
        if key in mapping and not (isinstance(value, str) and value):
            self._add_problem(
                mapping.lines[key], f"{prefix}{key} wants a text, found {repr_value(value)}"
            )
            return None
        return value

    def _read_mapping(self, mapping: YamlMapping, key: str, prefix: str = "") -> YamlMapping:
        value: Any = mapping.get(key)
        if value is None:
            return YamlMapping(mapping.lines.get(key, mapping.line))
        if not isinstance(value, YamlMapping):
            self._add_problem(
                mapping.lines[key], f"{prefix}{key} wants a section, found {repr_value(value)}"
            )
            return YamlMapping(mapping.lines[key])
        return value

    def _add_problem(self, line: int, problem: str) -> None:
        self.problems.append((line, problem))
