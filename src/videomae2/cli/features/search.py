"""``videomae2 search``: a folder of features and a video → the nearest videos and moments."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json, printable_name
from videomae2.base.ranges import ONE_OR_MORE, find_range_errors
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan, print_table
from videomae2.commands.extract.search import Match, SearchResult, prepare_search, run_search
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError

PROG = "videomae2 search"

_DESCRIPTION = """Find the videos and moments that are most like a video, among those whose features
were extracted: by the cosine of standardised features of their windows, in their order.

Prints a table, and draws a sheet of what was found (PNG)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """All arguments."""

    features: Annotated[Positional[Path], arg(metavar="FEATURES")]
    """A folder of: videomae2 extract."""
    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video file, a folder of frame images, or an .npy array."""
    top: Annotated[int, ONE_OR_MORE] = 5
    """How many of each are shown."""
    out: Path | None = None
    """The sheet; in FEATURES/search if not given."""
    weights: Path | None = None
    """Where the weights are that the features were made with, if they were moved."""
    reading: OmitArgPrefixes[ReadingConfig] = field(
        default_factory=lambda: ReadingConfig(timeout_seconds=60.0)
    )
    """How the video is read."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    dry_run: bool = False
    """Check everything and show the plan, without reading a video."""
    json: bool = False
    """Print JSON; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 search`` with these arguments."""
    options = parse_options(
        SearchOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} features/ moment.mp4",
            f"{PROG} features/ moment.mp4 --top 20 --out found.png",
            f"{PROG} features/ moment.mp4 --json",
        ),
    )
    if problems := [problem for _, problem in find_range_errors(options)]:
        raise ConfigError(problems)
    plan = prepare_search(
        options.features,
        options.video,
        weights=options.weights,
        top=options.top,
        out=options.out,
        reading=options.reading,
        device=options.device,
    )
    if options.dry_run:
        return print_plan(plan.summary(), as_json=options.json)
    result = run_search(plan)
    if options.json:
        print(dump_json(result.to_json()))
    else:
        _print_result(result)
    return 0


def _print_result(result: SearchResult) -> None:
    for title, matches in (("moment", result.moments), ("video", result.videos)):
        rows = [(title, "start", "stop", "cosine"), *map(_format_match, matches)]
        print_table(rows, left={title})
        print()
    print(f"sheet    {printable_name(str(result.sheet))}")


def _format_match(match: Match) -> tuple[str, str, str, str]:
    start, stop = (f"{s:.2f} s" for s in match.seconds) if match.seconds else ("", "")
    return printable_name(match.row.video), start, stop, f"{match.cosine:.3f}"
