"""The whole measurement of ``videomae2 bench pretrain``: peak, model step, data path, both."""

import logging
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch

from videomae2.base.files import path_exists, path_hint
from videomae2.base.ranges import NOT_NEGATIVE, ONE_OR_MORE, find_range_errors
from videomae2.commands.bench import machine
from videomae2.commands.bench.data import ReadingTiming, measure_reading
from videomae2.commands.bench.end_to_end import (
    EndToEndTiming,
    build_data_config,
    measure_end_to_end,
)
from videomae2.commands.bench.machine import Machine, MatmulPeak, measure_peak
from videomae2.commands.bench.model import BenchCase, MaskingName, StepTiming, measure_step
from videomae2.commands.bench.report import format_peak_table, format_step_table
from videomae2.data.loading.reading import LoadingConfig, build_clip_spec
from videomae2.data.loading.sources import DataConfig, load_manifests
from videomae2.data.synthetic import textured_videos
from videomae2.data.views.specs import SampleRequest
from videomae2.errors import ConfigError
from videomae2.models.sizes import SizeName
from videomae2.tensors import rng
from videomae2.training.runtime import Runtime, RuntimeConfig, prepare_runtime, set_matmul_precision

_logger = logging.getLogger(__name__)

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


def build_case(config: BenchConfig, device: torch.device) -> BenchCase:
    """What is trained, with what depends on the device."""
    return BenchCase(
        size=config.size,
        masking=config.masking[0],
        batch_size=(64 if device.type == "cuda" else 4)
        if config.batch_size is None
        else config.batch_size,
        frames=config.frames,
        side=(64 if config.size == "tiny" else 224) if config.side is None else config.side,
    )


