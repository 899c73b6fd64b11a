"""YAML text → lists and mappings that remember the line of every key; duplicate keys are errors."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from videomae2.errors import ConfigError


class Section(dict[Any, Any]):
    """A mapping of a file, with the line of each key, counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


def parse(text: str, path: Path, *, wanted: str = "settings such as 'seed: 1'") -> Section:
    """Read YAML whose top is a mapping; an empty text is an empty one.

    Args:
        text: YAML; JSON is a kind of it.
        path: Its file, for messages.
        wanted: What the file should hold, for messages.

    Raises:
        ConfigError: If it is no YAML, repeats a key, or is no mapping.
    """
    try:
        found = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: this is no YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: this is no YAML: {' '.join(str(error).split())}") from error
    if found is None:
        return Section(1)
    if not isinstance(found, Section):
        raise ConfigError(f"{path}: {wanted} wanted, found {found!r:.60}")
    return found


class _Loader(yaml.SafeLoader):
    """A safe loader that builds sections."""


def _section(loader: _Loader, node: yaml.MappingNode) -> Section:
    loader.flatten_mapping(node)
    section = Section(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable) or key in section:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {key!r} stands here twice" if isinstance(key, Hashable) else
                f"{key!r} is no name of a setting",
                problem_mark=key_node.start_mark,
            )  # fmt: skip
        section.lines[key] = key_node.start_mark.line + 1
        section[key] = loader.construct_object(value_node, deep=True)
    return section


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _section)
