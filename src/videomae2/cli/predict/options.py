"""The arguments of ``videomae2 predict``, and which of them go together."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.ranges import find_range_errors
from videomae2.data.live.sources import STDIN, LiveConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.inference.predictor import DEFAULT_READING
from videomae2.inference.timeline import TimelineConfig

PROG = "videomae2 predict"
_UNUSED_READING = ("num_workers", "prefetch_factor", "timeout_seconds", "memory_limit_gib")


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or
    weights of other software, such as a released file."""
    videos: Annotated[Positional[tuple[str, ...]], arg(metavar="VIDEO...")] = ()
    """Video files, folders of videos or of frame images, .npy arrays; or one stream: an address
    (rtsp://, http://, …), a camera (/dev/video0, or its number) or a pipe; - reads standard input:
    paths, one per line, or the bytes of a video."""
    class_names: Path | None = None
    """What the model's outputs are called where it does not say, as released files: a file of names
    or a public data set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710. The
    others get no probability."""
    frames: int | None = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: int | None = None
    """Height and width of these clips in pixels; 224 if not given."""
    top_k: int = 5
    """Classes that are printed of each video."""
    clips: int | None = None
    """Clips of each video whose scores are averaged; 5, or 2 of a model that reads segments."""
    crops: int | None = None
    """Crops of each clip, along the longer side; 3 if not given."""
    frame_interval: int | None = None
    """Frames from one frame of a clip to the next; as in training if not given."""
    timeline: bool = False
    """Say what holds when."""
    windows: OmitArgPrefixes[TimelineConfig] = field(default_factory=TimelineConfig)
    """When a class holds, and what a time line is made of."""
    live: OmitArgPrefixes[LiveConfig] = field(default_factory=LiveConfig)
    """Of a stream."""
    out: Path | None = None
    """Folder for the files of time lines."""
    save_video: bool = False
    """Write a video with names and bars, too; reads the video once more."""
    frame_rate: float | None = None
    """Frames per second of folders of images and of arrays, and of streams without a clock, whose
    frames else count from when they arrive."""
    bits: int | None = None
    """Bits used of images and arrays of 16; as in training if not given, or found out from some."""
    reading: OmitArgPrefixes[ReadingConfig] = field(default_factory=lambda: DEFAULT_READING)
    """How videos are read; the parts of a long one, in one process."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """How the model computes; auto takes bf16 where the machine computes it fast."""
    dry_run: bool = False
    """Check everything and show what would be done, without reading a video."""
    json: bool = False
    """Print one JSON object per video and line, and nothing else."""


def check_options(options: PredictOptions, *, has_stream: bool | None) -> None:
    """Refuse arguments that are missing or have no effect beside the others.

    Args:
        options: All arguments.
        has_stream: Whether one of the videos is a stream; None if nobody knows yet.

    Raises:
        ConfigError: With all that is wrong.
    """
    problems = []
    if not options.videos:
        problems.append(f"VIDEO... missing; give videos, folders, or - ; see {PROG} --help")
    if options.videos.count(STDIN) > 1:
        problems.append("- stands for standard input, which can be read only once")
    if options.top_k < 1:
        problems.append(f"--top-k is {options.top_k}, wanted 1 or more")
    if has_stream is not None:
        problems += _list_unused(options, has_stream=has_stream)
    problems += [problem for _, problem in find_range_errors(options.live)]
    windows = options.windows
    if has_stream is not False:
        unused = {}
    elif options.timeline:
        unused = {name: _is_not_one(options, name) for name in ("clips", "crops")}
    else:
        unused = {
            "window-seconds": windows.window_seconds is not None,
            "hop-seconds": windows.hop_seconds is not None,
            "hysteresis": windows.hysteresis is not None,
            "out": options.out is not None,
            "save-video": options.save_video,
        }
    reason = "has no effect with" if options.timeline else "goes only with"
    problems += [f"--{flag} {reason} --timeline" for flag, is_given in unused.items() if is_given]
    if options.timeline and options.save_video and options.out is None:
        problems.append("--save-video wants a folder to write to; give --out")
    if problems:
        raise ConfigError(problems)


def _list_unused(options: PredictOptions, *, has_stream: bool) -> list[str]:
    """Say which arguments have no effect with a stream, or only with one."""
    if not has_stream:
        return [
            f"--{each.name.replace('_', '-')} goes only with a stream: an address, a camera or a "
            "pipe"
            for each in fields(options.live)
            if getattr(options.live, each.name) is not None
        ]
    problems = [
        f"--{name} {getattr(options, name)} has no effect on a stream, of which one clip after the "
        "other is predicted, each once; leave it out"
        for name in ("clips", "crops")
        if _is_not_one(options, name)
    ]
    if options.bits is not None:
        problems.append("--bits has no effect on a stream; leave it out")
    if options.save_video:
        problems.append("--save-video reads a video twice, and a stream comes once; leave it out")
    return problems + [
        f"--{name.replace('_', '-')} has no effect on a stream; --connect-seconds and "
        "--silence-seconds limit the time"
        for name in _UNUSED_READING
        if getattr(options.reading, name) != getattr(DEFAULT_READING, name)
    ]


def _is_not_one(options: PredictOptions, name: str) -> bool:
    """Whether a count is given that windows do not have: each is one clip and its middle crop."""
    return getattr(options, name) not in (None, 1)
