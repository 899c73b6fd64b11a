"""``videomae2 models``: a table of what others released; ``get`` and ``push`` have their own."""

from dataclasses import dataclass
from importlib import import_module

from videomae2.base.names import dump_json
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_table
from videomae2.errors import ConfigError
from videomae2.models.weights.hub.released import (
    RELEASED,
    ReleasedModel,
    ReleasedSize,
    ReleasedTask,
    select_released,
)

PROG = "videomae2 models"
_SUBCOMMANDS = {"get": "videomae2.cli.models.get", "push": "videomae2.cli.models.push"}
_HEAD = ("name", "task", "size", "data", "views", "top-1 / top-5", "MB", "code", "weights", "where")
_TEXTS = frozenset(_HEAD) - {"MB", "top-1 / top-5"}

_DESCRIPTION = """List every released checkpoint of VideoMAE and VideoMAE V2.

Accuracies, sizes and licences (of the code and of the weights) are those that their sources state;
--json says who states what. Every command takes the names, and hf://owner/name[/FILE], in the place
of a path, and fetches what is not in the cache of the Hugging Face hub.

videomae2 models get NAME fetches one and checks its hash; videomae2 models push MODEL owner/name
publishes one of yours, with a model card. Both have a --help of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelsOptions:
    """All arguments."""

    task: ReleasedTask | None = None
    """Only those for this."""
    size: ReleasedSize | None = None
    """Only those of this size."""
    json: bool = False
    """Print one JSON object with all that is known."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 models`` with these arguments."""
    if arguments and arguments[0] in _SUBCOMMANDS:
        code: int = import_module(_SUBCOMMANDS[arguments[0]]).main(arguments[1:])
        return code
    if arguments and arguments[0] in RELEASED:
        raise ConfigError(f"{PROG} lists all; {PROG} get {arguments[0]} fetches this one")
    options = parse_options(
        ModelsOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            PROG,
            f"{PROG} --task classification --size base --json",
            f"{PROG} get vit_b_k710_dl_from_giant",
            f"{PROG} push runs/own-finetune me/my-actions --dry-run",
        ),
    )
    rows = select_released(options.task, options.size)
    if options.json:
        print(dump_json({"models": [row.to_dict() for row in rows]}))
    else:
        print_table([_HEAD, *map(_format_row, rows)], left=_TEXTS)
    return 0


def _format_row(row: ReleasedModel) -> tuple[str, ...]:
    licences = ", ".join(dict.fromkeys(row.weights_licences.values())) or "not stated"
    return (
        row.name,
        row.task,
        row.size,
        row.data,
        row.protocol,
        row.accuracy,
        "" if row.megabytes is None else f"{row.megabytes:g}",
        row.code_licence,
        licences,
        row.location,
    )
