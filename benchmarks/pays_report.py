"""The comparison in numbers: a page in Markdown for people, JSON with everything for machines."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pays_findings import ARMS, PRETRAINED, SCRATCH, Findings, Judged, Plan
from pays_lists import Video, speakers_of

from videomae2.data.identity import identity
from videomae2.data.manifest import Entry
from videomae2.engine.runlog import duration
from videomae2.jobs.bench.machine import Machine
from videomae2.jobs.whole_files import written_whole
from videomae2.tensors.intervals import Comparison, Interval, compare_by_video


@dataclass(frozen=True, slots=True)
class OverSeeds:
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


def over_seeds(plan: Plan, findings: Findings) -> list[OverSeeds]:
    """Put the seeds of each share together."""
    return [
        _together(share, [one for one in findings.judged if one.share == share], plan)
        for share in plan.shares
    ]


def _together(share: int, judged: Sequence[Judged], plan: Plan) -> OverSeeds:
    arms = {arm: {one.seed: one for one in judged if one.arm == arm} for arm in ARMS}
    accuracies = {arm: [one.accuracy.value for one in arms[arm].values()] for arm in ARMS}
    hits = {arm: _mean_hits(list(arms[arm].values())) for arm in ARMS}
    return OverSeeds(
        share,
        mean={arm: fmean(accuracies[arm]) for arm in ARMS},
        spread={arm: stdev(a) if len(a) > 1 else None for arm, a in accuracies.items()},
        by_seed={
            seed: compare_by_video(arms[PRETRAINED][seed].hits, arms[SCRATCH][seed].hits)
            for seed in plan.seeds
        },
        pooled=compare_by_video(hits[PRETRAINED], hits[SCRATCH]),
        speakers=_by_speaker(plan.protocol.root, plan.protocol.test, hits),
    )


def _mean_hits(judged: Sequence[Judged]) -> dict[Hashable, float]:
    return {video: fmean(one.hits[video] for one in judged) for video in judged[0].hits}


def _by_speaker(
    root: Path, test: Sequence[Video], hits: dict[str, dict[Hashable, float]]
) -> dict[str, dict[str, float]]:
    """Mean accuracy of each arm on each speaker; without videos that could not be read."""
    named: dict[Hashable, str] = {
        identity(Entry(path=str(root / video.path))): video.speaker for video in test
    }
    return {
        speaker: {
            arm: fmean(hit for video, hit in hits[arm].items() if named[video] == speaker)
            for arm in ARMS
        }
        for speaker in speakers_of(test)
    }


def as_json(plan: Plan, findings: Findings, machine: Machine, command: str) -> dict[str, Any]:
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
            "test_speakers": speakers_of(protocol.test),
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
                "found": {f"{rate:g}": found.values for rate, found in one.found.items()},
            }
            for one in findings.searched
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
            for one in findings.judged
        ],
        "over_seeds": [asdict(one) for one in over_seeds(plan, findings)],
    }


def as_markdown(plan: Plan, findings: Findings, machine: Machine, command: str) -> str:
    """The page, as it can stand in docs/benchmarks.md."""
    protocol, settings, rows = plan.protocol, plan.settings, over_seeds(plan, findings)
    encoder = settings.encoder
    shape = f"{encoder.frames}x{encoder.height}x{encoder.width}"
    mixed = f" with {' and '.join(sorted(plan.mixed))}" if plan.mixed else ""
    parts = [
        f"{machine}",
        f"    {command}",
        f"ViT-{encoder.size}, clips of {shape}. Pre-training: {settings.pretrain_steps} steps of "
        f"{settings.pretrain_batch} videos x {settings.pretrain_views} views, of "
        f"{len(protocol.unlabelled)} videos without labels{mixed}; last losses "
        f"{_losses(findings)}. "
        f"Fine-tuning: {settings.finetune_steps} steps of {settings.finetune_batch} clips. Test: "
        f"{len(protocol.test)} videos of {len(speakers_of(protocol.test))} speakers that no step "
        f"has seen. In all {duration(sum(findings.seconds.values(), 0.0))}.",
        "Accuracy in per cent with 95 % bootstrap intervals over videos; the difference is paired.",
        "\n".join(_accuracy_table(plan, findings, rows)),
        "By speaker, mean over the seeds:",
        "\n".join(_speaker_table(rows)),
    ]
    if findings.searched:
        apart = ", ".join(protocol.validation)
        parts += [
            f"Rates (for 256 views) by accuracy on the training speakers {apart}, who were left "
            f"out of fine-tuning there, seed {plan.seeds[0]}; the best of each line is in bold"
            f"{_edges(findings)}:",
            "\n".join(_search_table(plan, findings)),
        ]
    return "\n\n".join(parts) + "\n"


def _accuracy_table(plan: Plan, findings: Findings, rows: Sequence[OverSeeds]) -> list[str]:
    lines = _table("labels per class", "seed", *ARMS, "difference")
    tests = {(one.share, one.seed, one.arm): one.accuracy for one in findings.judged}
    for row in rows:
        for seed in plan.seeds:
            cells = [_percent(tests[row.share, seed, arm]) for arm in ARMS]
            apart = _percent(row.by_seed[seed].difference, sign=True)
            lines.append(_line(_labels(row.share), str(seed), *cells, apart))
        cells = [f"**{100 * row.mean[arm]:.1f}**{_spread(row.spread[arm])}" for arm in ARMS]
        apart = f"**{_percent(row.pooled.difference, sign=True)}**"
        lines.append(_line(_labels(row.share), "all", *cells, apart))
    return lines


def _speaker_table(rows: Sequence[OverSeeds]) -> list[str]:
    lines = _table("labels per class", "speaker", *ARMS)
    for row in rows:
        for speaker, found in row.speakers.items():
            cells = [f"{100 * found[arm]:.1f}" for arm in ARMS]
            lines.append(_line(_labels(row.share), speaker, *cells))
    return lines


def _search_table(plan: Plan, findings: Findings) -> list[str]:
    lines = _table("labels per class", "", *(f"{rate:g}" for rate in plan.rates))
    for one in findings.searched:
        cells = []
        for rate in plan.rates:
            text = f"{100 * one.found[rate].values['accuracy']:.1f}"
            cells.append(f"**{text}**" if rate == one.best else text)
        lines.append(_line(_labels(one.share), one.arm, *cells))
    return lines


def write_report(plan: Plan, findings: Findings, machine: Machine, command: str) -> str:
    """Write both files into the folder of the comparison, and give the page."""
    page = as_markdown(plan, findings, machine, command)
    numbers = json.dumps(as_json(plan, findings, machine, command), indent=1) + "\n"
    for name, text in (("results.md", page), ("results.json", numbers)):
        with written_whole(plan.out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return page


def _edges(findings: Findings) -> str:
    edges = [f"{one.arm} ({_labels(one.share)})" for one in findings.searched if one.at_edge]
    return f", at the edge of what was tried for {', '.join(edges)}" if edges else ""


def _losses(findings: Findings) -> str:
    return ", ".join(f"{loss:.3f}" for loss in findings.losses.values())


def _percent(one: Interval, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    return f"{100 * one.value:{plus}.1f} [{100 * one.low:{plus}.1f}, {100 * one.high:{plus}.1f}]"


def _spread(value: float | None) -> str:
    return "" if value is None else f" ± {100 * value:.1f}"


def _labels(share: int) -> str:
    return str(share or "all")


def _table(*names: str) -> list[str]:
    return [_line(*names), "|" + "---|" * len(names)]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
