"""What was measured on a GPU, as values and as a page."""

from dataclasses import dataclass, field
from typing import Any

from videomae2.jobs.bench.model import StepNumbers
from videomae2.jobs.bench.peak import Peak


@dataclass
class Report:
    """All that was found, and what was left out."""

    machine: dict[str, Any]
    peaks: list[Peak] = field(default_factory=list)
    steps: list[StepNumbers] = field(default_factory=list)
    theirs: list[StepNumbers] = field(default_factory=list)
    """transformers' model, V1 masking."""
    largest: list[dict[str, Any]] = field(default_factory=list)
    profiles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def markdown(report: Report) -> str:
    """The report as a page."""
    machine = report.machine
    lines = [
        f"{machine['device']}, torch {machine['torch']}, {machine['date']}, "
        f"commit {machine['commit'] or 'unknown'}",
        "",
        *(
            f"- {peak.dtype} matrix products: {peak.flops_per_second / 1e12:.1f} TFLOP/s "
            f"({'x'.join(map(str, peak.shape))})"
            for peak in report.peaks
        ),
        "",
        "| size | masking | compiled | batch | ms/step | clips/s | TFLOP/s | of peak | GiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for step in (*report.steps, *report.theirs):
        share = "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}"
        lines.append(
            f"| {step.size} | {step.masking} | {'yes' if step.compiled else 'no'} | {step.batch} "
            f"| {1000 * step.median_seconds:.1f} | {step.clips_per_second:,.0f} "
            f"| {step.flops_per_second / 1e12:.2f} | {share} | {step.memory_gib:.1f} |"
        )
    if report.largest:
        lines += ["", "| size | largest batch | clips/s there |", "|---|---|---|"]
        lines += [
            f"| {row['size']} | {row['batch']} | {row['clips_per_second']:,.0f} |"
            for row in report.largest
        ]
    for title, rows in report.profiles.items():
        lines += [
            "",
            f"Most of a step of {title}:",
            "",
            "| ms/step | share | kernel |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row['ms_per_step']:.2f} | {row['share']:.1%} | `{row['kernel']}` |" for row in rows
        ]
    if report.left_out:
        lines += ["", "Left out: " + "; ".join(report.left_out) + "."]
    return "\n".join(lines) + "\n"
