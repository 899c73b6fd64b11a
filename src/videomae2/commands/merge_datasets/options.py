"""What the words of ``videomae2 merge-datasets`` mean: parts, and settings for some of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from videomae2.base.text import suggest_nearest
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.data.merge.sources import MergePart
from videomae2.data.splits.overlap import IdRule
from videomae2.errors import ConfigError

PART_HELP = (
    "wanted a folder with train.csv and val.csv (or validate.csv), or NAME=TRAIN, or "
    "NAME=TRAIN,VAL, each a list or a folder with one folder for each class"
)

_ID_RULES: dict[str, IdRule] = {rule: rule for rule in get_args(IdRule)}


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeOptions:
    """How the lists of parts are read and united; [NAME=] gives one part a value of its own."""

    class_names: tuple[str, ...] = ()
    """What labels are called that are numbers: [NAME=]FILE, one name a line, or [NAME=]SET, a
    public set such as kinetics-400, whose order is that of released models."""
    roots: tuple[str, ...] = ()
    """Folders that the paths of lists start from, or below which the files of annotated videos lie:
    [NAME=]FOLDER. The list's own folder if not given."""
    ids: tuple[str, ...] = ()
    """What makes two videos the same one: [NAME=]youtube (the id that a file name starts with),
    file-name or path. Ids of YouTube for kinetics-710 and for annotations, else whole paths."""
    target_tests: tuple[str, ...] = ()
    """What models will be tested on later, in place of all validation lists of the parts: names of
    parts (their validation lists), or lists. Their videos leave the training set."""
    released_order: bool = False
    """Take no video out of the training set, as in the released code: only validation videos that
    are found in training are removed."""
    renames: Path | None = None
    """A JSON or YAML file of names that become others, old: new; for a union of any sets."""
    classes: Path | None = None
    """The classes of a union of any sets in the order of their labels: a file, one name a line, or
    a public set such as kinetics-400. Those that occur, sorted, if not given."""


def parse_inputs(
    parts: Sequence[str], options: MergeOptions
) -> tuple[list[MergePart], list[MergePart]]:
    """Say what is to be read.

    Args:
        parts: FOLDER, NAME=FOLDER, NAME=TRAIN or NAME=TRAIN,VAL.
        options: ``target_tests`` are LIST, NAME=LIST, or the name of a part, for its validation
            list; the other settings go by the names of both.

    Returns:
        The parts, and lists of target tests that are of no part, whose training list counts.

    Raises:
        ConfigError: With everything that is wrong with the words.
    """
    problems: list[str] = [] if parts else [f"no parts are named: {PART_HELP}"]
    targets = options.target_tests
    input_parts = [part for word in parts if (part := _parse_part(word, problems))]
    has_validation = {part.name: part.validation is not None for part in input_parts}
    target_parts = [
        part
        for word in targets
        if word not in has_validation and (part := _parse_target(word, has_validation, problems))
    ]
    problems += [
        f"--target-tests {name}: this part has no validation list"
        for name in targets
        if not has_validation.get(name, True)
    ]
    names = [part.name for part in (*input_parts, *target_parts)]
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"two parts are called {', '.join(duplicates)}; give each its own NAME=")
    all_parts = _apply_options([*input_parts, *target_parts], options, problems)
    if problems:
        raise ConfigError(problems)
    return all_parts[: len(input_parts)], all_parts[len(input_parts) :]


def _parse_part(word: str, problems: list[str]) -> MergePart | None:
    name, equals, lists = word.partition("=")
    if not equals or Path(word).is_dir():
        return _build_folder_part(Path(os.path.abspath(word)).name, Path(word), problems)
    training, comma, validation = lists.partition(",")
    if not (name and training) or (comma and not validation) or "," in validation:
        problems.append(f"{word}: {PART_HELP}")
        return None
    folder = _expand_path(training)
    if not comma and (folder / "train.csv").is_file():
        return _build_folder_part(name, folder, problems)
    return MergePart(name, folder, _expand_path(validation) if validation else None)


def _build_folder_part(name: str, folder: Path, problems: list[str]) -> MergePart | None:
    """The lists in a folder; a union that was written there brings its class names along."""
    training, names = folder / "train.csv", folder / "classes.txt"
    validation_lists = [
        path for kind in ("val", "validate") if (path := folder / f"{kind}.csv").is_file()
    ]
    if training.is_file() and len(validation_lists) == 1:
        return MergePart(name, training, validation_lists[0], names if names.is_file() else None)
    if len(validation_lists) > 1:
        first, second = (path.name for path in validation_lists)
        problem = f"has both {first} and {second}; name one as {name}=TRAIN,VAL"
    elif training.is_file():
        problem = f"has no val.csv; {name}={training} takes its training list alone"
    else:
        problem = f"{'has no train.csv' if folder.is_dir() else 'is no folder'}; {PART_HELP}"
    problems.append(f"{folder} {problem}")
    return None


def _parse_target(word: str, parts: Iterable[str], problems: list[str]) -> MergePart | None:
    name, equals, path = word.partition("=")
    if not equals or Path(word).exists():
        name, path = word, word
    if not _expand_path(path).exists():
        suggestion = suggest_nearest(word, parts)
        problems.append(
            f"--target-tests {word}: there is no such list, and no such part; {suggestion}"
        )
        return None
    return MergePart(name, _expand_path(path))


def _apply_options(
    parts: list[MergePart], options: MergeOptions, problems: list[str]
) -> list[MergePart]:
    known = [part.name for part in parts]
    names = _resolve_by_part("--class-names", options.class_names, known, problems)
    roots = _resolve_by_part("--roots", options.roots, known, problems)
    ids = _resolve_by_part("--ids", options.ids, known, problems)
    for path in dict.fromkeys(names.values()):
        problems += check_class_names(_expand_path(path), "--class-names")
    problems += [
        f"--ids {rule}: wanted one of {', '.join(_ID_RULES)}"
        for rule in dict.fromkeys(ids.values())
        if rule not in _ID_RULES
    ]
    return [
        replace(
            part,
            class_names=_get_path(names, part.name) or part.class_names,
            root=_get_path(roots, part.name),
            id_rule=_ID_RULES.get(ids.get(part.name, "")),
        )
        for part in parts
    ]


def _resolve_by_part(
    flag: str, words: Sequence[str], known: Sequence[str], problems: list[str]
) -> dict[str, str]:
    """The value for each part: its own, or that of all."""
    per_part = dict(word.split("=", 1) for word in words if "=" in word)
    shared = [word for word in words if "=" not in word]
    if len(shared) > 1 or len(per_part) + len(shared) < len(words):
        problems.append(f"{flag} {' '.join(words)}: one value for a part, as NAME=VALUE")
    problems += [
        f"{flag} {name}={value}: there is no part {name!r}; {suggest_nearest(name, known)}"
        for name, value in per_part.items()
        if name not in known
    ]
    return {name: shared[0] for name in known if shared} | per_part


def _get_path(values: Mapping[str, str], name: str) -> Path | None:
    return _expand_path(values[name]) if name in values else None


def _expand_path(text: str) -> Path:
    return Path(os.path.expanduser(text))
