"""The comparison in numbers: paired intervals, a table, a picture, and JSON of everything.

Axes: seeds, videos of the test, resamples.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from jaxtyping import Float64
from own_videos_jobs import PRETRAINED, SCRATCH, Comparison

from videomae2.base.files import atomic_write_text
from videomae2.base.text import format_duration
from videomae2.commands.bench.machine import Machine
from videomae2.metrics.bootstrap import CONFIDENCE, N_RESAMPLES, Interval
from videomae2.reports.charts import COLORS, draw_legend, open_png, set_percent

Hits = Sequence[Mapping[str, float]]
"""1 or 0 of each test video by its name, for each seed."""
_MEASURES = {
    "frozen": "frozen time slots, ridge",
    "finetuned": "fine-tuned, {labels} labels a class",
}
_RIVALS = {"frozen": "fresh weights", "finetuned": "from scratch"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmComparison:
    """Pre-trained beside something else, on the same test videos."""

    recipe: str
    measure: str
    """frozen or finetuned."""
    pretrained: list[float]
    """Accuracy of each seed."""
    rival: list[float]
    difference: Interval
    """Over test videos and seeds."""
    difference_videos: Interval
    """Over test videos alone."""

    @property
    def is_clear(self) -> bool:
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True, slots=True)
class PixelRow:
    """A ridge classifier of pixels, and how far the frozen time slots are above it."""

    recipe: str
    pixels: str
    accuracy: float
    difference: Interval


def bootstrap_difference(
    values: Hits, rivals: Hits, *, resample_seeds: bool, seed: int = 0
) -> Interval:
    """The mean difference and its interval, by drawing videos, and seeds, with replacement.

    Raises:
        ValueError: A video has a value on one side only.
    """
    names = list(values[0])
    if any(set(one) != set(names) for one in (*values, *rivals)):
        raise ValueError("the test videos of two runs differ")
    sides = [np.array([[one[name] for name in names] for one in side]) for side in (values, rivals)]
    differences = sides[0] - sides[1]
    rng = np.random.default_rng(seed)
    num_seeds, num_videos = differences.shape
    even = np.full((N_RESAMPLES, num_seeds), 1 / num_seeds)
    seeds = rng.multinomial(num_seeds, even[0], size=N_RESAMPLES) / num_seeds
    videos = rng.multinomial(num_videos, np.full(num_videos, 1 / num_videos), size=N_RESAMPLES)
    weights = seeds if resample_seeds else even
    samples: Float64[np.ndarray, " resamples"] = np.einsum(
        "rs,rs->r", weights, videos @ differences.T / num_videos
    )
    low, high = np.quantile(samples, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(differences.mean()), float(low), float(high))


def compare_arms(comparison: Comparison) -> tuple[list[ArmComparison], list[PixelRow]]:
    """Read what the commands found, and hold both sides against each other."""
    arms, pixels = [], []
    for recipe in comparison.settings.recipes:
        seeds = comparison.settings.seeds
        probes = [comparison.load_output(f"{recipe}/probe-seed{seed}") for seed in seeds]
        frozen = [_list_hits(probe, probe["results"][0]) for probe in probes]
        random = [_list_hits(probe, _find_baselines(probe, "random")[0]) for probe in probes]
        arms.append(_compare(recipe, "frozen", frozen, random))
        finetuned, scratch = (
            [comparison.load_hits(recipe, arm, seed) for seed in seeds]
            for arm in (PRETRAINED, SCRATCH)
        )
        arms.append(_compare(recipe, "finetuned", finetuned, scratch))
        for result in _find_baselines(probes[0], "pixels"):
            hits = _list_hits(probes[0], result)
            difference = bootstrap_difference(frozen, [hits] * len(seeds), resample_seeds=True)
            accuracy = fmean(hits.values())
            pixels.append(PixelRow(recipe, result["pooling"], accuracy, difference))
    return arms, pixels


def _compare(recipe: str, measure: str, values: Hits, rivals: Hits) -> ArmComparison:
    return ArmComparison(
        recipe=recipe,
        measure=measure,
        pretrained=[fmean(hits.values()) for hits in values],
        rival=[fmean(hits.values()) for hits in rivals],
        difference=bootstrap_difference(values, rivals, resample_seeds=True),
        difference_videos=bootstrap_difference(values, rivals, resample_seeds=False),
    )


def _list_hits(probe: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, float]:
    return dict(zip(probe["test_videos"], map(float, result["hits"]), strict=True))


def _find_baselines(probe: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [each["result"] for each in probe["baselines"] if each["baseline"] == name]


def write_report(
    comparison: Comparison,
    arms: Sequence[ArmComparison],
    pixels: Sequence[PixelRow],
    *,
    title: str,
    facts: Mapping[str, str],
    seconds: Mapping[str, float],
    machine: Machine,
    out: Path,
) -> str:
    """Write NAME.md, NAME.json and NAME.png for ``out`` = NAME, and give the page."""
    labels = comparison.settings.labels
    search = {recipe: comparison.load_search(recipe) for recipe in comparison.settings.recipes}
    numbers = {
        "machine": asdict(machine),
        "facts": dict(facts),
        "seeds": list(comparison.settings.seeds),
        "labels_per_class": labels,
        "comparisons": [asdict(arm) | {"is_clear": arm.is_clear} for arm in arms],
        "pixels": [asdict(row) for row in pixels],
        "search": {
            recipe: {f"{rate:g}": value for rate, value in found.items()}
            for recipe, found in search.items()
        },
        "seconds": dict(seconds),
    }
    page = "\n\n".join(
        [
            f"## {title}",
            f"{machine}. Commands of one thread; all together took "
            f"{format_duration(sum(seconds.values(), 0.0))}.",
            "\n".join(f"* {name}: {text}" for name, text in facts.items()),
            "\n".join(_format_arms(arms, labels)),
            "\n".join(_format_pixels(pixels)),
            f"![{title}]({out.name}.png)",
        ]
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(out.with_name(f"{out.name}.md"), page + "\n")
    atomic_write_text(out.with_name(f"{out.name}.json"), json.dumps(numbers, indent=1) + "\n")
    _draw(out.with_name(f"{out.name}.png"), arms, pixels, labels, title)
    return page


def _format_arms(arms: Sequence[ArmComparison], labels: int) -> list[str]:
    lines = _format_head("recipe", "what", "pre-trained", "without", "difference")
    for arm in arms:
        rival = f"{_format_seeds(arm.rival)} ({_RIVALS[arm.measure]})"
        what = _MEASURES[arm.measure].format(labels=labels)
        difference = f"**{_format_interval(arm.difference)}**"
        lines.append(
            _format_row(arm.recipe, what, _format_seeds(arm.pretrained), rival, difference)
        )
    return lines


def _format_pixels(pixels: Sequence[PixelRow]) -> list[str]:
    lines = _format_head("recipe", "ridge on pixels", "accuracy", "frozen time slots minus it")
    for row in pixels:
        accuracy = f"{100 * row.accuracy:.1f}"
        lines.append(
            _format_row(row.recipe, row.pixels, accuracy, _format_interval(row.difference))
        )
    return lines


def _format_seeds(values: Sequence[float]) -> str:
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * fmean(values):.1f}{spread}"


def _format_interval(interval: Interval) -> str:
    value, low, high = (100 * v for v in (interval.value, interval.low, interval.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _format_head(*names: str) -> list[str]:
    return [_format_row(*names), "|" + "---|" * len(names)]


def _format_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _draw(
    path: Path,
    arms: Sequence[ArmComparison],
    pixels: Sequence[PixelRow],
    labels: int,
    title: str,
) -> None:
    """Bars of means with a dot for each seed, and lines where pixels stand."""
    size = (2.6 + 1.7 * len(arms), 3.8)
    with open_png(path, size=size, dpi=150, padding=(0.08, 0.08)) as figure:
        axes = figure.subplots()
        names = []
        for number, arm in enumerate(arms):
            for offset, name in ((-0.2, "without"), (0.2, "pre-trained")):
                values = arm.rival if name == "without" else arm.pretrained
                color, x = COLORS["c5" if name == "without" else "c0"], number + offset
                label = "" if number else name
                axes.bar(x, fmean(values), 0.36, color=color, alpha=0.55, label=label)
                axes.plot([x] * len(values), values, "o", color=color, markersize=4)
            top = max(*arm.rival, *arm.pretrained)
            text = _format_interval(arm.difference)
            axes.annotate(text, (number, top), (0, 6), textcoords="offset points", ha="center")
            what = _MEASURES[arm.measure].format(labels=labels)
            names.append(f"{arm.recipe}\n{what}\nagainst {_RIVALS[arm.measure]}")
            for row in pixels if arm.measure == "frozen" else ():
                if row.recipe == arm.recipe:
                    style, label = ("--" if row.pixels == "plain" else ":"), f"pixels {row.pixels}"
                    ends = number - 0.42, number + 0.42
                    axes.hlines(
                        row.accuracy, *ends, COLORS["c1"], style, label="" if number else label
                    )
        axes.set_xticks(range(len(arms)), names)
        set_percent(axes.yaxis)
        axes.set_ylim(0, 1.12 * max(axes.get_ylim()[1], *(row.accuracy for row in pixels)))
        draw_legend(axes)
        num_seeds = len(arms[0].pretrained)
        figure.suptitle(f"{title}: accuracy on the test, {num_seeds} seeds", x=0.01, ha="left")
