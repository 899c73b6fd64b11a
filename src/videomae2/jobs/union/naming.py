"""What the classes of a union of any sets are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from videomae2.config.markup import parse_yaml
from videomae2.data.class_names import read_class_names
from videomae2.data.label_union import MergedVideos, merge_sources
from videomae2.data.labelled import LabelledSource
from videomae2.data.listing import read_text
from videomae2.errors import ConfigError, ManifestError


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeClassConfig:
    """What classes are called; for a union of any sets."""

    renames: Path | None = None
    """A JSON or YAML file of names that become others, old: new."""
    classes: Path | None = None
    """The classes in the order of their labels: a file, one name a line, or a public set such as
    kinetics-400. Those that occur, sorted, if not given."""


def merge_custom(
    sources: Sequence[LabelledSource], targets: Sequence[LabelledSource], config: MergeClassConfig
) -> MergedVideos:
    """Unite sources under the names of a user.

    Raises:
        ConfigError: Names do not fit the classes of the sources.
        ManifestError: The file of classes cannot be read.
    """
    occurring = {name for source in sources for name in source.classes}
    renames = {} if config.renames is None else _read_renames(config.renames, occurring)
    classes = None if config.classes is None else read_class_names(config.classes)
    return merge_sources(sources, renames=renames, classes=classes, target_tests=targets)


def _read_renames(path: Path, occurring: set[str]) -> dict[str, str]:
    """Read old and new names; one that has no effect is a mistake.

    Raises:
        ConfigError: An old name is no class of any part, or the file is no such table.
    """
    expected = "class names that become others, such as 'jogging: running',"
    try:
        mapping = parse_yaml(read_text(str(path)), path, expected=expected)
    except ManifestError as error:
        raise ConfigError(f"--renames {error}") from error
    problems = []
    for old, new in mapping.items():
        if not (isinstance(old, str) and isinstance(new, str)):
            problems.append(f"{path}:{mapping.lines[old]}: {old!r}: {new!r} are no two names; quote")
        elif old not in occurring:
            near = get_close_matches(old, occurring, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"{path}:{mapping.lines[old]}: {old!r} is no class of any part{hint}")
    if problems:
        raise ConfigError(problems)
    return dict(mapping)
