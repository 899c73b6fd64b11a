"""Settings that several stages share: each stage takes those that its kind of run has."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from videomae2.config.markup import Section


def taken_by(kind: type[Any], found: Section) -> Section:
    """The part of some settings that a kind of run has."""
    known = {field.name for field in fields(kind)}
    hints = get_type_hints(kind)
    taken = Section(found.line)
    for key, value in found.items():
        if key not in known:
            continue
        if is_dataclass(hints[key]) and isinstance(value, Section):
            value = taken_by(hints[key], value)
            if not value and found[key]:
                continue
        _put(taken, key, value, found)
    return taken


def renamed(found: Section, names: Mapping[str, str]) -> Section:
    """The part of some settings that has other names somewhere, under those names."""
    every = Section(found.line)
    for path, name in names.items():
        section: Any = found
        *upper, last = path.split(".")
        for key in upper:
            section = section.get(key) if isinstance(section, Section) else None
        if isinstance(section, Section) and last in section:
            every = over(every, _at(name.split("."), section[last], section.lines[last]))
    return every


def over(base: Section, own: Section) -> Section:
    """Settings with others put over them, section by section; each keeps its line."""
    both = Section(own.line)
    for key in {**base, **own}:
        if isinstance(base.get(key), Section) and isinstance(own.get(key), Section):
            _put(both, key, over(base[key], own[key]), own)
        elif key in own:
            _put(both, key, own[key], own)
        else:
            _put(both, key, base[key], base)
    return both


def places(found: Section, path: str = "") -> Iterator[tuple[str, int]]:
    """Every setting as (``optim.epochs``, line), in order."""
    for key, value in found.items():
        if isinstance(value, Section) and value:
            yield from places(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", found.lines[key]


def _at(path: list[str], value: Any, line: int) -> Section:
    """A section with one setting somewhere in it."""
    section = Section(line)
    section[path[0]] = value if len(path) == 1 else _at(path[1:], value, line)
    section.lines[path[0]] = line
    return section


def _put(section: Section, key: str, value: Any, source: Section) -> None:
    section[key] = value
    section.lines[key] = source.lines[key]
