"""The report of a probe, for people and for programs."""

import json
from dataclasses import asdict
from typing import Any

from videomae2.jobs.probe.job import ProbeReport
from videomae2.jobs.probe.outcome import Outcome, Setting
from videomae2.jobs.probe.spans import in_words

NAMES = {"knn": "k-NN", "linear": "linear", "attentive": "attentive"}


def as_text(report: ProbeReport) -> str:
    """A few lines and a table."""
    lines = [
        f"weights   {report.weights} ({report.encoder})",
        f"clips     {report.clips} of each video, {in_words(report.span)}",
        f"train     {report.train_videos} videos of {len(report.classes)} classes: {report.train}",
        f"test      {report.test_videos} videos: {report.test}",
    ]
    if report.unreadable:
        lines.append(f"left out  {len(report.unreadable)} videos that cannot be read (--json)")
    lines += ["", *_table(report), ""]
    lines += [f"{NAMES[one.method]}: {note}" for one in report.outcomes for note in one.notes]
    lines += _neighbours(report)
    lines.append(f"features are kept in {report.cache}")
    return "\n".join(lines)


def _table(report: ProbeReport) -> list[str]:
    head = ("probe", "top-1", "95 % interval", "top-5", "mean class", "validation", "chosen")
    rows = [_row(one) for one in report.outcomes]
    rows.append(("chance", _percent(report.chance), "", "", "", "", "the most frequent class"))
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number in (0, 6) else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def _row(one: Outcome) -> tuple[str, ...]:
    accuracy = one.accuracy
    return (
        NAMES[one.method],
        _percent(accuracy.value),
        f"{_percent(accuracy.low)} to {_percent(accuracy.high)}",
        _percent(one.top_5),
        _percent(one.mean_class),
        _percent(one.validation),
        _words(one.chosen),
    )


def _neighbours(report: ProbeReport) -> list[str]:
    """Test accuracy of every k, with the features and the vote that were chosen."""
    for one in report.outcomes:
        if one.method == "knn":
            same = [t for t in one.tried if all(
                t.setting[name] == one.chosen[name] for name in ("features", "vote"))]  # fmt: skip
            values = ", ".join(f"{t.setting['k']}: {_percent(t.test or 0.0)}" for t in same)
            return [f"k-NN by k: {values}"]
    return []


def _words(setting: Setting) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in setting.items()
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def as_json(report: ProbeReport) -> str:
    """Everything, on one line."""
    return json.dumps(asdict(report), default=_plain)


def _plain(value: Any) -> Any:
    return str(value)
