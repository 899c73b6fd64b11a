"""What can be chosen about a measurement, and what follows from it on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.files import path_exists, path_hint
from videomae2.base.ranges import NOT_NEGATIVE, ONE_OR_MORE, find_range_errors
from videomae2.commands.bench.model import BenchCase, MaskingName
from videomae2.data.loading.sources import DataConfig, SourceConfig, load_manifests
from videomae2.errors import ConfigError
from videomae2.models.encoder import SizeName
from videomae2.training.runtime import Runtime, RuntimeConfig, prepare_runtime

BenchPart = Literal["model", "data", "end_to_end"]


Precision = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchConfig:
    """What to measure."""

    parts: tuple[BenchPart, ...] = ("model", "data", "end_to_end")
    """The model's step, the path from files to clips, and training with both."""
    size: SizeName = "base"
    """The model."""
    masking: tuple[MaskingName, ...] = ("dual", "lean", "v1")
    """Dual masking as in the paper, its lean form, and V1 (no decoder masking); training with
    data takes the first."""
    precision: tuple[Precision, ...] = ("auto",)
    """Precisions of the step; auto is what a run takes here; training takes the first."""
    batch_size: Annotated[int | None, ONE_OR_MORE] = None
    """Clips of a step; 4 on a CPU and 64 on a GPU if not given."""
    frames: Annotated[int, ONE_OR_MORE] = 16
    """Frames of a clip."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of a clip in pixels; 224 if not given, 64 for the tiny model."""
    repeats: Annotated[int, ONE_OR_MORE] = 5
    """Steps that are timed, after two that are not."""
    videos: Path | None = None
    """A folder of videos or a list; without it, some videos are made up (H.264, 340x256, 10 s at
    30 frames a second, a key frame every 16 frames)."""
    synthetic_videos: Annotated[int, ONE_OR_MORE] = 6
    """How many."""
    synthetic_frames: Annotated[int, ONE_OR_MORE] = 300
    """How long, in frames."""
    synthetic_smoothness: float = 1.3
    """How fast amplitudes fall with frequency, as a power; sharp pictures have 1, whose files are
    larger and harder to decode."""
    synthetic_noise: Annotated[float, NOT_NEGATIVE] = 1.5
    """The camera's noise, of 255."""
    reads: Annotated[int, ONE_OR_MORE] = 24
    """Videos that are read for the data path."""
    frame_interval: Annotated[float, ONE_OR_MORE] = 4.0
    """Frames from one frame of a clip to the next."""
    views: Annotated[int, ONE_OR_MORE] = 4
    """Clips made of each decoded video."""
    num_workers: Annotated[int | None, NOT_NEGATIVE] = None
    """Reading processes of training; chosen as for a run if not given."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    compile: bool = False
    """Compile the model's blocks."""
    peak_seconds: Annotated[float, NOT_NEGATIVE] = 0.4
    """How long each matrix product is repeated for the machine's peak."""

    @property
    def needs_videos(self) -> bool:
        """Whether any part reads some."""
        return set(self.parts) != {"model"}

    def build_data(self, videos: Path) -> DataConfig:
        """The one source that is read."""
        source = SourceConfig(path=videos, frame_interval=self.frame_interval)
        return DataConfig(sources=(source,), views=self.views)


def resolve_case(config: BenchConfig) -> tuple[list[Runtime], BenchCase]:
    """What is trained and where, with what depends on the device.

    Raises:
        ConfigError: With everything that cannot work, before anything is measured.
        DataError: If the videos cannot be listed.
    """
    runtimes = [
        prepare_runtime(RuntimeConfig(device=config.device, precision=name, compile=config.compile))
        for name in config.precision
    ]
    on_gpu = runtimes[0].device.type == "cuda"
    case = BenchCase(
        size=config.size,
        masking=config.masking[0],
        batch_size=(64 if on_gpu else 4) if config.batch_size is None else config.batch_size,
        frames=config.frames,
        side=(64 if config.size == "tiny" else 224) if config.side is None else config.side,
    )
    _check(config, case)
    if config.needs_videos and config.videos is not None:
        load_manifests(config.build_data(config.videos))
    return runtimes, case


def _check(config: BenchConfig, case: BenchCase) -> None:
    problems = [problem for _, problem in find_range_errors(config)]
    if not float(config.frame_interval).is_integer():
        problems.append(
            f"--frame-interval must be a whole number of frames, got {config.frame_interval:g}"
        )
    if config.videos is not None and not path_exists(config.videos):
        problems.append(f"--videos {config.videos} does not exist{path_hint(config.videos)}")
    try:
        _ = case.model.encoder.cubes
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(problems)
