"""``videomae2 export``: a model as ONNX, torch.export program or in another format, verified."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan, print_summary
from videomae2.commands.export.config import ExportConfig
from videomae2.commands.export.run import export, prepare_export

PROG = "videomae2 export"

_DESCRIPTION = """Write a model in the form in which it is deployed, and verify it.

A classifier gives scores before softmax, any other model features. Graphs take uint8 clips [clips,
frames, height, width, channels], any number of them; normalisation is inside. Beside an ONNX file
stands run.py, which reads a video and scores it with PyAV and onnxruntime alone. What was written
is read again and stays only if its outputs are the model's, within 0.0001."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder, a saved model, or a file or folder of weights of other software."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """What is written: a folder, or of formats of one file a name with .pth or .safetensors."""
    config: OmitArgPrefixes[ExportConfig] = field(default_factory=ExportConfig)
    """The form, and what is said of weights that do not say it."""
    dry_run: bool = False
    """Read the model, and say what would be written."""
    json: bool = False
    """Print one JSON object."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 export`` with these arguments."""
    options = parse_options(
        ExportOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own-finetune exports/own",
            f"{PROG} runs/own-finetune exports/own --int8 --videos test_classes/",
            f"{PROG} vit_s_k710_dl_from_giant.pth exports/s --class-names kinetics-710 --to torch",
            f"{PROG} runs/own-finetune hub/own --to transformers",
        ),
    )
    plan = prepare_export(options.model, options.out, options.config)
    if options.dry_run:
        return print_plan(plan.summarize(), as_json=options.json)
    result = export(plan)
    if options.json:
        print(dump_json(result.to_dict()))
    else:
        print_summary(plan.summarize() + result.summarize())
    return 0
