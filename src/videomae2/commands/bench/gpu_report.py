"""What was measured on a GPU, as values, as files and as a page."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write
from videomae2.commands.bench.machine import MatmulPeak
from videomae2.commands.bench.model import StepTiming


@dataclass
class GpuReport:
    """All that was found, and what was left out."""

    machine: dict[str, Any]
    peaks: list[MatmulPeak] = field(default_factory=list)
    steps: list[StepTiming] = field(default_factory=list)
    baseline_steps: list[StepTiming] = field(default_factory=list)
    """transformers' model, V1 masking."""
    largest: list[dict[str, Any]] = field(default_factory=list)
    profiles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
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
    """The report as a page."""
    remarks = (
        ("Smaller batches: ", report.notes),
        ("Left out: ", report.skipped),
        ("Not finished when this was written: ", report.unfinished),
    )
    parts = [
        _format_head(report),
        _format_steps(report),
        *([_format_largest(report)] if report.largest else []),
        *(_format_profile(title, rows) for title, rows in report.profiles.items()),
        *(f"{head}{'; '.join(lines)}." for head, lines in remarks if lines),
    ]
    return "\n\n".join(parts) + "\n"


def _format_head(report: GpuReport) -> str:
    machine = report.machine
    first = (
        f"{machine['device']}, torch {machine['torch']}, {machine['date']}, "
        f"commit {machine['commit'] or 'unknown'}"
    )
    peaks = [
        f"- {peak.dtype} matrix products: {peak.flops_per_second / 1e12:.1f} TFLOP/s "
        f"({'x'.join(map(str, peak.shape))})"
        for peak in report.peaks
    ]
    return "\n\n".join([first, *(["\n".join(peaks)] if peaks else [])])


def _format_steps(report: GpuReport) -> str:
    head = "size|masking|compiled|deterministic|batch|ms/step|clips/s|TFLOP/s|of peak|GiB"
    return _format_table(
        head.split("|"), [_format_step(one) for one in (*report.steps, *report.baseline_steps)]
    )


def _format_step(step: StepTiming) -> list[str]:
    return [
        step.size,
        step.masking,
        "yes" if step.compiled else "no",
        "yes" if step.deterministic else "no",
        f"{step.batch_size}",
        f"{1000 * step.median_seconds:.1f}",
        f"{step.clips_per_second:,.0f}",
        f"{step.flops_per_second / 1e12:.2f}",
        "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}",
        f"{step.memory_gib:.1f}",
    ]


def _format_largest(report: GpuReport) -> str:
    rows = [
        [row["size"], f"{row['batch']}", row["limited_by"], f"{row['clips_per_second']:,.0f}"]
        for row in report.largest
    ]
    return _format_table(["size", "largest batch", "limited by", "clips/s there"], rows)


def _format_profile(title: str, rows: list[dict[str, Any]]) -> str:
    cells = [
        [f"{row['ms_per_step']:.2f}", f"{row['share']:.1%}", f"`{row['kernel']}`"] for row in rows
    ]
    return f"Most of a step of {title}:\n\n{_format_table(['ms/step', 'share', 'kernel'], cells)}"


def _format_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
