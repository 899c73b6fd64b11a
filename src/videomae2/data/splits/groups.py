"""What belongs together and must not be parted: the clips of a person, a place, a recording."""

import os
import re
from collections.abc import Sequence

from videomae2.base.signals import interruptible

FOLDER_RULE = "folder"


def group_by_path(paths: Sequence[str], rule: str) -> list[str]:
    """Name the group of each path of a list.

    Args:
        paths: As they stand in the list.
        rule: ``folder`` for the folder that a file lies in, or a regular expression: what its
            parentheses match is the group, or the whole match where it has none. One with a
            repetition within a repetition may search without end: a signal to stop ends it.

    Raises:
        ValueError: The rule is no regular expression, finds nothing in a path, or is empty.
        Interrupted: Somebody asked to stop.
    """
    if not rule.strip():
        raise ValueError(
            f"groups is {rule!r}, wanted a column of the list, {FOLDER_RULE}, or a pattern of each "
            "path; leave it out for no groups"
        )
    if rule == FOLDER_RULE:
        return [os.path.dirname(path) for path in paths]
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ValueError(
            f"groups {rule!r} is neither a column of the list, nor {FOLDER_RULE}, nor a regular "
            f"expression: {error}"
        ) from error
    # Python's expressions can take years; a signal to stop is heard while they search
    with interruptible():
        matches = [pattern.search(path) for path in paths]
    names = ["\0".join(m.groups("")) or m[0] if m else "" for m in matches]
    empty = next(
        (path for path, name in zip(paths, names, strict=True) if not name.strip("\0")), None
    )
    if empty is not None:
        raise ValueError(
            f"groups {rule!r} finds nothing in {empty}; it wants a column of "
            f"the list, {FOLDER_RULE}, or a pattern of each path such as '(person[0-9]+)_'"
        )
    return names
