"""``videomae2 reconstruct``: a run and a video → pictures of what the model rebuilds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from videomae2.cli.options import parse
from videomae2.errors import ConfigError
from videomae2.jobs.chosen_clips import How
from videomae2.jobs.reconstruct import Written, reconstruct, rehearse
from videomae2.tasks.rebuild import Statistics

PROG = "videomae2 reconstruct"

_DESCRIPTION = """Show what a pre-trained model sees of a video and what it rebuilds.

Writes a picture, an mp4 and a GIF with the rows original, hidden (what the model sees), rebuilt
(what it sees and what it predicts) and the decoder's share (only what it predicts in one pass).
Pictures say where the mean and contrast of rebuilt cubes come from, and what the loss is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder (its newest checkpoint is taken), one of its checkpoints, or a saved model."""
    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video file, a folder of frame images, or an .npy array."""
    out: Path | None = None
    """Folder to write to; reconstructions in the run folder if not given."""
    frames_shown: int | None = None
    """Frames of the clip in the picture; 8, or all of a shorter clip, if not given."""
    start: float | None = None
    """Second of the video at which the clip begins; in its middle if not given."""
    stride: int | None = None
    """Frames from one frame of the clip to the next; as in training if not given."""
    frame_rate: float | None = None
    """Frames per second of a folder of images or an array; as in training if not given."""
    statistics: Statistics = "surroundings"
    """Where the mean and contrast of rebuilt cubes come from: the visible cubes around, or the
    truth, which flatters the model."""
    seed: int = 0
    """Draws what is hidden."""
    all_hidden: bool = False
    """Ask the decoder for all hidden cubes at once, not for a part at a time as in training."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    dry_run: bool = False
    """Read model and video, and say what would be shown and where it would go."""
    json: bool = False
    """Print JSON."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 reconstruct`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own video.mp4",
            f"{PROG} runs/own video.mp4 --start 12.5 --out pictures/",
            f"{PROG} runs/own/checkpoints/step-00000500 video.mp4 --statistics truth",
        ),
    )
    try:
        how = How(
            start_seconds=options.start,
            stride_frames=options.stride,
            frame_rate=options.frame_rate,
            statistics=options.statistics,
            seed=options.seed,
            all_hidden=options.all_hidden,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    chosen: dict[str, Any] = {
        "out": options.out,
        "how": how,
        "frames_shown": options.frames_shown,
        "device": options.device,
    }
    if options.dry_run:
        plan = rehearse(options.run, options.video, **chosen)
        print(json.dumps({"plan": plan.splitlines()}) if options.json else plan)
        return 0
    written = reconstruct(options.run, options.video, **chosen)
    print(_as_json(written) if options.json else _as_text(written))
    return 0


def _as_text(written: Written) -> str:
    shown = written.shown
    return "\n".join(
        [
            f"model    {shown.model}, {shown.hidden_share:.0%} of the cubes hidden",
            f"clip     {shown.video}, {shown.moment(0)} to {shown.moment(-1)}",
            f"loss     {shown.loss:.4f}, predicting each cube's mean gives {shown.baseline:.4f}",
            f"picture  {written.picture}",
            f"film     {written.film}",
            f"gif      {written.gif}",
        ]
    )


def _as_json(written: Written) -> str:
    shown = written.shown
    return json.dumps(
        {
            "video": shown.video,
            "model": shown.model,
            "frames": shown.indices.tolist(),
            "seconds": None if shown.seconds is None else shown.seconds.round(6).tolist(),
            "hidden_share": shown.hidden_share,
            "statistics": shown.statistics,
            "passes": shown.passes,
            "loss": shown.loss,
            "loss_of_means": shown.baseline,
            "picture": str(written.picture),
            "film": str(written.film),
            "gif": str(written.gif),
        }
    )
