"""What became of every key of foreign weights: for people, and as JSON."""

from dataclasses import dataclass, field

from videomae2.base.summary import Summary

_MAX_SHOWN = 4


@dataclass(kw_only=True, slots=True)
class KeyReport:
    """What became of every key: theirs are used or left out, ours are of theirs or made."""

    format: str
    """What the format is called."""
    used: dict[str, str] = field(default_factory=dict)
    """Their key, and ours."""
    reshaped: dict[str, str] = field(default_factory=dict)
    """Our key, and what was done to its numbers."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What is not taken over, and why."""
    made: dict[str, str] = field(default_factory=dict)
    """What stands in no file, and why it is right."""
    remarks: list[str] = field(default_factory=list)
    """What had to be assumed."""

    @property
    def renamed(self) -> dict[str, str]:
        """Keys with another name here, and theirs here."""
        return {theirs: ours for theirs, ours in self.used.items() if theirs != ours}

    def summarize(self) -> Summary:
        """Say it in a few lines."""
        counts = f"{len(self.used)} used, of them {len(self.renamed)} renamed"
        rows = [("format", self.format), ("keys", counts)]
        for label, entries in (
            ("reshaped", self.reshaped), ("left out", self.left_out), ("made", self.made)
        ):  # fmt: skip
            if entries:
                rows.append((label, "\n".join(_group(entries))))
        if self.remarks:
            rows.append(("remarks", "\n".join(self.remarks)))
        return Summary(tuple(rows))

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {
            "format": self.format,
            "used": self.used,
            "renamed": self.renamed,
            "reshaped": self.reshaped,
            "left_out": self.left_out,
            "made": self.made,
            "remarks": self.remarks,
        }


def _group(entries: dict[str, str]) -> list[str]:
    """One line for each reason, with the first keys that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in entries.items():
        by_reason.setdefault(reason, []).append(key)
    return [
        f"{', '.join(keys[:_MAX_SHOWN])}"
        f"{f' and {len(keys) - _MAX_SHOWN} more' if len(keys) > _MAX_SHOWN else ''}: {reason}"
        for reason, keys in by_reason.items()
    ]
