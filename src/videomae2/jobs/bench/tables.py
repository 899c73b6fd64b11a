"""Numbers as a table for people."""

from collections.abc import Sequence

from videomae2.jobs.bench.model import StepNumbers
from videomae2.jobs.bench.peak import Peak
from videomae2.jobs.bench.pretrain import BenchReport
from videomae2.jobs.bench.reading import ReadingNumbers
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


def peak_table(peaks: Sequence[Peak]) -> str:
    """The machine's matrix products."""
    rows = [
        (
            peak.dtype,
            f"{peak.flops_per_second / 1e9:,.0f}",
            "x".join(map(str, peak.shape)),
            peak.library,
        )
        for peak in peaks
    ]
    return aligned(("matrix products", "GFLOP/s", "fastest shape", "by"), rows)


def step_table(steps: Sequence[StepNumbers]) -> str:
    """The model's steps."""
    head = [
        "masking",
        "precision",
        "batch",
        "s/step",
        "least",
        "most",
        "clips/s",
        "GFLOP/s",
        "of peak",
        "GiB",
    ]
    rows = [
        (
            f"{step.masking}{', compiled' if step.compiled else ''}",
            step.precision,
            f"{step.batch}",
            f"{step.median_seconds:.3f}",
            f"{step.least_seconds:.3f}",
            f"{step.most_seconds:.3f}",
            f"{step.clips_per_second:.2f}",
            f"{step.flops_per_second / 1e9:,.0f}",
            "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}",
            f"{step.memory_gib:.2f}",
        )
        for step in steps
    ]
    return aligned(head, rows)


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


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their heads: the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
