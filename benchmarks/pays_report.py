"""The comparison in numbers: a page in Markdown for people, JSON with everything for machines."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pays_data import SpeakerVideo, list_speakers
from pays_steps import ARMS, PRETRAINED, SCRATCH, ComparisonPlan, Findings, TestResult

from videomae2.base.files import atomic_write
from videomae2.base.text import format_duration
from videomae2.commands.bench.machine import Machine
from videomae2.data.manifests.manifest import Entry
from videomae2.data.splits.overlap import format_entry_id
from videomae2.metrics.bootstrap import Comparison, Interval, compare_by_video


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """One share of labels, all seeds together."""

    share: int
    mean: dict[str, float]
    """Mean accuracy of each arm."""
    spread: dict[str, float | None]
    """Standard deviation over the seeds (n - 1), of each arm; None for one seed."""
    by_seed: dict[int, Comparison]
    """Pre-trained minus from scratch, paired over videos."""
    pooled: Comparison
    """The same of each video's mean over the seeds."""
    speakers: dict[str, dict[str, float]]
    """Mean accuracy by unseen speaker and arm."""


def summarize_seeds(plan: ComparisonPlan, findings: Findings) -> list[SeedSummary]:
    """Put the seeds of each share together."""
    return [
        _summarize_share(share, [one for one in findings.test_results if one.share == share], plan)
        for share in plan.shares
    ]


def _summarize_share(share: int, judged: Sequence[TestResult], plan: ComparisonPlan) -> SeedSummary:
    arms = {arm: {one.seed: one for one in judged if one.arm == arm} for arm in ARMS}
    accuracies = {arm: [one.accuracy.value for one in arms[arm].values()] for arm in ARMS}
    hits = {arm: _compute_mean_hits(list(arms[arm].values())) for arm in ARMS}
    return SeedSummary(
        share,
        mean={arm: fmean(accuracies[arm]) for arm in ARMS},
        spread={arm: stdev(a) if len(a) > 1 else None for arm, a in accuracies.items()},
        by_seed={
            seed: compare_by_video(arms[PRETRAINED][seed].hits, arms[SCRATCH][seed].hits)
            for seed in plan.seeds
        },
        pooled=compare_by_video(hits[PRETRAINED], hits[SCRATCH]),
        speakers=_compute_speaker_accuracy(plan.protocol.root, plan.protocol.test, hits),
    )


def _compute_mean_hits(judged: Sequence[TestResult]) -> dict[Hashable, float]:
    return {video: fmean(one.hits[video] for one in judged) for video in judged[0].hits}


def _compute_speaker_accuracy(
    root: Path, test: Sequence[SpeakerVideo], hits: dict[str, dict[Hashable, float]]
) -> dict[str, dict[str, float]]:
    """Mean accuracy of each arm on each speaker; without videos that could not be read."""
    speaker_by_video: dict[Hashable, str] = {
        format_entry_id(Entry(path=str(root / video.path))): video.speaker for video in test
    }
    return {
        speaker: {
            arm: fmean(
                hit for video, hit in hits[arm].items() if speaker_by_video[video] == speaker
            )
            for arm in ARMS
        }
        for speaker in list_speakers(test)
    }


def report_to_json(
    plan: ComparisonPlan, findings: Findings, machine: Machine, command: str
) -> dict[str, Any]:
    """Everything, with what belongs to every number: machine, date, commit, command."""
    protocol = plan.protocol
    return {
        "machine": asdict(machine),
        "command": command,
        "settings": asdict(plan.settings),
        "seeds": list(plan.seeds),
        "rates": list(plan.rates),
        "mixed": sorted(plan.mixed),
        "videos": {
            "unlabelled": len(protocol.unlabelled),
            "test": len(protocol.test),
            "test_speakers": list_speakers(protocol.test),
            "validation_speakers": list(protocol.validation),
        },
        "seconds": findings.seconds,
        "pretraining_loss": findings.losses,
        "search": [
            {
                "share": one.share,
                "arm": one.arm,
                "best": one.best,
                "at_edge": one.at_edge,
                "found": {f"{rate:g}": found for rate, found in one.metrics.items()},
            }
            for one in findings.searches
        ],
        "tests": [
            {
                "share": one.share,
                "arm": one.arm,
                "seed": one.seed,
                "rate": one.rate,
                "accuracy": asdict(one.accuracy),
                "videos": len(one.hits),
            }
            for one in findings.test_results
        ],
        "over_seeds": [asdict(one) for one in summarize_seeds(plan, findings)],
    }


