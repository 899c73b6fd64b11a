"""The commands that the README and the docs hold, wherever they stand in a page."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("videomae2", "make", "python", "pytest")
QUICK = (
    "evaluate", "predict", "reconstruct", "merge-datasets", "--dry-run", "--example", "--help",
    "--version",
)  # fmt: skip
TRAINERS = ("pretrain", "finetune", "distill")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Command:
    """What a person may copy."""

    page: str
    place: str
    """bash, indented or inline."""
    words: tuple[str, ...]

    def __str__(self):
        return f"{self.page}, {self.place}: {shlex.join(self.words)}"

    @property
    def runs(self):
        """Whether it is promised to work as it stands, where the page's files are."""
        return self.place == "bash" and self.words[0] == "videomae2"

    @property
    def trains(self):
        """Whether it begins a run, which takes minutes to days."""
        shown = {"--dry-run", "--help"}.intersection(self.words)
        return self.words[1] in TRAINERS and len(self.words) > 2 and not shown

    @property
    def slow(self):
        """Whether running it takes too long for every day."""
        return len(self.words) > 2 and not any(word in QUICK for word in self.words)


def blocks(page: Path, language: str) -> list[str]:
    return [text for named, text in _FENCED.findall(page.read_text()) if named == language]


def commands(text: str, page: str = "page") -> Iterator[Command]:
    """Every command of a page's text; a word alone is a name, not a command."""
    for language, block in _FENCED.findall(text):
        if language == "bash":
            yield from _of_lines(page, "bash", block)
    prose = _FENCED.sub("", text).replace("\\\n", " ")
    yield from _of_lines(page, "indented", "\n".join(_INDENTED.findall(prose)))
    yield from _of_lines(page, "inline", "\n".join(_INLINE.findall(_INDENTED.sub("", prose))))


def walks() -> list[tuple[Command, ...]]:
    """Blocks of commands that begin runs: each needs what those before it have made."""
    of_blocks = [
        tuple(_of_lines(page.name, "bash", block))
        for page in PAGES
        for block in blocks(page, "bash")
    ]
    return [found for found in of_blocks if any(one.trains for one in found)]


def all_commands() -> list[Command]:
    found = [one for page in PAGES for one in commands(page.read_text(), page.name)]
    return list(dict.fromkeys(found))


def _of_lines(page: str, place: str, text: str) -> Iterator[Command]:
    for line in text.replace("\\\n", " ").splitlines():
        for part in line.split(" | "):
            if part.split(" ")[0] in PROGRAMS:
                words = shlex.split(part, comments=True)
                words = words[: words.index(">")] if ">" in words else words
                if len(words) > 1:
                    yield Command(page, place, tuple(words))
