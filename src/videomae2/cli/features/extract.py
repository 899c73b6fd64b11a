"""``videomae2 extract``: weights and videos → a folder of features."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_error, print_plan, print_summary
from videomae2.commands.extract.config import ExtractConfig, FileFormat
from videomae2.commands.extract.plan import prepare_extract
from videomae2.commands.extract.run import ExtractResult, run_extract
from videomae2.data.manifests.read import ListConfig

PROG = "videomae2 extract"

_DESCRIPTION = """Extract the features of videos with a frozen encoder: of every window of each
video, which is decoded once, whatever windows overlap.

OUT has one .npy a video, [windows, ...], and a table with the times of the windows. The same
command goes on where it was stopped; several of them at once share the work.

A video that cannot be read is reported, the others are done, and the exit code is 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractOptions:
    """All arguments."""

    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or
    weights of other software, such as a released file."""
    videos: Annotated[Positional[Path], arg(metavar="VIDEOS")]
    """A video, a folder of videos, a list or a table."""
    out: Annotated[Path, arg(metavar="OUT")]
    """Folder of the features."""
    config: OmitArgPrefixes[ExtractConfig] = field(default_factory=ExtractConfig)
    """What is kept of each window."""
    lists: OmitArgPrefixes[ListConfig] = field(default_factory=ListConfig)
    """How the list is read."""
    format: FileFormat | None = None
    """Write all features into one file as well, at the end."""
    dry_run: bool = False
    """Check everything, and estimate size and time, without decoding a video."""
    json: bool = False
    """Print JSON; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 extract`` with these arguments."""
    options = parse_options(
        ExtractOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own my_videos/ --out features/",
            f"{PROG} runs/own my_videos/ --out features/ --stride 4 --dry-run",
            f"{PROG} vit_g_k710.pth thumos14/ --out features/ --preset actionformer-thumos14 "
            "--released-preprocessing",
            f"{PROG} runs/own list.csv --out features/ --window-seconds 2 --stride-seconds 0.5",
            f"{PROG} runs/own my_videos/ --out features/ --pooling tokens --layer 6 "
            "--dtype float16",
            f"{PROG} runs/own my_videos/ --out features/ --format parquet --json",
        ),
    )
    plan = prepare_extract(
        options.weights, options.videos, options.out, options.config, options.lists
    )
    if options.dry_run:
        return print_plan(plan.summary(with_estimate=True), as_json=options.json)
    if not options.json:
        print_summary(plan.summary())
    result = run_extract(plan, options.format)
    for path, reason in result.unreadable.items():
        print_error(f"cannot read {path}: {reason}")
    if options.json:
        print(dump_json(result.to_json()))
    else:
        print_summary(_summarize(result))
    return 2 if result.unreadable else 0


def _summarize(result: ExtractResult) -> Summary:
    stats = result.stats
    done = f"{format_count(result.num_videos, 'video')} in {result.folder}"
    if result.unreadable:
        done += f", {len(result.unreadable)} cannot be read"
    here = (
        f"{format_count(stats.num_videos, 'video')}, {format_count(stats.num_clips, 'window')}, "
        f"{format_count(stats.num_frames, 'frame')} decoded"
    )
    files = (("wrote", "\n".join(map(str, result.files))),) if result.files else ()
    return Summary((("done", done), ("now", here), *files))