def format_markdown(
    plan: ComparisonPlan, findings: Findings, machine: Machine, command: str
) -> str:
    """The page, as it can stand in docs/benchmarks.md."""
    protocol, settings, rows = plan.protocol, plan.settings, summarize_seeds(plan, findings)
    encoder = settings.encoder
    shape = f"{encoder.frames}x{encoder.height}x{encoder.width}"
    mixed = f" with {' and '.join(sorted(plan.mixed))}" if plan.mixed else ""
    parts = [
        f"{machine}",
        f"    {command}",
        f"ViT-{encoder.size}, clips of {shape}. Pre-training: {settings.pretrain_steps} steps of "
        f"{settings.pretrain_batch} videos x {settings.pretrain_views} views, of "
        f"{len(protocol.unlabelled)} videos without labels{mixed}; last losses "
        f"{_format_losses(findings)}. "
        f"Fine-tuning: {settings.finetune_steps} steps of {settings.finetune_batch} clips. Test: "
        f"{len(protocol.test)} videos of {len(list_speakers(protocol.test))} speakers that no step "
        f"has seen. In all {format_duration(sum(findings.seconds.values(), 0.0))}.",
        "Accuracy in per cent with 95 % bootstrap intervals over videos; the difference is paired.",
        "\n".join(_format_accuracy_table(plan, findings, rows)),
        "By speaker, mean over the seeds:",
        "\n".join(_format_speaker_table(rows)),
    ]
    if findings.searches:
        speaker_names = ", ".join(protocol.validation)
        parts += [
            f"Rates (for 256 views) by accuracy on the training speakers {speaker_names}, who were "
            f"left out of fine-tuning there, seed {plan.seeds[0]}; the best of each line is in bold"
            f"{_format_edges(findings)}:",
            "\n".join(_format_search_table(plan, findings)),
        ]
    return "\n\n".join(parts) + "\n"


def _format_accuracy_table(
    plan: ComparisonPlan, findings: Findings, rows: Sequence[SeedSummary]
) -> list[str]:
    lines = _format_table_head("labels per class", "seed", *ARMS, "difference")
    tests = {(one.share, one.seed, one.arm): one.accuracy for one in findings.test_results}
    for row in rows:
        for seed in plan.seeds:
            cells = [_format_percent(tests[row.share, seed, arm]) for arm in ARMS]
            difference = _format_percent(row.by_seed[seed].difference, sign=True)
            lines.append(_format_row(_format_labels(row.share), str(seed), *cells, difference))
        cells = [f"**{100 * row.mean[arm]:.1f}**{_format_spread(row.spread[arm])}" for arm in ARMS]
        difference = f"**{_format_percent(row.pooled.difference, sign=True)}**"
        lines.append(_format_row(_format_labels(row.share), "all", *cells, difference))
    return lines


def _format_speaker_table(rows: Sequence[SeedSummary]) -> list[str]:
    lines = _format_table_head("labels per class", "speaker", *ARMS)
    for row in rows:
        for speaker, accuracies in row.speakers.items():
            cells = [f"{100 * accuracies[arm]:.1f}" for arm in ARMS]
            lines.append(_format_row(_format_labels(row.share), speaker, *cells))
    return lines


def _format_search_table(plan: ComparisonPlan, findings: Findings) -> list[str]:
    lines = _format_table_head("labels per class", "", *(f"{rate:g}" for rate in plan.rates))
    for search in findings.searches:
        cells = []
        for rate in plan.rates:
            text = f"{100 * search.metrics[rate]['accuracy']:.1f}"
            cells.append(f"**{text}**" if rate == search.best else text)
        lines.append(_format_row(_format_labels(search.share), search.arm, *cells))
    return lines


def write_report(plan: ComparisonPlan, findings: Findings, machine: Machine, command: str) -> str:
    """Write both files into the folder of the comparison, and give the page."""
    page = format_markdown(plan, findings, machine, command)
    numbers = json.dumps(report_to_json(plan, findings, machine, command), indent=1) + "\n"
    for name, text in (("results.md", page), ("results.json", numbers)):
        with atomic_write(plan.out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return page


def _format_edges(findings: Findings) -> str:
    edges = [f"{one.arm} ({_format_labels(one.share)})" for one in findings.searches if one.at_edge]
    return f", at the edge of what was tried for {', '.join(edges)}" if edges else ""


def _format_losses(findings: Findings) -> str:
    return ", ".join(f"{loss:.3f}" for loss in findings.losses.values())


def _format_percent(interval: Interval, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    value, low, high = (100 * v for v in (interval.value, interval.low, interval.high))
    return f"{value:{plus}.1f} [{low:{plus}.1f}, {high:{plus}.1f}]"


def _format_spread(value: float | None) -> str:
    return "" if value is None else f" ± {100 * value:.1f}"


def _format_labels(share: int) -> str:
    return str(share or "all")


def _format_table_head(*names: str) -> list[str]:
    return [_format_row(*names), "|" + "---|" * len(names)]


def _format_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
