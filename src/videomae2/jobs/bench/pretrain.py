"""The whole measurement: peak, model step, data path, both together."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.data.loading import build_clip_spec, load_manifests
from videomae2.data.sources import DataConfig, LoadingConfig
from videomae2.data.worker import SampleRequest
from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare_runtime, set_matmul_precision
from videomae2.jobs.bench import machine, samples
from videomae2.jobs.bench.machine import Machine
from videomae2.jobs.bench.model import BenchCase
from videomae2.jobs.bench.peak import MatmulPeak, measure_peak
from videomae2.jobs.bench.reading import ReadingTiming, measure_reading
from videomae2.jobs.bench.settings import BenchConfig, check_bench_config, build_case
from videomae2.jobs.bench.steps import StepTiming, measure_step
from videomae2.jobs.bench.together import EndToEndTiming, build_data_config, measure_end_to_end
from videomae2.tensors import draws

LogFn = Callable[[str], None]


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


def run_bench(config: BenchConfig, *, log: LogFn = lambda line: None) -> BenchReport:
    """Measure what is asked for.

    Args:
        config: What to measure.
        log: Takes lines about the progress.

    Raises:
        ConfigError: If the configuration cannot work.
        DataError: If the videos cannot be read.
    """
    runtimes, case = _resolve_case(config)
    main_runtime, device = runtimes[0], runtimes[0].device
    needs_videos = set(config.parts) != {"model"}
    report = BenchReport(machine=machine.describe_machine(device), case=case)
    if "model" in config.parts:
        peaks, steps = _measure_model(config, case, runtimes, log)
        report = replace(report, peaks=peaks, steps=steps)
    if not needs_videos:
        return report
    with ExitStack() as stack:
        data, video_text = _prepare_videos(config, stack, log)
        report = replace(report, videos=video_text)
        if "data" in config.parts:
            log(f"reading {config.reads} videos on one core")
            report = replace(report, reading=_measure_data(config, data, case))
        if "both" in config.parts:
            log("training with reading processes")
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
    config: BenchConfig, case: BenchCase, runtimes: Sequence[Runtime], log: LogFn
) -> tuple[tuple[MatmulPeak, ...], tuple[StepTiming, ...]]:
    log("the machine's matrix products")
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {}
    for name in dict.fromkeys(("fp32", *(runtime.precision for runtime in runtimes))):
        set_matmul_precision(replace(runtimes[0], precision=name))
        peaks[name] = measure_peak(runtimes[0].device, dtypes[name], seconds=config.peak_seconds)
    steps = []
    for runtime in runtimes:
        set_matmul_precision(runtime)
        for masking in config.masking:
            log(f"steps of {case.size}, {masking}, {runtime.precision}")
            steps.append(
                measure_step(
                    replace(case, masking=masking),
                    runtime,
                    repeats=config.repeats,
                    peak=peaks[runtime.precision].flops_per_second,
                )
            )
    return tuple(peaks.values()), tuple(steps)


def _prepare_videos(config: BenchConfig, stack: ExitStack, log: LogFn) -> tuple[DataConfig, str]:
    """Where the videos are, and what to call them."""
    folder, video_text = config.videos, str(config.videos)
    if folder is None:
        log("making videos up")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videomae2-bench-")))
        paths = samples.write_synthetic_videos(
            folder,
            count=config.synthetic_videos,
            frames=config.synthetic_frames,
            seed=0,
            style=samples.SceneStyle(smoothness=config.synthetic_smoothness, noise=config.synthetic_noise),
        )
        rate = sum(path.stat().st_size for path in paths) * 8 / 1000
        seconds = len(paths) * config.synthetic_frames / samples.RATE
        video_text = (
            f"{len(paths)} made up, H.264 {samples.WIDTH}x{samples.HEIGHT}, "
            f"key frame every {samples.KEY_FRAME_EVERY}, {rate / seconds:.0f} kbit/s"
        )
    return _build_sources(config, folder), video_text


def _build_sources(config: BenchConfig, videos: Path) -> DataConfig:
    return build_data_config(videos, views=config.views, frame_interval=config.frame_interval)


def _measure_data(config: BenchConfig, data: DataConfig, case: BenchCase) -> ReadingTiming:
    manifest = load_manifests(data)[0]
    shape = build_clip_spec(data.sources[0], manifest, data, LoadingConfig(), case.model.encoder.cubes)
    requests = [
        SampleRequest(manifest[number % len(manifest)], draws.make_key(0, number), shape)
        for number in range(config.reads)
    ]
    return measure_reading(requests)
