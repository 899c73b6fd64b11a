"""A pipeline as a YAML file → its stages, parents first; read strictly, with the line of each word.

Which kinds and recipes there are, and whether settings fit them, is for others to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from videomae2.config.kinds import repr_value
from videomae2.config.markup import YamlMapping, parse_yaml
from videomae2.config.pipeline_entries import PipelineEntry, StageEntry
from videomae2.config.stage_order import sort_parents_first
from videomae2.errors import ConfigError

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
                self._add_problem(line, f"stages.{name} wants a section, found {repr_value(stage_mapping)}")
            else:
                entries.append(self._read_stage(name, line, stage_mapping))
        if "stages" in mapping and not stages:
            self._add_problem(mapping.lines["stages"], "stages is empty; it wants one stage or more")
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
            self._add_problem(mapping.lines["videos"], f"{prefix}videos wants {expected}, found {repr_value(value)}")
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
                    hint = suggest_nearest(parent, [name for name in names if name != stage.name] or names)
                    problem = f"stages.{stage.name}.from: {parent} is no stage here; {hint}"
                    self._add_problem(stage.line_of("from"), problem)

    def _check_keys(self, mapping: YamlMapping, keys: tuple[str, ...], prefix: str) -> None:
        for key in mapping:
            if key not in keys:
                hint = suggest_nearest(str(key), keys)
                self._add_problem(mapping.lines[key], f"{prefix}{key} is nothing that stands here; {hint}")

    def _read_text(self, mapping: YamlMapping, key: str, prefix: str = "") -> str | None:
        value = mapping.get(key)
        if key in mapping and not (isinstance(value, str) and value):
            self._add_problem(mapping.lines[key], f"{prefix}{key} wants a text, found {repr_value(value)}")
            return None
        return value

    def _read_mapping(self, mapping: YamlMapping, key: str, prefix: str = "") -> YamlMapping:
        value: Any = mapping.get(key)
        if value is None:
            return YamlMapping(mapping.lines.get(key, mapping.line))
        if not isinstance(value, YamlMapping):
            self._add_problem(mapping.lines[key], f"{prefix}{key} wants a section, found {repr_value(value)}")
            return YamlMapping(mapping.lines[key])
        return value

    def _add_problem(self, line: int, problem: str) -> None:
        self.problems.append((line, problem))
