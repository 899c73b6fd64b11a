"""The whole report for people."""

from videomae2.jobs.bench.pretrain import BenchReport
from videomae2.jobs.bench.reading import ReadingNumbers
from videomae2.jobs.bench.tables import aligned, peak_table, step_table
from videomae2.jobs.bench.together import TogetherNumbers


def bench_text(report: BenchReport) -> str:
    """The whole report."""
    case = report.case
    parts = [f"machine  {report.machine}"]
    if report.peaks:
        parts.append(peak_table(report.peaks))
        clip = f"{case.frames}x{case.side}x{case.side}"
        parts.append(
            f"model step  {case.size}, {case.batch} clips of {clip}: forward, backward, limit of "
            f"the norm, AdamW; uint8 clips in memory\n{step_table(report.steps)}"
        )
    if report.videos:
        parts.append(f"videos   {report.videos}")
    if report.reading:
        parts.append(reading_table(report.reading))
    if report.together:
        parts.append(together_text(report.together))
    return "\n\n".join(parts)


def reading_table(numbers: ReadingNumbers) -> str:
    """The data path by stage."""
    whole = sum(numbers.stage_seconds.values())
    rows = [
        (stage, f"{1000 * spent:.2f}", f"{spent / whole:.0%}")
        for stage, spent in numbers.stage_seconds.items()
    ]
    rows.append(("together", f"{1000 * numbers.seconds:.2f}", "100%"))
    table = aligned(("data path, one core", "CPU ms/video", "share"), rows)
    rate = numbers.clips_per_second_per_core
    return f"{table}\n{rate:.0f} clips/s per core, {numbers.views} of each video"


def together_text(numbers: TogetherNumbers) -> str:
    """Training with data from files."""
    return (
        f"training with data  {numbers.clips_per_second:.2f} clips/s, "
        f"{numbers.data_wait_share:.1%} of the time waiting for data "
        f"({numbers.steps} steps of {numbers.videos_per_step} videos x {numbers.views} views, "
        f"{numbers.reading_processes} reading processes)"
    )
