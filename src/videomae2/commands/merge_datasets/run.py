"""Make one labelled set of several: every video once, and no test video in training."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from videomae2.base.schema import repr_value
from videomae2.base.text import find_nearest
from videomae2.commands.merge_datasets.options import MergeOptions, parse_inputs
from videomae2.config.files import parse_yaml
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.lists import read_text
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.data.merge.annotations import is_annotated
from videomae2.data.merge.inputs import read_sources, read_targets
from videomae2.data.merge.merge import merge_kinetics, merge_sources
from videomae2.data.merge.result import MergeResult
from videomae2.data.merge.sources import LabelledSource, MergePart
from videomae2.data.splits.overlap import IdRule
from videomae2.errors import ConfigError, ManifestError

MergeKind = Literal["kinetics-710", "any"]


def merge_datasets(
    kind: MergeKind,
    parts: tuple[str, ...],
    *,
    options: MergeOptions | None = None,
    check_files: bool = True,
) -> MergeResult:
    """Read the lists of all parts and unite them.

    A ``kind`` other than any has its classes and renames. Parts are FOLDER with train.csv and
    val.csv, NAME=FOLDER, NAME=TRAIN or NAME=TRAIN,VAL; their order decides which of two equal
    videos stays. Videos without a file are left out, unless ``check_files`` is off: then
    annotations that name videos by id have no files, and their union cannot be written.

    Raises:
        ConfigError: With everything that is wrong with the words, the settings or the lists.
    """
    options = options or MergeOptions()
    if problems := list(_find_problems(kind, options)):
        raise ConfigError(problems)
    input_parts, target_parts = parse_inputs(parts, options)
    all_parts = _resolve_id_rules(kind, [*input_parts, *target_parts])
    input_parts, target_parts = all_parts[: len(input_parts)], all_parts[len(input_parts) :]
    sources = read_sources(input_parts, check_files=check_files)
    targets = _select_targets(options, sources, read_targets(target_parts))
    if kind == "kinetics-710":
        result = merge_kinetics(sources, target_tests=targets)
    else:
        occurring = {name for source in sources for name in source.classes}
        result = merge_sources(
            sources,
            renames=None if options.renames is None else read_renames(options.renames, occurring),
            classes=None if options.classes is None else read_class_names(options.classes),
            target_tests=targets,
        )
    input_paths = tuple(path for part in all_parts for _, path in part.list_splits())
    return replace(result, input_paths=input_paths)


def _find_problems(kind: MergeKind, options: MergeOptions) -> Iterator[str]:
    if options.released_order and options.target_tests:
        yield "--released-order takes no test video out of training: leave out --target-tests"
    if kind == "any":
        if options.classes is not None:
            yield from check_class_names(options.classes, "--classes")
        return
    for name, file in (("renames", options.renames), ("classes", options.classes)):
        if file is not None:
            yield (
                f"--{name} has no effect on {kind}, whose classes are known; use any for other "
                "unions"
            )


def _resolve_id_rules(kind: MergeKind, parts: Sequence[MergePart]) -> list[MergePart]:
    """Settle what makes two videos the same one, and refuse rules under which none could be."""
    default: IdRule | None = "youtube" if kind == "kinetics-710" else None
    has_ids = [any(is_annotated(path) for _, path in part.list_splits()) for part in parts]
    problems = []
    for part, by_id in zip(parts, has_ids, strict=True):
        if by_id and part.id_rule == "path":
            problems.append(
                f"--ids {part.name}=path: its lists name videos by id; wanted youtube or file-name"
            )
        elif kind == "any" and any(has_ids) and not by_id and part.id_rule is None:
            problems.append(
                f"{part.name} names files, other lists name ids: --ids {part.name}=youtube (or "
                f"file-name) compares them, --ids {part.name}=path says that none is the same"
            )
    if problems:
        raise ConfigError(problems)
    return [replace(part, id_rule=part.id_rule or default) for part in parts]


def _select_targets(
    options: MergeOptions,
    sources: Sequence[LabelledSource],
    extra_targets: Sequence[LabelledSource],
) -> list[LabelledSource]:
    """The sources whose videos are not trained on."""
    if options.released_order:
        return []
    validation = [source for source in sources if source.split == "validation"]
    if not options.target_tests:
        return validation
    named = [source for source in validation if source.name in options.target_tests]
    return [*named, *extra_targets]


def read_renames(path: Path, occurring: set[str]) -> dict[str, str]:
    """Read old and new names; one that has no effect is a mistake."""
    expected = "class names that become others, such as 'jogging: running',"
    try:
        mapping = parse_yaml(read_text(str(path)), path, expected=expected)
    except ManifestError as error:
        raise ConfigError(f"--renames {error}") from error
    problems = []
    for old, new in mapping.items():
        if not (isinstance(old, str) and isinstance(new, str)):
            problems.append(
                f"{path}:{mapping.lines[old]}: {repr_value(old)}: {repr_value(new)} "
                "are no two names; quote"
            )
        elif old not in occurring:
            nearest = find_nearest(old, occurring, cutoff=0.6)
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            problems.append(f"{path}:{mapping.lines[old]}: {old!r} is no class of any part{hint}")
    if problems:
        raise ConfigError(problems)
    return dict(mapping)
