"""A pipeline as a YAML file → its stages, parents first; read strictly, with the line of each word.

Which kinds and recipes there are, and whether settings fit them, is for others to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from videomae2.config.kinds import shown
from videomae2.config.markup import Section, parse
from videomae2.config.pipeline_entries import PipelineEntry, StageEntry
from videomae2.config.stage_order import parents_first
from videomae2.errors import ConfigError

_TOP = ("name", "out", "common", "stages")
_STAGE = ("kind", "recipe", "videos", "from", "settings")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def read_pipeline(path: Path) -> PipelineEntry:
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
    return _Form(path).pipeline(parse(text, path))


def in_order(path: Path, problems: Iterable[tuple[int, str]]) -> list[str]:
    """Problems with file and line, each once, in the order of their lines."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem[0])
    return [f"{path}:{line}: {problem}" for line, problem in ordered]


def is_path(word: str) -> bool:
    """Whether a word names a file or a folder, and no stage: names have no such characters."""
    return _NAME.fullmatch(word) is None


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which word was probably meant, or which there are."""
    there = list(known)
    near = get_close_matches(word, there, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"


@dataclass(slots=True)
class _Form:
    """Reads one file and gathers its problems."""

    path: Path
    problems: list[tuple[int, str]] = field(default_factory=list)

    def pipeline(self, found: Section) -> PipelineEntry:
        self._known(found, _TOP, "")
        name = self._text(found, "name") or self.path.stem
        out = self._text(found, "out")
        common = self._section(found, "common")
        stages = self._stages(found)
        self._check_names(stages)
        ordered = parents_first(stages, self._note)
        return PipelineEntry(
            path=self.path,
            name=name,
            out=Path(out) if out else Path("runs") / name,
            common=common,
            stages=ordered,
            problems=tuple(self.problems),
        )

    def _stages(self, found: Section) -> list[StageEntry]:
        if "stages" not in found:
            self._note(found.line, "stages is missing; it holds a section for each stage")
        stages = self._section(found, "stages")
        entries = []
        for name, section in stages.items():
            line = stages.lines[name]
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                self._note(line, f"stage {name!r}: a name is letters, digits, - and _")
            elif not isinstance(section, Section):
                self._note(line, f"stages.{name} wants a section, found {shown(section)}")
            else:
                entries.append(self._stage(name, line, section))
        if "stages" in found and not stages:
            self._note(found.lines["stages"], "stages is empty; it wants one stage or more")
        return entries

    def _stage(self, name: str, line: int, found: Section) -> StageEntry:
        place, before = f"stages.{name}.", len(self.problems)
        self._known(found, _STAGE, place)
        if "kind" not in found:
            self._note(line, f"{place}kind is missing")
        videos, origins = self._videos(found, place), self._origins(found, place)
        given = {role: Path(word) for role, word in origins.items() if is_path(word)}
        return StageEntry(
            name=name,
            line=line,
            lines=found.lines,
            kind=self._text(found, "kind", place) or "",
            recipe=self._text(found, "recipe", place),
            videos=videos,
            parents={role: word for role, word in origins.items() if role not in given},
            given=given,
            settings=self._section(found, "settings", place),
            is_whole=len(self.problems) == before,
        )

    def _videos(self, found: Section, place: str) -> tuple[Path, ...]:
        value = found.get("videos", [])
        paths = [value] if isinstance(value, str) else value
        good = isinstance(paths, list) and all(isinstance(path, str) and path for path in paths)
        if not good or ("videos" in found and not paths):
            wanted = "a path or a list of paths"
            self._note(found.lines["videos"], f"{place}videos wants {wanted}, found {shown(value)}")
            return ()
        return tuple(Path(path) for path in paths)

    def _origins(self, found: Section, place: str) -> dict[str, str]:
        value = found.get("from", {})
        roles = {"": value} if isinstance(value, str) else value
        good = isinstance(roles, dict) and all(
            isinstance(part, str) for pair in roles.items() for part in pair
        )
        if not good or ("from" in found and not roles):
            self._note(
                found.lines["from"],
                f"{place}from wants the name of a stage, or a section such as "
                f"'teacher: big', found {shown(value)}",
            )
            return {}
        return dict(roles)

    def _check_names(self, stages: list[StageEntry]) -> None:
        names = [stage.name for stage in stages]
        for stage in stages:
            for parent in stage.parents.values():
                if parent not in names:
                    hint = nearest(parent, [name for name in names if name != stage.name] or names)
                    problem = f"stages.{stage.name}.from: {parent} is no stage here; {hint}"
                    self._note(stage.where("from"), problem)

    def _known(self, found: Section, keys: tuple[str, ...], place: str) -> None:
        for key in found:
            if key not in keys:
                hint = nearest(str(key), keys)
                self._note(found.lines[key], f"{place}{key} is nothing that stands here; {hint}")

    def _text(self, found: Section, key: str, place: str = "") -> str | None:
        value = found.get(key)
        if key in found and not (isinstance(value, str) and value):
            self._note(found.lines[key], f"{place}{key} wants a text, found {shown(value)}")
            return None
        return value

    def _section(self, found: Section, key: str, place: str = "") -> Section:
        value: Any = found.get(key)
        if value is None:
            return Section(found.lines.get(key, found.line))
        if not isinstance(value, Section):
            self._note(found.lines[key], f"{place}{key} wants a section, found {shown(value)}")
            return Section(found.lines[key])
        return value

    def _note(self, line: int, problem: str) -> None:
        self.problems.append((line, problem))
