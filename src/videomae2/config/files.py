"""A run as a YAML file: written whole or not at all, read strictly, complete or over a base."""

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from videomae2.config.markup import YamlMapping, parse_yaml
from videomae2.config.reading import ConfigReader
from videomae2.engine.durable import fsync_tree
from videomae2.errors import ConfigError

T = TypeVar("T")


def save_config(run: Any, path: Path | str) -> None:
    """Write a run so that ``load`` gives back an equal one."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = yaml.safe_dump(to_builtin(run), sort_keys=False, allow_unicode=True)
    try:
        partial.write_text(text, encoding="utf-8")
        fsync_tree(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; --config wants a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return parse_config(kind, parse_yaml(text, path), path, base)


def parse_config(kind: type[T], mapping: YamlMapping, path: Path, base: T | None = None) -> T:
    """Read a run from settings that were parsed already; as ``load``."""
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
