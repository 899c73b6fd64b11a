"""YAML text → lists and mappings that remember the line of every key; duplicate keys are errors."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from videomae2.errors import ConfigError


class YamlMapping(dict[Any, Any]):
    """A mapping of a file, with the line of each key, counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


def parse_yaml(text: str, path: Path, *, expected: str = "settings such as 'seed: 1'") -> YamlMapping:
    """Read YAML whose top is a mapping; an empty text is an empty one.

    Args:
        text: YAML; JSON is a kind of it.
        path: Its file, for messages.
        expected: What the file should hold, for messages.

    Raises:
        ConfigError: If it is no YAML, repeats a key, or is no mapping.
    """
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: this is no YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: this is no YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return YamlMapping(1)
    if not isinstance(document, YamlMapping):
        raise ConfigError(f"{path}: {expected} wanted, found {document!r:.60}")
    return document


class _Loader(yaml.SafeLoader):
    """A safe loader that builds sections."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> YamlMapping:
    loader.flatten_mapping(node)
    mapping = YamlMapping(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable) or key in mapping:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {key!r} stands here twice" if isinstance(key, Hashable) else
                f"{key!r} is no name of a setting",
                problem_mark=key_node.start_mark,
            )  # fmt: skip
        mapping.lines[key] = key_node.start_mark.line + 1
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
