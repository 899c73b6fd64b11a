"""Settings that several stages share: each stage takes those that its kind of run has."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from videomae2.config.markup import YamlMapping


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
