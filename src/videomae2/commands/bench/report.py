"""Numbers of machine and model as tables for people; needs no more than a GPU image has."""

from collections.abc import Sequence

from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import MatmulPeak
from videomae2.commands.bench.model import StepTiming

_STEP_COLUMNS = (
    "masking", "precision", "batch", "s/step", "least", "most", "clips/s", "GFLOP/s", "of peak",
    "GiB",
)  # fmt: skip


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


def format_step_table(steps: Sequence[StepTiming], *, with_size: bool = False) -> str:
    """The model's steps."""
    rows = []
    for step in steps:
        words = [
            *([step.size] if with_size else []),
            step.masking,
            *(["compiled"] if step.compiled else []),
            *(["deterministic"] if step.deterministic else []),
        ]
        seconds = (step.median_seconds, step.min_seconds, step.max_seconds)
        rows.append(
            (
                ", ".join(words),
                step.precision,
                f"{step.batch_size}",
                *(f"{value:.3f}" if value >= 1 else f"{value:.4f}" for value in seconds),
                f"{step.clips_per_second:,.2f}",
                f"{step.flops_per_second / 1e9:,.0f}",
                "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}",
                f"{step.peak_memory_gib:.2f}",
            )
        )
    return align_columns(_STEP_COLUMNS, rows)
