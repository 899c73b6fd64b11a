"""``videomae2 models push``: a model to the Hugging Face hub, with a model card."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json
from videomae2.base.summary import Summary
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_summary
from videomae2.commands.models.push import PushConfig, prepare_push, push

PROG = "videomae2 models push"

_DESCRIPTION = """Publish a model on the Hugging Face hub.

Writes it as videomae2 convert does (ours if --to names no other format), with a model card:
licence, what it was made of, its classes and what it reached on held-out videos, as far as known.
The licence of non-commercial weights stays with what was made of them. Sign in before with
hf auth login, or set HF_TOKEN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or
    weights of other software."""
    repo: Annotated[Positional[str], arg(metavar="OWNER/NAME")]
    """The repository, which is made if it is not there."""
    config: OmitArgPrefixes[PushConfig] = field(default_factory=PushConfig)
    """What is published, and what is said of it."""
    dry_run: bool = False
    """Read and translate, and show the model card, without asking the hub."""
    json: bool = False
    """Print one JSON object."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 models push`` with these arguments."""
    options = parse_options(
        PushOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own-finetune me/my-actions --private",
            f"{PROG} runs/own-finetune me/my-actions --to transformers --dry-run",
        ),
    )
    plan = prepare_push(options.model, options.repo, options.config)
    url = None if options.dry_run else push(plan)
    if options.json:
        print(dump_json({**plan.conversion.to_dict(), "card": plan.card, "out": url}))
        return 0
    done = f"would publish hf://{plan.repo}" if url is None else url
    print_summary(plan.summarize() + Summary((("published", done),)))
    return 0
