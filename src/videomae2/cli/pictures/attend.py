"""``videomae2 attend``: a model and a video → pictures of where the model looks."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.names import dump_json
from videomae2.base.summary import Summary
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan, print_summary
from videomae2.commands.attend import AttendConfig, AttendFiles, attend, prepare_attend

PROG = "videomae2 attend"

_DESCRIPTION = """Show where a model looks in a video.

Writes a picture and an mp4 of the clip in the middle, with two maps: attention rollout (what
arrives of each cube in what the head reads, if attention and residuals alone moved it), and
integrated gradients (how much each cube moves the score on the way from a black clip to this one).
Maps show what the model uses; whether it is right to use it, they do not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttendOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder, a saved model, or weights of other software; also one without a head."""
    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video file, a folder of frame images, or an .npy array."""
    out: Path = Path("attention")
    """Folder to write to."""
    config: OmitArgPrefixes[AttendConfig] = field(default_factory=AttendConfig)
    """What is explained, and how."""
    dry_run: bool = False
    """Read the model, and say what would be shown and where it would go."""
    json: bool = False
    """Print JSON, with the share of every cube [time, row, column] in both maps."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 attend`` with these arguments."""
    options = parse_options(
        AttendOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own-finetune video.mp4",
            f"{PROG} runs/own-finetune video.mp4 --output waves --out pictures/",
            f"{PROG} vit_s_k710_dl_from_giant.pth video.mp4 --class-names kinetics-710",
            f"{PROG} runs/own video.mp4 --json",
        ),
    )
    plan = prepare_attend(options.model, options.video, options.out, options.config)
    if options.dry_run:
        return print_plan(plan.summarize(), as_json=options.json)
    files = attend(plan)
    if options.json:
        print(dump_json(_to_dict(files)))
        return 0
    rows = (("score", files.clip.score), ("picture", str(files.picture)), ("film", str(files.film)))
    print_summary(plan.summarize() + Summary(rows))
    return 0


def _to_dict(files: AttendFiles) -> dict[str, object]:
    clip = files.clip
    grid = clip.cubes.grid
    return {
        "video": clip.video,
        "model": clip.model,
        "score": clip.score,
        "frames": clip.indices.tolist(),
        "seconds": None if clip.seconds is None else clip.seconds.round(6).tolist(),
        "rollout": clip.rollout.reshape(grid).tolist(),
        "gradients": clip.saliency.reshape(grid).tolist(),
        "picture": str(files.picture),
        "film": str(files.film),
    }
