"""A short real training loop: reading processes and model at once, and who waits for whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.commands.bench.model import CLIP_NORM, BenchCase, StepRunner
from videomae2.commands.train.setup import iterate_micro_batches
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, load_manifests
from videomae2.data.manifests.manifest import Manifest
from videomae2.training.loop import Callback, LoopConfig, fit
from videomae2.training.metrics_buffer import LogWindow
from videomae2.training.runtime import Runtime, resolve_num_workers

_WARMUP_STEPS = 2  # reading processes start, caches fill


@dataclass(frozen=True, kw_only=True, slots=True)
class EndToEndTiming:
    """What training with data from files gives."""

    videos_per_step: int
    views: int
    num_workers: int
    steps: int
    clips_per_second: float
    """Of videos that could be read."""
    data_wait_share: float
    """Of the time, waiting for data."""

    def __str__(self) -> str:
        return (
            f"training with data  {self.clips_per_second:.2f} clips/s, "
            f"{self.data_wait_share:.1%} of the time waiting for data "
            f"({format_count(self.steps, 'step')} of "
            f"{format_count(self.videos_per_step, 'video')} x {format_count(self.views, 'view')}, "
            f"{format_count(self.num_workers, 'reading process')})"
        )


class _WindowRecorder(Callback):
    """Keeps what would be logged."""

    def __init__(self) -> None:
        self.windows: list[LogWindow] = []

    def on_log(self, window: LogWindow) -> None:
        self.windows.append(window)


def measure_end_to_end(
    case: BenchCase,
    runtime: Runtime,
    data: DataConfig,
    *,
    steps: int = 6,
    num_workers: int | None = None,
) -> EndToEndTiming:
    """Train for some steps on videos, without saving anything; Ctrl-C ends it like anything else.

    Args:
        case: The model; its batch is clips, made of whole videos.
        runtime: Where and how.
        data: The videos.
        steps: Steps that count.
        num_workers: Reading processes; chosen as for a run if not given.

    Raises:
        TooManyUnreadableError: If more videos cannot be read than a run would allow.
    """
    videos = max(1, case.batch_size // data.views)
    num_workers = resolve_num_workers(num_workers, runtime)
    recorder = _WindowRecorder()
    runner = StepRunner(case, runtime)
    cubes = case.model.encoder.cubes
    schedule = BatchSchedule(
        global_batch_size=videos,
        micro_batch_size=videos,
        first_step=0,
        num_steps=_WARMUP_STEPS + steps,
    )
    manifests = load_manifests(data)

    with Loader(
        manifests,
        _repeat_source(data, manifests, videos=schedule.num_steps * videos),
        ReadingConfig(),
        cubes,
        schedule,
        seed=0,
        quarantine=Quarantine(None, manifests, max_share=data.max_unreadable_share),
        num_workers=num_workers,
        pin=runtime.device.type == "cuda",
    ) as loader:
        fit(
            runner.task,
            runner.optimizer,
            iterate_micro_batches(loader, cubes, runtime),
            _build_loop_config(schedule.num_steps),
            first_step=0,
            runtime=runtime,
            signals=SignalHandler(),  # nobody asks: there is nothing to save
            save=lambda step: None,
            callbacks=(recorder,),
        )
    return _summarize_windows(
        recorder.windows[1:], videos_per_step=videos, views=data.views, num_workers=num_workers
    )


def _repeat_source(data: DataConfig, manifests: Sequence[Manifest], *, videos: int) -> DataConfig:
    """The source taken as often as it takes for so many videos, all in one epoch, and decoded."""
    (source,), (manifest,) = data.sources, manifests
    source = replace(source, weight=videos / len(manifest))
    return replace(data, sources=(source,), cache="off")


def _summarize_windows(
    log_windows: Sequence[LogWindow], *, videos_per_step: int, views: int, num_workers: int
) -> EndToEndTiming:
    seconds = sum(report.seconds for report in log_windows)
    step_records = [record for report in log_windows for record in report.records]
    clips = sum(record.num_clips - views * record.num_unreadable for record in step_records)
    return EndToEndTiming(
        videos_per_step=videos_per_step,
        views=views,
        num_workers=num_workers,
        steps=len(step_records),
        clips_per_second=clips / seconds,
        data_wait_share=sum(report.wait_seconds for report in log_windows) / seconds,
    )


def _build_loop_config(steps: int) -> LoopConfig:
    return LoopConfig(
        steps=steps,
        gradient_accumulation_steps=1,
        lr_schedule=lambda step: 1e-5,
        clip_norm=CLIP_NORM,
        log_interval=_WARMUP_STEPS,
        checkpoint_interval=steps + 1,
        max_nonfinite_steps=steps + 1,
    )
