"""Names of files as people and other programs read them, whatever bytes they are made of.

A name that is no UTF-8 has its odd bytes as surrogates here, as Python reads them from the disk.
"""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

_MAX_BYTES = 180  # of a name, so that endings and what names a process fit in 255
# what moves the cursor, ends a line in some viewers, or turns the direction of the text
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# of this machine; a name with one slash is what ``Path`` makes of one with three
_FILE_URI = re.compile(r"file:(?://(?:localhost|127\.0\.0\.1)?(?=/)|(?=/(?!/)))", re.IGNORECASE)


def printable(text: str) -> str:
    r"""A text for people: bytes that are no UTF-8, and control characters, as \xe9."""
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        content = text.encode("utf-8", "backslashreplace")
    return _CONTROL.sub(_escape, content.decode("utf-8", "backslashreplace"))


def printable_name(name: str) -> str:
    r"""The same of a name, which is one line: ends of lines and tabs are \n and \t."""
    return printable(name).replace("\n", "\\n").replace("\t", "\\t")


def path_of_uri(name: str) -> str:
    """The path that a ``file:`` address of this machine stands for; other names as they are.

    Source: RFC 8089. What is escaped may be any bytes.
    """
    match = _FILE_URI.match(name)
    return os.fsdecode(unquote_to_bytes(name[match.end() :])) if match else name


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def dump_json(value: Any, *, indent: int | None = None) -> str:
    """JSON in which letters stand as they are, short of controls and what no UTF-8 can hold."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shorten_name(name: str) -> str:
    """The name, or its beginning with a digest where a file system could not hold it."""
    content = os.fsencode(name)
    if len(content) <= _MAX_BYTES:
        return name
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{content[: _MAX_BYTES - 9].decode('utf-8', 'ignore')}-{digest}"


def user_cache_dir() -> Path:
    """Where this user's files may lie that can be made again; temporary where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if base.startswith("~"):
        base = os.path.join(tempfile.gettempdir(), f"cache-of-user-{os.getuid()}")
    return Path(base) / "videomae2"
