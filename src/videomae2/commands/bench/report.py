"""What was measured as tables for people, and as files; needs no more than a GPU image has."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write
from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import Machine, MatmulPeak
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


@dataclass
class GpuReport:
    """All that was found on a GPU, and what was left out."""

    machine: Machine
    peaks: list[MatmulPeak] = field(default_factory=list)
    steps: list[StepTiming] = field(default_factory=list)
    baseline_steps: list[StepTiming] = field(default_factory=list)
    """transformers' model, V1 masking."""
    largest: list[dict[str, Any]] = field(default_factory=list)
    profiles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """What was still to do when this was written, and first what was being done."""


def write_report(report: GpuReport, folder: Path) -> None:
    """Write gpu.json and gpu.md, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "gpu.json": json.dumps(asdict(report), indent=2) + "\n",
        "gpu.md": format_markdown(report),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as path:
            path.write_text(text)


def format_markdown(report: GpuReport) -> str:
    """The report as a page: its tables as text."""
    tables = {"": format_peak_table(report.peaks)} if report.peaks else {}
    tables["Steps:"] = format_step_table([*report.steps, *report.baseline_steps], with_size=True)
    if report.largest:
        largest = [
            (row["size"], f"{row['batch']}", row["limited_by"], f"{row['clips_per_second']:,.0f}")
            for row in report.largest
        ]
        head = ("size", "largest batch", "limited by", "clips/s there")
        tables["Largest batches:"] = align_columns(head, largest)
    for title, rows in report.profiles.items():
        kernels = [
            (f"{row['ms_per_step']:.2f}", f"{row['share']:.1%}", row["kernel"]) for row in rows
        ]
        table = align_columns(("ms/step", "share", "kernel"), kernels, num_left=3)
        tables[f"Most of a step of {title}:"] = table
    remarks = (
        ("Smaller batches: ", report.remarks),
        ("Left out: ", report.skipped),
        ("Not finished when this was written: ", report.unfinished),
    )
    parts = [
        str(report.machine),
        *(f"{title}\n\n```\n{table}\n```".lstrip() for title, table in tables.items()),
        *(f"{head}{'; '.join(lines)}." for head, lines in remarks if lines),
    ]
    return "\n\n".join(parts) + "\n"
