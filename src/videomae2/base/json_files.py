"""Small files of JSON and text that the package wrote: read whole, or refused in one sentence."""

import json
import os
import stat
from pathlib import Path
from typing import Any

MAX_BYTES = 256 * 2**20
"""More than this is none of our small files."""

_MAX_DEPTH = 60


def read_small_text(path: Path) -> str:
    """Read a file of UTF-8; a pipe that a person names is read, too.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It cannot be read, is too large, or no UTF-8; says which, without the path.
    """
    try:
        path_stat = os.stat(path)
        if stat.S_ISDIR(path_stat.st_mode):
            raise ValueError("is a folder, and a file is wanted")
        if path_stat.st_size > MAX_BYTES:
            raise ValueError(f"has {path_stat.st_size / 2**20:.0f} MiB, which is too much")
        with path.open("rb") as file:  # a pipe or a device may never end
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"has more than {MAX_BYTES / 2**20:.0f} MiB, which is too much")
        return content.decode("utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is no UTF-8 text, from line {line} on") from error


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of a depth that our files have.

    Raises:
        ValueError: It is none, or nested deeper than any of our files; says which.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}" if error.lineno > 1 else f"character {error.pos + 1}"
        raise ValueError(f"is no JSON: {error.msg} at {at}") from error
    except UnicodeDecodeError as error:
        raise ValueError("is no UTF-8 text") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:  # Python refuses numbers of thousands of digits
        raise ValueError("has a number that is too long") from error
    _check_depth(value)
    return value


def read_json(path: Path) -> Any:
    """Read a file of JSON; raises as ``read_small_text`` and ``parse_json``."""
    return parse_json(read_small_text(path))


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [part for holder in level for part in _list_parts(holder)]
        if not level:
            return
    raise ValueError("is nested too deeply")


def _list_parts(value: Any) -> list[Any]:
    """What a value holds that may hold more."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]
