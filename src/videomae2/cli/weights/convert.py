"""``videomae2 convert``: weights of any format → a format of one's choice, and a report of keys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json
from videomae2.base.summary import Summary
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_summary
from videomae2.commands.convert import ConvertConfig, convert, prepare_conversion

PROG = "videomae2 convert"

_DESCRIPTION = """Write a model in the format of other software, or in ours.

Reads what every command reads: runs and saved models, and the files and folders of the released
code, of the Hugging Face hub, transformers, mmaction2, OpenTAD and AVA, told apart by what is in
them. Says of every key whether it was used, renamed, reshaped or left out, and why. What was
written is read back, and stays only if every number is the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder, a saved model, or a file or folder of weights of other software."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """What is written: a folder, or of formats of one file a name with .pth or .safetensors."""
    config: OmitArgPrefixes[ConvertConfig] = field(default_factory=ConvertConfig)
    """The format, and what is said of weights that do not say it."""
    dry_run: bool = False
    """Read and translate, and say what would be written."""
    json: bool = False
    """Print one JSON object with every key."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 convert`` with these arguments."""
    options = parse_options(
        ConvertOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} vit_b_k710_dl_from_giant.pth models/b-k710 --class-names kinetics-710",
            f"{PROG} vit_b_k710_dl_from_giant.pth models/b-k400 --class-names kinetics-710 \\\n"
            "      --classes kinetics-400",
            f"{PROG} runs/own-finetune hub/mine --to transformers",
            f"{PROG} runs/own backbone.pth --to ava --dry-run",
        ),
    )
    plan = prepare_conversion(options.model, options.out, options.config)
    if not options.dry_run:
        convert(plan)
    if options.json:
        print(dump_json({**plan.to_dict(), "verified": not options.dry_run}))
        return 0
    done = f"would write {plan.out}" if options.dry_run else f"{plan.out}, read back and the same"
    print_summary(plan.summarize() + Summary((("written", done),)))
    return 0
