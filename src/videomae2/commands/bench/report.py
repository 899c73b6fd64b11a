"""Numbers of machine and model as tables for people; needs no more than a GPU image has."""

from collections.abc import Sequence

from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import MatmulPeak
from videomae2.commands.bench.model import StepTiming


def format_peak_table(peaks: Sequence[MatmulPeak]) -> str:
    """The machine's matrix products."""
    rows = [
        (
            peak.dtype,
            f"{peak.flops_per_second / 1e9:,.0f}",
            "x".join(map(str, peak.shape)),
            peak.backend,
        )
        for peak in peaks
    ]
    return align_columns(("matrix products", "GFLOP/s", "fastest shape", "by"), rows)


def format_step_table(steps: Sequence[StepTiming]) -> str:
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
            f"{step.batch_size}",
            f"{step.median_seconds:.3f}",
            f"{step.min_seconds:.3f}",
            f"{step.max_seconds:.3f}",
            f"{step.clips_per_second:.2f}",
            f"{step.flops_per_second / 1e9:,.0f}",
            "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}",
            f"{step.memory_gib:.2f}",
        )
        for step in steps
    ]
    return align_columns(head, rows)
