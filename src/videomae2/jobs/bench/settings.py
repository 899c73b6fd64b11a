"""What ``videomae2 bench pretrain`` is to measure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from videomae2.config.common_checks import path_exists, path_hint
from videomae2.errors import ConfigError
from videomae2.jobs.bench.model import MaskingName, BenchCase
from videomae2.models.sizes import SizeName

BenchPart = Literal["model", "data", "both"]
Precision = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchConfig:
    """What to measure."""

    parts: tuple[BenchPart, ...] = ("model", "data", "both")
    """The model's step, the path from files to clips, and training with both."""
    size: SizeName = "base"
    """The model."""
    masking: tuple[MaskingName, ...] = ("dual", "lean", "v1")
    """Dual masking as in the paper, its lean form, and V1 (no decoder masking); training with
    data takes the first."""
    precision: tuple[Precision, ...] = ("auto",)
    """Precisions of the step; auto is what a run takes here; training takes the first."""
    batch_size: int | None = None
    """Clips of a step; 4 on a CPU and 64 on a GPU if not given."""
    frames: int = 16
    """Frames of a clip."""
    side: int | None = None
    """Height and width of a clip in pixels; 224 if not given, 64 for the tiny model."""
    repeats: int = 5
    """Steps that are timed, after two that are not."""
    videos: Path | None = None
    """A folder of videos or a list; without it, some videos are made up (H.264, 340x256, 10 s at
    30 frames a second, a key frame every 16 frames)."""
    synthetic_videos: int = 6
    """How many."""
    synthetic_frames: int = 300
    """How long, in frames."""
    synthetic_smoothness: float = 1.3
    """How fast amplitudes fall with frequency, as a power; sharp pictures have 1, whose files are
    larger and harder to decode."""
    synthetic_noise: float = 1.5
    """The camera's noise, of 255."""
    reads: int = 24
    """Videos that are read for the data path."""
    frame_interval: float = 4.0
    """Frames from one frame of a clip to the next."""
    views: int = 4
    """Clips made of each decoded video."""
    num_workers: int | None = None
    """Reading processes of training; chosen as for a run if not given."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    compile: bool = False
    """Compile the model's blocks."""
    peak_seconds: float = 0.4
    """How long each matrix product is repeated for the machine's peak."""


_POSITIVE_FIELDS = ("repeats", "reads", "views", "batch_size", "side", "frames", "frame_interval", "synthetic_videos",
               "synthetic_frames")  # fmt: skip
_MINIMUMS = {**dict.fromkeys(_POSITIVE_FIELDS, 1), "synthetic_noise": 0, "num_workers": 0, "peak_seconds": 0}
"""The least that each number may be."""


def build_case(config: BenchConfig, device: torch.device) -> BenchCase:
    """What is trained, with what depends on the device."""
    return BenchCase(
        size=config.size,
        masking=config.masking[0],
        batch_size=(64 if device.type == "cuda" else 4) if config.batch_size is None else config.batch_size,
        frames=config.frames,
        side=(64 if config.size == "tiny" else 224) if config.side is None else config.side,
    )


def check_bench_config(config: BenchConfig, case: BenchCase) -> None:
    """Raise ConfigError if something cannot work, before anything is measured."""
    problems = [
        f"--{name.replace('_', '-')} must be {least} or more, got {value:g}"
        for name, least in _MINIMUMS.items()
        if (value := getattr(config, name)) is not None and not value >= least
    ]
    if not float(config.frame_interval).is_integer():
        problems.append(f"--frame-interval must be a whole number of frames, got {config.frame_interval:g}")
    if config.videos is not None and not path_exists(config.videos):
        problems.append(f"--videos {config.videos} does not exist{path_hint(config.videos)}")
    try:
        _ = case.model.encoder.cubes
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(problems)
