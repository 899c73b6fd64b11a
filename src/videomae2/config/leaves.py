"""The settings of a run one by one, each with its dotted path, as flags and messages name it."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every setting under a dataclass as (``optim.epochs``, 300), in order."""
    if is_dataclass(value):
        for field in fields(value):
            yield from flatten(getattr(value, field.name), f"{path}{field.name}.")
    elif isinstance(value, tuple) and any(is_dataclass(part) for part in value):
        for number, part in enumerate(value):
            yield from flatten(part, f"{path}{number}.")
    else:
        yield path.removesuffix("."), value


def flag_name(path: str) -> str:
    """The flag that sets the setting with this path."""
    return "--" + path.replace("_", "-")


def wildcard_path(path: str) -> str:
    """The path with a star for the number of a source, as the tables of settings write it."""
    return ".".join("*" if part.isdigit() else part for part in path.split("."))