def check_bench_config(config: BenchConfig, case: BenchCase) -> None:
    """Raise ConfigError if something cannot work, before anything is measured."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchReport:
    """All numbers; parts that were not asked for are empty."""

    machine: Machine
    case: BenchCase
    peaks: tuple[MatmulPeak, ...] = ()
    steps: tuple[StepTiming, ...] = ()
    videos: str = ""
    reading: ReadingTiming | None = None
    end_to_end: EndToEndTiming | None = None

    def __str__(self) -> str:
        case = self.case
        parts: list[object] = [f"machine  {self.machine}"]
        if self.peaks:
            parts.append(format_peak_table(self.peaks))
            clip = f"{case.frames}x{case.side}x{case.side}"
            parts.append(
                f"model step  {case.size}, {case.batch_size} clips of {clip}: forward, backward, "
                f"limit of the norm, AdamW; uint8 clips in memory\n{format_step_table(self.steps)}"
            )
        if self.videos:
            parts.append(f"videos   {self.videos}")
        parts += [timing for timing in (self.reading, self.end_to_end) if timing is not None]
        return "\n\n".join(map(str, parts))


def run_bench(config: BenchConfig) -> BenchReport:
    """Measure what is asked for.

    Args:
        config: What to measure.

    Raises:
        ConfigError: If the configuration cannot work.
        DataError: If the videos cannot be read.
    """
    runtimes, case = _resolve_case(config)
    main_runtime, device = runtimes[0], runtimes[0].device
    needs_videos = set(config.parts) != {"model"}
    report = BenchReport(machine=machine.describe_machine(device), case=case)
    if "model" in config.parts:
        peaks, steps = _measure_model(config, case, runtimes)
        report = replace(report, peaks=peaks, steps=steps)
    if not needs_videos:
        return report
    with ExitStack() as stack:
        data, video_text = _prepare_videos(config, stack)
        report = replace(report, videos=video_text)
        if "data" in config.parts:
            _logger.info(f"... reading {config.reads} videos on one core")
            report = replace(report, reading=_measure_data(config, data, case))
        if "end_to_end" in config.parts:
            _logger.info("... training with reading processes")
            set_matmul_precision(main_runtime)
            timing = measure_end_to_end(case, main_runtime, data, num_workers=config.num_workers)
            report = replace(report, end_to_end=timing)
    return report


def dry_run(config: BenchConfig) -> str:
    """Say what ``bench`` would measure; raises as it does."""
    runtimes, case = _resolve_case(config)
    steps = [f"{masking} {one.precision}" for one in runtimes for masking in config.masking]
    return (
        f"machine  {machine.describe_machine(runtimes[0].device)}\n"
        f"parts    {', '.join(config.parts)}\n"
        f"steps    {', '.join(steps)}: {case.size}, {case.batch_size} clips of "
        f"{case.frames}x{case.side}x{case.side}, {config.repeats} times each\n"
        f"videos   {config.videos or f'{config.synthetic_videos} made up'}, {config.reads} read"
    )


def _resolve_case(config: BenchConfig) -> tuple[list[Runtime], BenchCase]:
    """What is trained and where; what is wrong is said before anything is measured."""
    runtimes = _build_runtimes(config)
    case = build_case(config, runtimes[0].device)
    check_bench_config(config, case)
    if set(config.parts) != {"model"} and config.videos is not None:
        load_manifests(_build_sources(config, config.videos))
    return runtimes, case


def _build_runtimes(config: BenchConfig) -> list[Runtime]:
    return [
        prepare_runtime(RuntimeConfig(device=config.device, precision=name, compile=config.compile))
        for name in config.precision
    ]


def _measure_model(
    config: BenchConfig, case: BenchCase, runtimes: Sequence[Runtime]
) -> tuple[tuple[MatmulPeak, ...], tuple[StepTiming, ...]]:
    _logger.info("... the machine's matrix products")
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {}
    for name in dict.fromkeys(("fp32", *(runtime.precision for runtime in runtimes))):
        set_matmul_precision(replace(runtimes[0], precision=name))
        peaks[name] = measure_peak(runtimes[0].device, dtypes[name], seconds=config.peak_seconds)
    steps = []
    for runtime in runtimes:
        set_matmul_precision(runtime)
        for masking in config.masking:
            _logger.info(f"... steps of {case.size}, {masking}, {runtime.precision}")
            steps.append(
                measure_step(
                    replace(case, masking=masking),
                    runtime,
                    repeats=config.repeats,
                    peak=peaks[runtime.precision].flops_per_second,
                )
            )
    return tuple(peaks.values()), tuple(steps)


def _prepare_videos(config: BenchConfig, stack: ExitStack) -> tuple[DataConfig, str]:
    """Where the videos are, and what to call them."""
    folder, video_text = config.videos, str(config.videos)
    if folder is None:
        _logger.info("... making videos up")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videomae2-bench-")))
        paths = textured_videos.write_synthetic_videos(
            folder,
            count=config.synthetic_videos,
            frames=config.synthetic_frames,
            seed=0,
            style=textured_videos.SceneStyle(
                smoothness=config.synthetic_smoothness, noise=config.synthetic_noise
            ),
        )
        rate = sum(path.stat().st_size for path in paths) * 8 / 1000
        seconds = len(paths) * config.synthetic_frames / textured_videos.RATE
        video_text = (
            f"{len(paths)} made up, H.264 {textured_videos.WIDTH}x{textured_videos.HEIGHT}, "
            f"key frame every {textured_videos.KEY_FRAME_EVERY}, {rate / seconds:.0f} kbit/s"
        )
    return _build_sources(config, folder), video_text


def _build_sources(config: BenchConfig, videos: Path) -> DataConfig:
    return build_data_config(videos, views=config.views, frame_interval=config.frame_interval)


def _measure_data(config: BenchConfig, data: DataConfig, case: BenchCase) -> ReadingTiming:
    manifest = load_manifests(data)[0]
    shape = build_clip_spec(
        data.sources[0], manifest, data, LoadingConfig(), case.model.encoder.cubes
    )
    requests = [
        SampleRequest(manifest[number % len(manifest)], rng.make_key(0, number), shape)
        for number in range(config.reads)
    ]
    return measure_reading(requests)
