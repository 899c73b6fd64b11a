"""Make one labelled set of several: every video once, and no test video in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Literal

from videomae2.data.identity import IdRule
from videomae2.data.kinetics import unite_kinetics
from videomae2.data.labelled import LabelledSource
from videomae2.errors import ConfigError
from videomae2.jobs.union.annotated import is_annotated
from videomae2.jobs.union.made import MadeUnion, counted
from videomae2.jobs.union.naming import ClassSettings, unite_any
from videomae2.jobs.union.parts import WhatToRead
from videomae2.jobs.union.reading import read_sources, read_targets
from videomae2.jobs.union.words import PartWords, check_names, read_words
from videomae2.jobs.union.writing import Written, check_free, contents, write

UnionKind = Literal["kinetics-710", "any"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSettings:
    """Which videos must not be trained on."""

    target_tests: tuple[str, ...] = ()
    """What models will be tested on later, in place of all validation lists of the parts: names of
    parts (their validation lists), or lists. Their videos leave the training set."""
    released_order: bool = False
    """Take no video out of the training set, as in the released code: only validation videos that
    are found in training are removed."""


def unite(
    kind: UnionKind,
    parts: tuple[str, ...],
    *,
    words: PartWords | None = None,
    tests: TargetSettings | None = None,
    classes: ClassSettings | None = None,
    files: bool = True,
) -> MadeUnion:
    """Read the lists of all parts and unite them.

    Args:
        kind: A known union, with its classes and renames, or any.
        parts: FOLDER with train.csv and val.csv, NAME=FOLDER, NAME=TRAIN or NAME=TRAIN,VAL. Their
            order decides which of two equal videos stays.
        words: How the lists of parts are read.
        tests: Which videos must not be trained on.
        classes: What classes are called, for a union of any sets.
        files: Whether files are looked for; videos without one are left out. Annotations that name
            videos by id then have no files, so their union cannot be written.

    Raises:
        ConfigError: With everything that is wrong with the words, the settings or the lists.
    """
    words, tests = words or PartWords(), tests or TargetSettings()
    classes = classes or ClassSettings()
    _check(kind, tests, classes)
    chosen = _with_ids(kind, read_words(parts, tests.target_tests, words))
    sources = read_sources(chosen.parts, files=files)
    targets = _targets(tests, sources, read_targets(chosen.targets))
    if kind == "kinetics-710":
        union = unite_kinetics(sources, target_tests=targets)
    else:
        union = unite_any(sources, targets, classes)
    lists = tuple(one.path for part in (*chosen.parts, *chosen.targets) for one in part.lists())
    return MadeUnion(union, lists, counted(targets))


def write_union(made: MadeUnion, out: Path, *, replace: bool = False, dry: bool = False) -> Written:
    """Write train.csv, val.csv, classes.txt, removed.csv and report.txt.

    Args:
        made: The union.
        out: A folder of its own.
        replace: Whether the lists of another union that are there may be replaced.
        dry: Only check, and say what would be written.

    Raises:
        ConfigError: The folder holds another union or a list of a part, or cannot be written.
    """
    texts = contents(made.union, made.text())
    changed = check_free(out, texts, read=made.lists, replace=replace)
    if changed and not dry:
        write(out, texts)
    return Written(out, tuple(changed))


def _check(kind: UnionKind, tests: TargetSettings, classes: ClassSettings) -> None:
    problems = []
    if tests.released_order and tests.target_tests:
        problems.append(
            "--released-order takes no test video out of training: leave out --target-tests"
        )
    if kind != "any":
        problems += [
            f"--{name} has no effect on {kind}, whose classes are known; use any for other unions"
            for name, file in (("renames", classes.renames), ("classes", classes.classes))
            if file is not None
        ]
    elif classes.classes is not None and (wrong := check_names(classes.classes, "--classes")):
        problems.append(wrong)
    if problems:
        raise ConfigError(problems)


def _with_ids(kind: UnionKind, chosen: WhatToRead) -> WhatToRead:
    """Settle what makes two videos the same one, and refuse rules under which none could be."""
    every = (*chosen.parts, *chosen.targets)
    annotated = {one.path for part in every for one in part.lists() if is_annotated(one.path)}
    problems = []
    for part in every:
        by_id = any(one.path in annotated for one in part.lists())
        if by_id and part.ids == "path":
            problems.append(
                f"--ids {part.name}=path: its lists name videos by id; wanted youtube or file-name"
            )
        elif kind == "any" and annotated and not by_id and part.ids is None:
            problems.append(
                f"{part.name} names files, other lists name ids: --ids {part.name}=youtube (or "
                f"file-name) compares them, --ids {part.name}=path says that none is the same"
            )
    if problems:
        raise ConfigError(problems)
    default: IdRule | None = "youtube" if kind == "kinetics-710" else None
    parts, targets = (
        tuple(replaced(part, ids=part.ids or default) for part in some)
        for some in (chosen.parts, chosen.targets)
    )
    return WhatToRead(parts, targets)


def _targets(
    tests: TargetSettings, sources: Sequence[LabelledSource], others: Sequence[LabelledSource]
) -> list[LabelledSource]:
    """The sources whose videos are not trained on."""
    if tests.released_order:
        return []
    validation = [source for source in sources if source.split == "validation"]
    if not tests.target_tests:
        return validation
    return [source for source in validation if source.name in tests.target_tests] + [*others]
