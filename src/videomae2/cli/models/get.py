"""``videomae2 models get``: a released model into the hub's cache, checked by its hash."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from videomae2.base.names import dump_json
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_summary
from videomae2.commands.models.get import get_model

PROG = "videomae2 models get"

_DESCRIPTION = """Fetch a model of the Hugging Face hub.

It goes into the cache of huggingface_hub (HF_HOME), where other programs find it, too. What has
come stays if the connection breaks, and the same command goes on from there. A file counts only
with the SHA-256 that the hub states; one that is in the cache already is checked again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GetOptions:
    """All arguments."""

    name: Annotated[Positional[Path], arg(metavar="NAME")]
    """A name that videomae2 models lists, or hf://owner/name, with @revision or /FILE behind it."""
    json: bool = False
    """Print one JSON object; progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 models get`` with these arguments."""
    options = parse_options(
        GetOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} vit_s_k710_dl_from_giant",
            f"{PROG} hf://OpenGVLab/VideoMAEv2-Base --json",
            f"{PROG} hf://OpenGVLab/VideoMAE2/distill/vit_b_k710_dl_from_giant.pth",
        ),
    )
    model = get_model(options.name)
    if options.json:
        print(dump_json(model.to_dict()))
    else:
        print_summary(model.summarize())
    return 0
