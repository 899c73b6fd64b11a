"""``videomae2 reconstruct``: a run and a video → pictures of what the model rebuilds."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.summary import Summary
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan, print_summary
from videomae2.commands.reconstruct import ReconstructionFiles, prepare_reconstruction, reconstruct
from videomae2.commands.reconstruct_clip import ReconstructConfig

PROG = "videomae2 reconstruct"


_DESCRIPTION = """Show what a pre-trained model sees of a video and what it rebuilds.

Writes a picture and an mp4 with the rows original, hidden (what the model sees), rebuilt
(what it sees and what it predicts) and the decoder's share (only what it predicts in one pass).
Pictures say where the mean and contrast of rebuilt cubes come from, and what the loss is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconstructOptions:
    """All arguments."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder (its newest checkpoint is taken), one of its checkpoints, a saved model, or
    weights of other software, such as a released file."""
    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video file, a folder of frame images, or an .npy array."""
    out: Path | None = None
    """Folder to write to; reconstructions in the run folder if not given."""
    frames_shown: int | None = None
    """Frames of the clip in the picture; 8, or all of a shorter clip, if not given."""
    config: OmitArgPrefixes[ReconstructConfig] = field(default_factory=ReconstructConfig)
    """Which clip is taken, and how it is rebuilt."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    dry_run: bool = False
    """Read model and video, and say what would be shown and where it would go."""
    json: bool = False
    """Print JSON."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 reconstruct`` with these arguments."""
    options = parse_options(
        ReconstructOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own video.mp4",
            f"{PROG} runs/own video.mp4 --start 12.5 --out pictures/",
            f"{PROG} runs/own/checkpoints/step-00000500 video.mp4 --statistics target",
        ),
    )
    plan = prepare_reconstruction(
        options.run,
        options.video,
        out=options.out,
        config=options.config,
        frames_shown=options.frames_shown,
        device=options.device,
    )
    if options.dry_run:
        return print_plan(plan.summary(), as_json=options.json)
    result = reconstruct(plan)
    if options.json:
        print(_format_json(result))
    else:
        print_summary(_summarize(result))
    return 0


def _summarize(result: ReconstructionFiles) -> Summary:
    clip = result.clip
    baseline = f"predicting each cube's mean gives {clip.baseline:.4f}"
    return Summary(
        (
            ("model", f"{clip.model}, {clip.mask_ratio:.0%} of the cubes hidden"),
            ("clip", f"{clip.video}, {clip.format_moment(0)} to {clip.format_moment(-1)}"),
            ("loss", f"{clip.loss:.4f}, {baseline}"),
            ("picture", str(result.picture)),
            ("video", str(result.video)),
        )
    )


def _format_json(result: ReconstructionFiles) -> str:
    reconstruction = result.clip
    return json.dumps(
        {
            "video": reconstruction.video,
            "model": reconstruction.model,
            "frames": reconstruction.indices.tolist(),
            "seconds": None
            if reconstruction.seconds is None
            else reconstruction.seconds.round(6).tolist(),
            "hidden_share": reconstruction.mask_ratio,
            "statistics": reconstruction.statistics,
            "passes": reconstruction.num_passes,
            "loss": reconstruction.loss,
            "loss_of_means": reconstruction.baseline,
            "picture": str(result.picture),
            "output_video": str(result.video),
        }
    )
