"""The arguments of ``videomae2 predict``, and what they choose."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.inference.predictor import DEFAULT_READING, Predictor
from videomae2.inference.timeline import TimelineConfig
from videomae2.inference.views import EvalViews

PROG = "videomae2 predict"


STDIN = "-"
"""Stands for paths that come on standard input."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or a
    released file (.pth, .bin, .pt, .safetensors)."""
    videos: Annotated[Positional[tuple[str, ...]], arg(metavar="VIDEO...")] = ()
    """Video files, folders of videos or of frame images, .npy arrays; - reads paths from standard
    input, one per line."""
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
    threshold: float | None = None
    """The probability from which a class holds; 0.5 where any number of them may, else the best
    one always does."""
    clips: int | None = None
    """Clips of each video whose scores are averaged; 5, or 2 of a model that reads segments."""
    crops: int | None = None
    """Crops of each clip, along the longer side; 3 if not given."""
    frame_interval: int | None = None
    """Frames from one frame of a clip to the next; as in training if not given."""
    timeline: bool = False
    """Say what holds when."""
    window_seconds: float | None = None
    """Seconds that a window of the time line shows; as long as a clip of training if not given."""
    hop_seconds: float | None = None
    """Seconds from the start of one window to the next; half a window if not given."""
    hysteresis: float | None = None
    """What holds ends this far below the threshold, and gives way to what is ahead by this; 0.1 if
    not given."""
    out: Path | None = None
    """Folder for the files of time lines."""
    save_video: bool = False
    """Write a video with names and bars, too; reads the video once more."""
    frame_rate: float | None = None
    """Frames per second of folders of images and of arrays, which have no clock."""
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


def check_options(options: PredictOptions) -> None:
    """Refuse arguments that are missing or have no effect beside the others.

    Raises:
        ConfigError: Naming them all.
    """
    problems = [] if options.videos else ["VIDEO... missing; give videos, folders, or - ; see"
                                          f" {PROG} --help"]  # fmt: skip
    if options.videos.count(STDIN) > 1:
        problems.append("- stands for standard input, which can be read only once")
    if options.top_k < 1:
        problems.append(f"--top-k is {options.top_k}, wanted 1 or more")
    timeline_fields = ("window_seconds", "hop_seconds", "hysteresis", "out", "save_video")
    video_fields = ("clips", "crops")
    for name in video_fields if options.timeline else timeline_fields:
        if getattr(options, name) not in (None, False):
            with_or_without = "has no effect with" if options.timeline else "goes only with"
            problems.append(f"--{name.replace('_', '-')} {with_or_without} --timeline")
    if options.timeline and options.save_video and options.out is None:
        problems.append("--save-video wants a folder to write to; give --out")
    if problems:
        raise ConfigError(problems)


def load_predictor(options: PredictOptions) -> Predictor:
    """Load the model, as the arguments say.

    Raises:
        CheckpointError, ConfigError: As ``Predictor``.
    """
    return Predictor(
        options.model,
        class_names=options.class_names,
        classes=options.classes,
        frames=options.frames,
        side=options.side,
        device=options.device,
        precision=options.precision,
        views=_build_test_views(options),
        reading=options.reading,
        frame_rate=options.frame_rate,
    )


def build_timeline_config(options: PredictOptions) -> TimelineConfig:
    """The windows of a time line, and when a class holds.

    Raises:
        ConfigError: A number makes no sense.
    """
    return TimelineConfig(
        window_seconds=options.window_seconds,
        hop_seconds=options.hop_seconds,
        threshold=options.threshold,
        hysteresis=0.1 if options.hysteresis is None else options.hysteresis,
    )


def _build_test_views(options: PredictOptions) -> EvalViews:
    views = EvalViews(clips=options.clips, crops=options.crops)
    if options.frame_interval is None:
        return views
    return replace(views, frame_interval=float(options.frame_interval), interval_unit="frames")
