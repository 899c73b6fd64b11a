"""What the words of ``videomae2 unite`` mean: parts of a union, and settings for some of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from videomae2.data.identity import IdRule
from videomae2.data.known_classes import KNOWN, as_known
from videomae2.errors import ConfigError
from videomae2.jobs.union.parts import Part, WhatToRead

PART_WANTED = (
    "wanted a folder with train.csv and val.csv (or validate.csv), or NAME=TRAIN, or "
    "NAME=TRAIN,VAL, each a list or a folder with one folder for each class"
)
_RULES: dict[str, IdRule] = {rule: rule for rule in get_args(IdRule)}


@dataclass(frozen=True, kw_only=True, slots=True)
class PartWords:
    """Settings that one part has, as NAME=VALUE, or all parts, as VALUE."""

    names: tuple[str, ...] = ()
    """What labels are called that are numbers: [NAME=]FILE, one name a line, or [NAME=]SET, a
    public set such as kinetics-400, whose order is that of released models."""
    roots: tuple[str, ...] = ()
    """Folders that the paths of lists start from, or below which the files of annotated videos lie:
    [NAME=]FOLDER. The list's own folder if not given."""
    ids: tuple[str, ...] = ()
    """What makes two videos the same one: [NAME=]youtube (the id that a file name starts with),
    file-name or path. Ids of YouTube for kinetics-710 and for annotations, else whole paths."""


def read_words(parts: Sequence[str], targets: Sequence[str], settings: PartWords) -> WhatToRead:
    """Say what is to be read.

    Args:
        parts: FOLDER, NAME=FOLDER, NAME=TRAIN or NAME=TRAIN,VAL.
        targets: LIST, NAME=LIST, or the name of a part, for its validation list.
        settings: By the names of both.

    Raises:
        ConfigError: With everything that is wrong with the words.
    """
    problems: list[str] = [] if parts else [f"no parts are named: {PART_WANTED}"]
    found = [part for word in parts if (part := _part(word, problems))]
    with_tests = {part.name: part.validation is not None for part in found}
    others = [
        part
        for word in targets
        if word not in with_tests and (part := _target(word, with_tests, problems))
    ]
    problems += [
        f"--target-tests {name}: this part has no validation list"
        for name in targets
        if not with_tests.get(name, True)
    ]
    names = [part.name for part in (*found, *others)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"two parts are called {', '.join(twice)}; give each its own NAME=")
    every = _set_up([*found, *others], settings, problems)
    if problems:
        raise ConfigError(problems)
    return WhatToRead(tuple(every[: len(found)]), tuple(every[len(found) :]))


def check_names(path: Path, flag: str) -> str:
    """Say what is wrong with a file of class names, or the name of a public set; "" if nothing."""
    if as_known(path) or path.is_file():
        return ""
    return f"{flag} {path}: there is no such file, and no such public set{_near(str(path), KNOWN)}"


def _part(word: str, problems: list[str]) -> Part | None:
    name, mark, lists = word.partition("=")
    if not mark or Path(word).is_dir():
        return _of_folder(Path(os.path.abspath(word)).name, Path(word), problems)
    training, comma, validation = lists.partition(",")
    if not (name and training) or (comma and not validation) or "," in validation:
        problems.append(f"{word}: {PART_WANTED}")
        return None
    folder = _path(training)
    if not comma and (folder / "train.csv").is_file():
        return _of_folder(name, folder, problems)
    return Part(name, folder, _path(validation) if validation else None)


def _of_folder(name: str, folder: Path, problems: list[str]) -> Part | None:
    """The lists in a folder; a union that was written there brings its class names along."""
    training, names = folder / "train.csv", folder / "classes.txt"
    found = [path for kind in ("val", "validate") if (path := folder / f"{kind}.csv").is_file()]
    if training.is_file() and len(found) == 1:
        return Part(name, training, found[0], names if names.is_file() else None)
    if len(found) > 1:
        why = f"has both {found[0].name} and {found[1].name}; name one as {name}=TRAIN,VAL"
    elif training.is_file():
        why = f"has no val.csv; {name}={training} takes its training list alone"
    else:
        why = f"{'has no train.csv' if folder.is_dir() else 'is no folder'}; {PART_WANTED}"
    problems.append(f"{folder} {why}")
    return None


def _target(word: str, parts: Iterable[str], problems: list[str]) -> Part | None:
    name, mark, path = word.partition("=")
    if not mark or Path(word).exists():
        name, path = word, word
    if not _path(path).exists():
        near = _near(word, tuple(parts))
        problems.append(f"--target-tests {word}: there is no such list, and no such part{near}")
        return None
    return Part(name, _path(path))


def _set_up(parts: list[Part], settings: PartWords, problems: list[str]) -> list[Part]:
    known = [part.name for part in parts]
    names = _by_part("--names", settings.names, known, problems)
    roots = _by_part("--roots", settings.roots, known, problems)
    ids = _by_part("--ids", settings.ids, known, problems)
    problems += filter(None, (check_names(_path(path), "--names") for path in set(names.values())))
    problems += [
        f"--ids {rule}: wanted one of {', '.join(_RULES)}"
        for rule in dict.fromkeys(ids.values())
        if rule not in _RULES
    ]
    return [
        replace(
            part,
            names=_found(names, part.name) or part.names,
            root=_found(roots, part.name),
            ids=_RULES.get(ids.get(part.name, "")),
        )
        for part in parts
    ]


def _by_part(
    flag: str, words: Sequence[str], known: Sequence[str], problems: list[str]
) -> dict[str, str]:
    """The value for each part: its own, or that of all."""
    own = dict(word.split("=", 1) for word in words if "=" in word)
    common = [word for word in words if "=" not in word]
    if len(common) > 1 or len(own) + len(common) < len(words):
        problems.append(f"{flag} {' '.join(words)}: one value for a part, as NAME=VALUE")
    problems += [
        f"{flag} {name}={value}: there is no part {name!r}{_near(name, known)}"
        for name, value in own.items()
        if name not in known
    ]
    return {name: common[0] for name in known if common} | own


def _found(values: Mapping[str, str], name: str) -> Path | None:
    return _path(values[name]) if name in values else None


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
