"""A run as a YAML file: written whole or not at all, read strictly, complete or over a base.

Lists and mappings of a text remember the line of every key; duplicate keys are errors.
"""

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from videomae2.base.files import atomic_write
from videomae2.base.json_files import read_small_text
from videomae2.base.schema import ConfigReader, YamlMapping, repr_value
from videomae2.errors import ConfigError


def parse_yaml(
    text: str, path: Path, *, expected: str = "settings such as 'seed: 1'"
) -> YamlMapping:
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
    except RecursionError as error:
        raise ConfigError(f"{path}: its values are nested too deeply") from error
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"{path}: character {error.position + 1} is none of YAML") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:
        # what YAML does with values of a wrong kind, such as a date that is none
        raise ConfigError(f"{path}: this is no YAML: a value is none of its kind") from error
    if document is None:
        return YamlMapping(1)
    if not isinstance(document, YamlMapping):
        raise ConfigError(f"{path}: {expected} wanted, found {repr_value(document)}")
    return document


_MAX_KEYS, _MAX_BRACKETS, _MAX_INTEGER = 10_000, 60, 2**63
_MERGE_TAG = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """A safe loader that builds sections; what a section says itself goes before what it merges."""

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Open a bracket; looking at each takes time for all that are open around it."""
        if self.flow_level > _MAX_BRACKETS:
            raise yaml.scanner.ScannerError(
                problem="brackets are nested too deeply", problem_mark=self.get_mark()
            )
        super().fetch_flow_collection_start(token)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number of a size that settings have."""
        value = super().construct_yaml_int(node)
        if abs(value) >= _MAX_INTEGER:
            raise yaml.constructor.ConstructorError(
                problem="a whole number is too long", problem_mark=node.start_mark
            )
        return value

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what a section merges before its own keys; merges of merges multiply."""
        super().flatten_mapping(node)
        if len(node.value) > _MAX_KEYS:
            raise yaml.constructor.ConstructorError(
                problem=f"a section merges more than {_MAX_KEYS} keys",
                problem_mark=node.start_mark,
            )


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> YamlMapping:
    num_keys = sum(key_node.tag != _MERGE_TAG for key_node, _ in node.value)
    loader.flatten_mapping(node)  # what "<<" names comes first, its keys with their own lines
    num_merged = len(node.value) - num_keys
    mapping = YamlMapping(node.start_mark.line + 1)
    written = set()
    for number, (key_node, value_node) in enumerate(node.value):
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable) or key in written:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {repr_value(key)} stands here twice"
                if isinstance(key, Hashable) else f"{repr_value(key)} is no name of a setting",
                problem_mark=key_node.start_mark,
            )  # fmt: skip
        if number >= num_merged:
            written.add(key)
        mapping.lines[key] = key_node.start_mark.line + 1
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


T = TypeVar("T")


def save_config(run: Any, path: Path | str) -> None:
    """Write a run so that ``load`` gives back an equal one."""
    text = yaml.safe_dump(to_builtin(run), sort_keys=False, allow_unicode=True)
    with atomic_write(Path(path)) as partial:
        partial.write_text(text, encoding="utf-8")


def load_config(kind: type[T], path: Path | str, base: T | None = None) -> T:
    """Read a run.

    Args:
        kind: The dataclass of the run, such as PretrainRun.
        path: A YAML file that ``save`` wrote, or a part of one.
        base: Gives what the file leaves out; without it, the dataclass's own defaults do, and a
            setting without default must be in the file. A list of as many sources as the base
            has changes them one by one, any other list replaces them.

    Raises:
        ConfigError: With every problem of the file, each with its line and what would work.
    """
    path = Path(path)
    try:
        text = read_small_text(path)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; --config wants a YAML file") from None
    except ValueError as error:
        raise ConfigError(f"{path} {error}") from error
    return parse_config(kind, parse_yaml(text, path), path, base)


def parse_config(kind: type[T], mapping: Mapping[str, Any], path: Path, base: T | None = None) -> T:
    """Read a run from settings that were parsed already, from YAML or JSON; as ``load_config``."""
    reader = ConfigReader(path, kind)
    run = reader.read_dataclass(kind, mapping, base)
    if reader.problems:
        raise ConfigError(reader.problems)
    return run


def to_builtin(value: Any) -> Any:
    """Turn a dataclass into what YAML has words for."""
    if is_dataclass(value):
        return {field.name: to_builtin(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [to_builtin(part) for part in value]
    return str(value) if isinstance(value, Path) else value
