"""Plain values of a file → the dataclasses of a run; every problem is noted, none stops."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from videomae2.config.kinds import in_words, scalar, shown
from videomae2.config.markup import Section


class Reading:
    """Reads one file and gathers its problems.

    What is wrong becomes None, so a result counts only while there is no problem.
    """

    def __init__(self, path: Path, kind: type[Any]) -> None:
        self.path = path
        self.notes: list[tuple[int, str]] = []
        """Line and problem."""
        self._known = list(known_settings(kind))

    @property
    def problems(self) -> list[str]:
        """Each problem with file and line."""
        return [f"{self.path}:{line}: {problem}" for line, problem in self.notes]

    def struct(self, kind: type[Any], found: Section, base: Any, path: str = "") -> Any:
        """Read a dataclass; ``base`` gives the fields that the file leaves out."""
        known = {field.name: field for field in fields(kind)}
        hints = get_type_hints(kind)
        for key in found:
            if key not in known:
                self._unknown(f"{path}{key}", path, known, found.lines[key])
        values = {
            name: self._field(field, hints[name], found, base, path)
            for name, field in known.items()
        }
        if self.notes:
            return None
        try:
            return kind(**values)
        except ValueError as error:
            return self._note(found.line, f"{path.removesuffix('.')}: {error}")

    def _field(self, field: Field[Any], hint: Any, found: Section, base: Any, path: str) -> Any:
        name, own = field.name, _default(field)
        start = own if base is None else getattr(base, field.name)
        if name in found:
            return self._value(hint, found[name], start, f"{path}{name}", found.lines[name])
        if start is not MISSING:
            return start
        return self._note(found.line, f"{path}{name} is missing; it has no default")

    def _value(self, hint: Any, found: Any, base: Any, path: str, line: int) -> Any:
        """Read one value, or a section, or a list of sections."""
        part = _part_of_tuple(hint)
        if is_dataclass(hint) and isinstance(found, Section):
            start = None if base is MISSING else base
            return self.struct(_as_type(hint), found, start, f"{path}.")
        if part is not None and isinstance(found, list):
            return self._list(part, found, base, path, line)
        try:
            return scalar(hint, found)
        except ValueError:
            return self._note(line, f"{path} wants {in_words(hint)}, found {shown(found)}")

    def _list(self, part: type[Any], found: list[Any], base: Any, path: str, line: int) -> Any:
        """Read sections one by one; they change those of the base if they are as many."""
        starts = (
            base if isinstance(base, tuple) and len(base) == len(found) else [None] * len(found)
        )
        return tuple(
            self._value(
                part,
                section,
                MISSING if start is None else start,
                f"{path}.{n}",
                section.line if isinstance(section, Section) else line,
            )
            for n, (section, start) in enumerate(zip(found, starts, strict=True))
        )

    def _unknown(self, path: str, section: str, here: dict[str, Any], line: int) -> None:
        near = get_close_matches(path, [f"{section}{name}" for name in here], n=1, cutoff=0.75)
        last = path.rsplit(".", 1)[-1]
        near = near or [p for p in self._known if p.rsplit(".", 1)[-1] == last]
        near = near or get_close_matches(path, self._known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(here)}"
        self._note(line, f"{path} is no setting; {hint}")

    def _note(self, line: int, problem: str) -> None:
        self.notes.append((line, problem))


def _part_of_tuple(hint: Any) -> type[Any] | None:
    """The dataclass whose instances a tuple holds, if it does."""
    arms = get_args(hint)
    holds = get_origin(hint) is tuple and is_dataclass(arms[0])
    return _as_type(arms[0]) if holds else None


def _as_type(hint: Any) -> type[Any]:
    kind: type[Any] = hint
    return kind


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def known_settings(kind: type[Any], path: str = "") -> Iterator[str]:
    """Every setting that a kind of run has."""
    for name, hint in get_type_hints(kind).items():
        part = _part_of_tuple(hint)
        if is_dataclass(hint):
            yield from known_settings(_as_type(hint), f"{path}{name}.")
        elif part is not None:
            yield from known_settings(part, f"{path}{name}.N.")
        else:
            yield f"{path}{name}"
