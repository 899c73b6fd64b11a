"""What commands say and pages show, freed of machine, moment and place, and the texts kept of it.

A text under ``expected`` is compared line by line; ``--update-snapshots`` writes it anew, and
``git diff`` shows what changed.
"""

import json
import re
from dataclasses import dataclass, field
from difflib import unified_diff
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

EXPECTED = Path(__file__).parent / "expected"

_VOLATILE = [
    # rates, times, memory
    (r"[\d.,]+(e[+-]\d+)?(?= ?(clips|videos|views)/s\b)|(?<=  )[\d.]+(?=/s\b)", "#"),
    (r"\b[\d:.]+ (s|min|h|days?) left", "# left"),
    (r"(\bin |  )\d[\d:.]* (s|min|h)\b(?=[:, ]|$)", r"\1#"),
    (r"about [\d:. d]+ (s|min|h)( of computing here, )[\d.e+-]+ s", r"about #\2# s"),
    (r"data wait +\d+%", "data wait #%"),
    (r"\b[\d.]+ GiB(?=  )", "# GiB"),
    (r"of the free [\d.]+ [MG]iB", "of the free #"),
    (r"(\"(out|action)\": .*\n +\"seconds\": |\"seconds\": (?=\d+\.\d{4}))[\d.]+", r"\1#"),
    # what training comes to is held by other tests, and rounding differs between processors
    (
        r"\b(loss|grad|kl|agreement|accuracy|teacher_accuracy|mean_class_accuracy)"
        r"((?:\":)? +)-?\d[\d.e+-]*(?![\d.%])",
        r"\1\2#",
    ),
    (r"(?<=#) {3,}|(?<=metrics) +(?=result)", "  "),
    # the machine, its software, the date
    (r"machine  .*", "machine  #"),
    (r"(\"machine\": \[\s*)\".*?\"", r'\1"#"'),
    (r"\"(date|commit|processor|torch|python)\": \".*?\"", r'"\1": "#"'),
    (r"\d+ (core|thread)s?\b", r"# \1s"),
    (r"videomae2 \d+\.\d+\.\d+\S*", "videomae2 #"),
    # digests, also of what an evaluation is of, and files called by a time and a process
    (r"(evaluation/\w+)-[0-9a-f]{8}\b", r"\1-DIGEST"),
    (r"(?<![\w.])(?=\d*[a-f])[0-9a-f]{12,64}\b", "DIGEST"),
    (r"(events\.out\.tfevents)\.\S+", r"\1.#"),
]
_LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{5,}(e[+-]?\d+)?(?![\w.])")


def steady(text: str, folder: Path) -> str:
    """Give what is the same in every run: JSON with a line per value, few digits, no volatile."""
    text = "\n".join(_spread(line).rstrip() for line in text.replace("\r", "\n").splitlines())
    text = text.replace(str(folder), "FOLDER")
    for pattern, instead in _VOLATILE:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.4g}", text).rstrip("\n") + "\n"


def _spread(line: str) -> str:
    try:
        return json.dumps(json.loads(line), indent=1, ensure_ascii=False)
    except ValueError:
        return line


def changes(name: str, text: str, *, update: bool) -> str:
    """How a text differs from the one that is kept under this name; nothing once it is kept."""
    path = EXPECTED / f"{name}.txt"
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = unified_diff(kept.splitlines(), text.splitlines(), str(path), "now", lineterm="", n=2)
    return "\n".join(lines)


@dataclass
class _Tag:
    name: str
    parts: list["_Tag"] = field(default_factory=list)

    def lines(self, depth: int = 0) -> list[str]:
        """Indented names; equal neighbours stand once."""
        blocks = [tuple(part.lines(depth + 1)) for part in self.parts]
        shown = ["  " * depth + self.name]
        for (first, *rest), equal in groupby(blocks):
            times = len(list(equal))
            shown += [first if times == 1 else f"{first} x {times}", *rest]
        return shown


class _Page(HTMLParser):
    """Words and tags of a page; of drawings the words alone."""

    UNSEEN = ("style", "script")
    ENDLESS = ("meta", "link", "img", "br", "hr", "input", "col", "source")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open = [_Tag("page")]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        tag_of = _Tag(".".join([tag, *(dict(attrs).get("class") or "").split()]))
        if not any(part.name.split(".")[0] == "svg" for part in self.open):
            self.open[-1].parts.append(tag_of)
        if tag not in self.ENDLESS:
            self.open.append(tag_of)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.ENDLESS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in self.ENDLESS:
            ended = self.open.pop().name.split(".")[0]
            assert ended == tag, f"</{tag}> ends <{ended}>"

    def handle_data(self, data):
        if self.open[-1].name not in self.UNSEEN and data.strip():
            self.words.append(" ".join(data.split()))


def page_text(path: Path) -> str:
    """The visible words of a page, a line each, and the tree of its tags."""
    page = _Page(path.read_text(encoding="utf-8"))
    (whole,) = page.open
    return "\n".join(["-- words", *page.words, "-- tags", *whole.lines()])
