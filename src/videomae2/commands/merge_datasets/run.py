"""Make one labelled set of several: every video once, and no test video in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from videomae2.commands.merge_datasets.options import MergeOptions, check_names_source, parse_inputs
from videomae2.config.files import parse_yaml
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.lists import read_text
from videomae2.data.manifests.overlap import IdRule
from videomae2.data.merge.annotations import is_annotated
from videomae2.data.merge.inputs import read_sources, read_targets
from videomae2.data.merge.merge import MergedVideos, merge_kinetics, merge_sources
from videomae2.data.merge.output import (
    MergeOutput,
    MergeResult,
    count_videos,
    find_changed_files,
    format_files,
    write_files,
)
from videomae2.data.merge.sources import LabelledSource, MergeInputs
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
            problems.append(
                f"{path}:{mapping.lines[old]}: {old!r}: {new!r} are no two names; quote"
            )
        elif old not in occurring:
            near = get_close_matches(old, occurring, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"{path}:{mapping.lines[old]}: {old!r} is no class of any part{hint}")
    if problems:
        raise ConfigError(problems)
    return dict(mapping)


MergeKind = Literal["kinetics-710", "any"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetTestConfig:
    """Which videos must not be trained on."""

    target_tests: tuple[str, ...] = ()
    """What models will be tested on later, in place of all validation lists of the parts: names of
    parts (their validation lists), or lists. Their videos leave the training set."""
    released_order: bool = False
    """Take no video out of the training set, as in the released code: only validation videos that
    are found in training are removed."""


def merge_datasets(
    kind: MergeKind,
    parts: tuple[str, ...],
    *,
    options: MergeOptions | None = None,
    tests: TargetTestConfig | None = None,
    classes: MergeClassConfig | None = None,
    check_files: bool = True,
) -> MergeResult:
    """Read the lists of all parts and unite them.

    Args:
        kind: A known union, with its classes and renames, or any.
        parts: FOLDER with train.csv and val.csv, NAME=FOLDER, NAME=TRAIN or NAME=TRAIN,VAL. Their
            order decides which of two equal videos stays.
        options: How the lists of parts are read.
        tests: Which videos must not be trained on.
        classes: What classes are called, for a union of any sets.
        check_files: Whether files are looked for; videos without one are left out. Where they are
            not, annotations that name videos by id have no files, and their union cannot be
            written.

    Raises:
        ConfigError: With everything that is wrong with the words, the settings or the lists.
    """
    options, tests = options or MergeOptions(), tests or TargetTestConfig()
    classes = classes or MergeClassConfig()
    _check_options(kind, tests, classes)
    inputs = _resolve_id_rules(kind, parse_inputs(parts, tests.target_tests, options))
    sources = read_sources(inputs.parts, check_files=check_files)
    targets = _select_targets(tests, sources, read_targets(inputs.targets))
    if kind == "kinetics-710":
        merged = merge_kinetics(sources, target_tests=targets)
    else:
        merged = merge_custom(sources, targets, classes)
    input_paths = tuple(
        part_list.path
        for part in (*inputs.parts, *inputs.targets)
        for part_list in part.list_inputs()
    )
    return MergeResult(merged, input_paths, count_videos(targets))


def write_merged(
    result: MergeResult, out: Path, *, replace: bool = False, dry_run: bool = False
) -> MergeOutput:
    """Write train.csv, val.csv, classes.txt, excluded.csv and report.txt.

    Args:
        result: The union.
        out: A folder of its own.
        replace: Whether the lists of another union that are there may be replaced.
        dry_run: Only check, and say what would be written.

    Raises:
        ConfigError: The folder holds another union or a list of a part, or cannot be written.
    """
    texts = format_files(result.merged, result.format())
    changed = find_changed_files(out, texts, inputs=result.input_paths, replace=replace)
    if changed and not dry_run:
        write_files(out, texts)
    return MergeOutput(out, tuple(changed))


def _check_options(kind: MergeKind, tests: TargetTestConfig, classes: MergeClassConfig) -> None:
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
    elif classes.classes is not None and (
        problem := check_names_source(classes.classes, "--classes")
    ):
        problems.append(problem)
    if problems:
        raise ConfigError(problems)


def _resolve_id_rules(kind: MergeKind, inputs: MergeInputs) -> MergeInputs:
    """Settle what makes two videos the same one, and refuse rules under which none could be."""
    all_parts = (*inputs.parts, *inputs.targets)
    annotated_paths = {
        part_list.path
        for part in all_parts
        for part_list in part.list_inputs()
        if is_annotated(part_list.path)
    }
    problems = []
    for part in all_parts:
        by_id = any(one.path in annotated_paths for one in part.list_inputs())
        if by_id and part.id_rule == "path":
            problems.append(
                f"--ids {part.name}=path: its lists name videos by id; wanted youtube or file-name"
            )
        elif kind == "any" and annotated_paths and not by_id and part.id_rule is None:
            problems.append(
                f"{part.name} names files, other lists name ids: --ids {part.name}=youtube (or "
                f"file-name) compares them, --ids {part.name}=path says that none is the same"
            )
    if problems:
        raise ConfigError(problems)
    default: IdRule | None = "youtube" if kind == "kinetics-710" else None
    parts, targets = (
        tuple(replaced(part, id_rule=part.id_rule or default) for part in group)
        for group in (inputs.parts, inputs.targets)
    )
    return MergeInputs(parts, targets)


def _select_targets(
    tests: TargetTestConfig,
    sources: Sequence[LabelledSource],
    extra_targets: Sequence[LabelledSource],
) -> list[LabelledSource]:
    """The sources whose videos are not trained on."""
    if tests.released_order:
        return []
    validation = [source for source in sources if source.split == "validation"]
    if not tests.target_tests:
        return validation
    return [source for source in validation if source.name in tests.target_tests] + [*extra_targets]
