"""The whole measurement: peak, model step, data path, both together."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from videomae2.data.loading import clip_shape, read_sources
from videomae2.data.sources import DataConfig, LoadingConfig
from videomae2.data.worker import SampleRequest
from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare, use_precision
from videomae2.jobs.bench import machine, samples
from videomae2.jobs.bench.machine import Machine
from videomae2.jobs.bench.model import StepCase
from videomae2.jobs.bench.peak import Peak, measure_peak
from videomae2.jobs.bench.reading import ReadingNumbers, measure_reading
from videomae2.jobs.bench.settings import BenchConfig, check_settings, step_case
from videomae2.jobs.bench.steps import StepNumbers, measure_step
from videomae2.jobs.bench.together import TogetherNumbers, data_config, measure_together
from videomae2.tensors import draws

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchReport:
    """All numbers; parts that were not asked for are empty."""

    machine: Machine
    case: StepCase
    peaks: tuple[Peak, ...] = ()
    steps: tuple[StepNumbers, ...] = ()
    videos: str = ""
    reading: ReadingNumbers | None = None
    together: TogetherNumbers | None = None


def bench(config: BenchConfig, *, say: Say = lambda line: None) -> BenchReport:
    """Measure what is asked for.

    Args:
        config: What to measure.
        say: Takes lines about the progress.

    Raises:
        ConfigError: If the configuration cannot work.
        DataError: If the videos cannot be read.
    """
    runtimes, case = _checked(config)
    first, device = runtimes[0], runtimes[0].device
    needs_videos = set(config.parts) != {"model"}
    report = BenchReport(machine=machine.describe(device), case=case)
    if "model" in config.parts:
        peaks, steps = _measure_model(config, case, runtimes, say)
        report = replace(report, peaks=peaks, steps=steps)
    if not needs_videos:
        return report
    with ExitStack() as stack:
        data, named = _videos(config, stack, say)
        report = replace(report, videos=named)
        if "data" in config.parts:
            say(f"reading {config.reads} videos on one core")
            report = replace(report, reading=_measure_data(config, data, case))
        if "both" in config.parts:
            say("training with reading processes")
            use_precision(first)
            numbers = measure_together(case, first, data, workers=config.workers)
            report = replace(report, together=numbers)
    return report


def rehearse(config: BenchConfig) -> str:
    """Say what ``bench`` would measure; raises as it does."""
    runtimes, case = _checked(config)
    steps = [f"{masking} {one.precision}" for one in runtimes for masking in config.masking]
    return (
        f"machine  {machine.describe(runtimes[0].device)}\n"
        f"parts    {', '.join(config.parts)}\n"
        f"steps    {', '.join(steps)}: {case.size}, {case.batch} clips of "
        f"{case.frames}x{case.side}x{case.side}, {config.repeats} times each\n"
        f"videos   {config.videos or f'{config.made_up_videos} made up'}, {config.reads} read"
    )


def _checked(config: BenchConfig) -> tuple[list[Runtime], StepCase]:
    """What is trained and where; what is wrong is said before anything is measured."""
    runtimes = _runtimes(config)
    case = step_case(config, runtimes[0].device)
    check_settings(config, case)
    if set(config.parts) != {"model"} and config.videos is not None:
        read_sources(_data(config, config.videos))
    return runtimes, case


def _runtimes(config: BenchConfig) -> list[Runtime]:
    return [
        prepare(RuntimeConfig(device=config.device, precision=name, compile=config.compile))
        for name in config.precision
    ]


def _measure_model(
    config: BenchConfig, case: StepCase, runtimes: Sequence[Runtime], say: Say
) -> tuple[tuple[Peak, ...], tuple[StepNumbers, ...]]:
    say("the machine's matrix products")
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {}
    for name in dict.fromkeys(("fp32", *(runtime.precision for runtime in runtimes))):
        use_precision(replace(runtimes[0], precision=name))
        peaks[name] = measure_peak(runtimes[0].device, dtypes[name], seconds=config.peak_seconds)
    steps = []
    for runtime in runtimes:
        use_precision(runtime)
        for masking in config.masking:
            say(f"steps of {case.size}, {masking}, {runtime.precision}")
            steps.append(
                measure_step(
                    replace(case, masking=masking),
                    runtime,
                    repeats=config.repeats,
                    peak=peaks[runtime.precision].flops_per_second,
                )
            )
    return tuple(peaks.values()), tuple(steps)


def _videos(config: BenchConfig, stack: ExitStack, say: Say) -> tuple[DataConfig, str]:
    """Where the videos are, and what to call them."""
    folder, named = config.videos, str(config.videos)
    if folder is None:
        say("making videos up")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videomae2-bench-")))
        paths = samples.make_videos(
            folder,
            count=config.made_up_videos,
            frames=config.made_up_frames,
            seed=0,
            look=samples.Look(smoothness=config.made_up_smoothness, noise=config.made_up_noise),
        )
        rate = sum(path.stat().st_size for path in paths) * 8 / 1000
        seconds = len(paths) * config.made_up_frames / samples.RATE
        named = (
            f"{len(paths)} made up, H.264 {samples.WIDTH}x{samples.HEIGHT}, "
            f"key frame every {samples.KEY_FRAME_EVERY}, {rate / seconds:.0f} kbit/s"
        )
    return _data(config, folder), named


def _data(config: BenchConfig, videos: Path) -> DataConfig:
    return data_config(videos, views=config.views, stride=config.stride)


def _measure_data(config: BenchConfig, data: DataConfig, case: StepCase) -> ReadingNumbers:
    manifest = read_sources(data)[0]
    shape = clip_shape(data.sources[0], manifest, data, LoadingConfig(), case.model.encoder.cubes)
    requests = [
        SampleRequest(manifest[number % len(manifest)], draws.key(0, number), shape)
        for number in range(config.reads)
    ]
    return measure_reading(requests)
