"""``videomae2 merge-datasets``: lists of several labelled sets → one to train on, and a report."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from videomae2.base.names import printable
from videomae2.cli.options import parse_options
from videomae2.commands.merge_datasets.options import MergeOptions
from videomae2.commands.merge_datasets.run import MergeKind, merge_datasets
from videomae2.data.merge.output import write_merged
from videomae2.data.merge.result import MergeResult

PROG = "videomae2 merge-datasets"

_DESCRIPTION = """\
Make one labelled set of several: classes with one meaning get one name, every video stays once,
and no video that models are tested on later is trained on. A report says what was left out and why.

Parts are annotations such as those of Kinetics (label, youtube_id, ...), whose files are found by
the id in their name, or lists, tables and folders that fine-tuning reads. OUT gets train.csv,
val.csv, classes.txt, excluded.csv (every video left out) and report.txt; finetune and evaluate read
its lists as they are, and it can be a part of another union."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeDatasetsOptions:
    """All arguments."""

    kind: Annotated[Positional[MergeKind], arg(metavar="KIND")]
    """kinetics-710 (its classes in the order of released models), or any, of your own making."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder for the lists and the report."""
    parts: Annotated[tuple[str, ...], arg(metavar="PART [PART ...]")] = ()
    """The sets, each FOLDER or NAME=FOLDER (with train.csv, and val.csv or validate.csv),
    NAME=TRAIN or NAME=TRAIN,VAL. Of two equal videos, that of the earlier part stays."""
    merge: tyro.conf.OmitArgPrefixes[MergeOptions] = field(default_factory=MergeOptions)
    """How the lists of parts are read and united."""
    files: bool = True
    """Leave out videos without a file. --no-files looks for none: with --dry-run, a report of what
    the lists say."""
    replace: bool = False
    """Replace the lists of another union in OUT."""
    dry_run: bool = False
    """Read and check everything, and show the report, without writing."""
    json: bool = False
    """Print the report as JSON, with every class but without the single videos (excluded.csv)."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 merge-datasets`` with these arguments."""
    options = parse_options(
        MergeDatasetsOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} kinetics-710 k710/ --parts k400/ k600/ k700/ --dry-run",
            f"{PROG} kinetics-710 k710/ --parts k400/ k600/ k700/ \\\n"
            "      --roots k400=/data/k400 k600=/data/k600 k700=/data/k700",
            f"{PROG} kinetics-710 k710/ --parts k400=train.txt,val.txt k600/ k700/ \\\n"
            "      --class-names k400=kinetics-400",
            f"{PROG} any both/ --parts mine=my_classes/ more=train.csv,val.csv --renames same.yaml",
        ),
    )
    result = merge_datasets(
        options.kind,
        options.parts,
        options=options.merge,
        check_files=options.files,
    )
    if not options.json:
        print(printable(result.format()), flush=True)
    written = None
    if options.files or not options.dry_run:
        written = write_merged(
            result, options.out, replace=options.replace, dry_run=options.dry_run
        )
    if options.json:
        changed = written if written and not options.dry_run else []
        print(json.dumps(result.to_dict() | {"out": str(options.out), "written": changed}))
    elif written is not None:
        print(printable("\n".join(_format_outcome(options, result, written))))
    return 0


def _format_outcome(
    options: MergeDatasetsOptions, result: MergeResult, written: list[str]
) -> list[str]:
    """What was done, and what can be done with it."""
    out, files = options.out, ", ".join(written)
    if options.dry_run:
        return [f"would write {files} in {out}" if files else f"{out} holds this union already"]
    line = f"written  {files} in {out}" if files else f"{out} holds this union already, unchanged"
    if not result.validation:
        line += "; no val.csv, for no validation video is left"
    return [line, f"next     {_format_next_command(options, result)}"]


def _format_next_command(options: MergeDatasetsOptions, result: MergeResult) -> str:
    out = options.out
    if options.kind == "kinetics-710" and result.validation:
        return f"videomae2 finetune k710-base {out} --dry-run"
    command = (
        f"videomae2 finetune own {out / 'train.csv'} --labels.class-names {out / 'classes.txt'}"
    )
    if result.validation:
        command += f" --validation.path {out / 'val.csv'}"
    return f"{command} --dry-run"
