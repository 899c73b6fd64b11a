"""The whole measurement of ``videomae2 bench pretrain``: peak, model step, data path, both."""

import logging
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.bench import machine
from videomae2.commands.bench.config import BenchConfig, resolve_case
from videomae2.commands.bench.data import ReadingTiming, measure_reading
from videomae2.commands.bench.end_to_end import (
    EndToEndTiming,
    measure_end_to_end,
)
from videomae2.commands.bench.machine import Machine, MatmulPeak, measure_peak
from videomae2.commands.bench.model import BenchCase, StepTiming, measure_step
from videomae2.commands.bench.report import format_peak_table, format_step_table
from videomae2.data.loading.reading import ReadingConfig, build_clip_spec
from videomae2.data.loading.sources import DataConfig, load_manifests
from videomae2.data.views.requests import SampleRequest
from videomae2.tensors import rng
from videomae2.training.runtime import Runtime, set_matmul_precision

_logger = logging.getLogger(__name__)


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
                f"model step  {case.size}, {format_count(case.batch_size, 'clip')} of "
                f"{clip}: forward, backward, "
                f"limit of the norm, AdamW; uint8 clips in memory\n{format_step_table(self.steps)}"
            )
        if self.videos:
            parts.append(f"videos   {self.videos}")
        parts += [timing for timing in (self.reading, self.end_to_end) if timing is not None]
        return "\n\n".join(map(str, parts))


def run_bench(config: BenchConfig) -> BenchReport:
    """Measure what is asked for.

    Raises:
        ConfigError: If the configuration cannot work.
        DataError: If the videos cannot be read.
    """
    runtimes, case = resolve_case(config)
    main_runtime, device = runtimes[0], runtimes[0].device
    report = BenchReport(machine=machine.describe_machine(device), case=case)
    if "model" in config.parts:
        peaks, steps = _measure_model(config, case, runtimes)
        report = replace(report, peaks=peaks, steps=steps)
    if not config.needs_videos:
        return report
    with ExitStack() as stack:
        data, video_text = _prepare_videos(config, stack)
        report = replace(report, videos=video_text)
        if "data" in config.parts:
            _logger.info(f"... reading {format_count(config.reads, 'video')} on one core")
            report = replace(report, reading=_measure_data(config, data, case))
        if "end_to_end" in config.parts:
            _logger.info("... training with reading processes")
            set_matmul_precision(main_runtime)
            timing = measure_end_to_end(case, main_runtime, data, num_workers=config.num_workers)
            report = replace(report, end_to_end=timing)
    return report


def dry_run(config: BenchConfig) -> Summary:
    """Say what ``bench`` would measure; raises as it does."""
    runtimes, case = resolve_case(config)
    steps = ", ".join(f"{m} {runtime.precision}" for runtime in runtimes for m in config.masking)
    clips = (
        f"{case.size}, {format_count(case.batch_size, 'clip')} of "
        f"{case.frames}x{case.side}x{case.side}"
    )
    videos = config.videos or f"{config.synthetic_videos} made up"
    return Summary(
        (
            ("machine", str(machine.describe_machine(runtimes[0].device))),
            ("parts", ", ".join(config.parts)),
            ("steps", f"{steps}: {clips}, {config.repeats} times each"),
            ("videos", f"{videos}, {config.reads} read"),
        )
    )


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
        from videomae2.data.synthetic import textured_videos  # loads FFmpeg

        paths = textured_videos.write_synthetic_videos(
            folder,
            count=config.synthetic_videos,
            frames=config.synthetic_frames,
            seed=0,
            smoothness=config.synthetic_smoothness,
            noise=config.synthetic_noise,
        )
        rate = sum(path.stat().st_size for path in paths) * 8 / 1000
        seconds = len(paths) * config.synthetic_frames / textured_videos.RATE
        video_text = (
            f"{len(paths)} made up, H.264 {textured_videos.WIDTH}x{textured_videos.HEIGHT}, "
            f"key frame every {textured_videos.KEY_FRAME_EVERY}, {rate / seconds:.0f} kbit/s"
        )
    return config.build_data(folder), video_text


def _measure_data(config: BenchConfig, data: DataConfig, case: BenchCase) -> ReadingTiming:
    manifest = load_manifests(data)[0]
    shape = build_clip_spec(
        data.sources[0], manifest, data, ReadingConfig(), case.model.encoder.cubes
    )
    requests = [
        SampleRequest(manifest[number % len(manifest)], rng.make_key(0, number), shape)
        for number in range(config.reads)
    ]
    return measure_reading(requests)
