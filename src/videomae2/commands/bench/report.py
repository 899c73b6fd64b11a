"""The whole report for people."""

from videomae2.commands.bench.data import ReadingTiming
from videomae2.commands.bench.end_to_end import EndToEndTiming
from videomae2.commands.bench.run import BenchReport
from videomae2.commands.bench.tables import align_columns, format_peak_table, format_step_table


def format_report(report: BenchReport) -> str:
    """The whole report."""
    case = report.case
    parts = [f"machine  {report.machine}"]
    if report.peaks:
        parts.append(format_peak_table(report.peaks))
        clip = f"{case.frames}x{case.side}x{case.side}"
        parts.append(
            f"model step  {case.size}, {case.batch_size} clips of {clip}: forward, backward, limit "
            f"of the norm, AdamW; uint8 clips in memory\n{format_step_table(report.steps)}"
        )
    if report.videos:
        parts.append(f"videos   {report.videos}")
    if report.reading:
        parts.append(format_reading_table(report.reading))
    if report.end_to_end:
        parts.append(format_end_to_end(report.end_to_end))
    return "\n\n".join(parts)


def format_reading_table(numbers: ReadingTiming) -> str:
    """The data path by stage."""
    total = sum(numbers.stage_seconds.values())
    rows = [
        (stage, f"{1000 * spent:.2f}", f"{spent / total:.0%}")
        for stage, spent in numbers.stage_seconds.items()
    ]
    rows.append(("together", f"{1000 * numbers.seconds:.2f}", "100%"))
    table = align_columns(("data path, one core", "CPU ms/video", "share"), rows)
    rate = numbers.clips_per_second_per_core
    return f"{table}\n{rate:.0f} clips/s per core, {numbers.views} of each video"


def format_end_to_end(numbers: EndToEndTiming) -> str:
    """Training with data from files."""
    return (
        f"training with data  {numbers.clips_per_second:.2f} clips/s, "
        f"{numbers.data_wait_share:.1%} of the time waiting for data "
        f"({numbers.steps} steps of {numbers.videos_per_step} videos x {numbers.views} views, "
        f"{numbers.num_workers} reading processes)"
    )
