"""A short real training loop: reading processes and model at once, and who waits for whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.data.loading import BatchPlan, Loader, read_sources
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import Quarantine
from videomae2.data.sources import DataConfig, LoadingConfig, SourceConfig
from videomae2.engine.loop import Plan, fit
from videomae2.engine.runtime import Runtime
from videomae2.engine.signals import Wishes
from videomae2.engine.supply import Report
from videomae2.jobs.bench.model import CLIP_NORM, StepCase, Stepper
from videomae2.jobs.trainer import parts, reading_processes

_WARM_UP_STEPS = 2  # reading processes start, caches fill


@dataclass(frozen=True, kw_only=True, slots=True)
class TogetherNumbers:
    """What training with data from files gives."""

    videos_per_step: int
    views: int
    reading_processes: int
    steps: int
    clips_per_second: float
    """Of videos that could be read."""
    data_wait_share: float
    """Of the time, waiting for data."""


def data_config(videos: Path, *, views: int, stride: float) -> DataConfig:
    """One source."""
    return DataConfig(sources=(SourceConfig(path=videos, stride=stride),), views=views)


def measure_together(
    case: StepCase,
    runtime: Runtime,
    data: DataConfig,
    *,
    steps: int = 6,
    workers: int | None = None,
) -> TogetherNumbers:
    """Train for some steps on videos, without saving anything; Ctrl-C ends it like anything else.

    Args:
        case: The model; its batch is clips, made of whole videos.
        runtime: Where and how.
        data: The videos.
        steps: Steps that count.
        workers: Reading processes; chosen as for a run if not given.

    Raises:
        UnreadableShareError: If more videos cannot be read than a run would allow.
    """
    videos = max(1, case.batch // data.views)
    workers = reading_processes(workers, runtime)
    reports: list[Report] = []
    stepper = Stepper(case, runtime)
    cubes = case.model.encoder.cubes
    plan = BatchPlan(batch=videos, micro_batch=videos, first_step=0, steps=_WARM_UP_STEPS + steps)
    manifests = read_sources(data)

    with Loader(
        manifests,
        _often_enough(data, manifests, videos=plan.steps * videos),
        LoadingConfig(),
        cubes,
        plan,
        seed=0,
        quarantine=Quarantine(None, manifests, max_share=data.max_unreadable_share),
        workers=workers,
        pin=runtime.device.type == "cuda",
    ) as loader:
        fit(
            stepper.task,
            stepper.optimizer,
            parts(loader, cubes, runtime),
            _plan(plan.steps),
            first_step=0,
            runtime=runtime,
            report=reports.append,
            save=lambda step: None,
            say=lambda line: None,
            wishes=Wishes(),  # nobody asks: there is nothing to save
        )
    return _numbers(reports[1:], videos_per_step=videos, views=data.views, workers=workers)


def _often_enough(data: DataConfig, manifests: Sequence[Manifest], *, videos: int) -> DataConfig:
    """The source taken as often as it takes for so many videos, all in one epoch."""
    (source,), (manifest,) = data.sources, manifests
    return replace(data, sources=(replace(source, weight=videos / len(manifest)),))


def _numbers(
    reports: Sequence[Report], *, videos_per_step: int, views: int, workers: int
) -> TogetherNumbers:
    seconds = sum(report.seconds for report in reports)
    done = [record for report in reports for record in report.records]
    clips = sum(record.clips - views * record.unreadable for record in done)
    return TogetherNumbers(
        videos_per_step=videos_per_step,
        views=views,
        reading_processes=workers,
        steps=len(done),
        clips_per_second=clips / seconds,
        data_wait_share=sum(report.waited for report in reports) / seconds,
    )


def _plan(steps: int) -> Plan:
    return Plan(
        steps=steps,
        accumulate=1,
        lr=lambda step: 1e-5,
        clip_norm=CLIP_NORM,
        log_every=_WARM_UP_STEPS,
        save_every=steps + 1,
        max_bad_steps=steps + 1,
    )
