"""Plans and columns: aligned in a pipe, wrapped to a terminal's width, JSON when asked."""

import json
import logging
import re
import sys

import pytest

from videomae2.base.summary import Summary
from videomae2.cli.log import show_log
from videomae2.cli.terminal import print_error, print_pairs, print_plan, print_table

PLAN = Summary((("model", "tiny"), ("videos", "a.mp4 " * 12)))


def write_to_a_terminal(monkeypatch):
    """Make standard output, as it is now, a terminal of 40 columns without colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")


def read_plain(capsys):
    """The lines that were printed, without styles."""
    return re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()


def test_columns_are_aligned_in_a_pipe(capsys):
    print_pairs([("9.5%", "run"), ("12.25%", "[walk]")], first="right", min_width=7, indent=2)
    assert capsys.readouterr().out == "     9.5%  run\n   12.25%  [walk]\n"


def test_on_a_terminal_long_texts_are_wrapped_under_their_column(capsys, monkeypatch):
    write_to_a_terminal(monkeypatch)
    print_plan(PLAN, as_json=False)
    print_pairs([("12.25%", "[walk]")], indent=2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[1].startswith("videos  a.mp4")
    assert lines[2].startswith("        a.mp4")
    assert lines[-1].rstrip() == "  12.25%  [walk]"


def test_a_plan_as_json_has_the_texts_of_each_label(capsys):
    assert print_plan(PLAN, as_json=True) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan == {"model": ["tiny"], "videos": ["a.mp4 " * 12]}


WORDS = "one two three four five six seven"
TABLE = [("probe", "top-1", "chosen"), ("k-NN", "9.5 %", "features normed, vote weighted, k 1")]


def test_a_table_is_aligned_in_a_pipe(capsys):
    print_table(TABLE, left={"probe", "chosen"})
    assert capsys.readouterr().out == (
        "probe  top-1  chosen\nk-NN   9.5 %  features normed, vote weighted, k 1\n"
    )


def test_the_last_column_of_a_table_is_wrapped_at_words_on_a_terminal(capsys, monkeypatch):
    write_to_a_terminal(monkeypatch)
    print_table(TABLE, left={"probe", "chosen"})
    lines = [line.rstrip() for line in read_plain(capsys)]
    assert lines == [
        "probe  top-1  chosen",
        "k-NN   9.5 %  features normed, vote",
        "              weighted, k 1",
    ]


def test_an_error_is_wrapped_at_words_on_a_terminal(capsys, monkeypatch):
    write_to_a_terminal(monkeypatch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    print_error(f"error: [{WORDS}]")
    shown = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert shown == ["videomae2: error: [one two three four", "five six seven]"]


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        (PLAN, ["model    tiny", "videos   a.mp4 a.mp4 a.mp4 a.mp4 a.mp4", "         a.mp4 a.mp4"]),
        (f"report   in {WORDS}", ["report   in one two three four five six", "         seven"]),
        (f"         in {WORDS}", ["         in one two three four five six", "         seven"]),
        (f"2 videos in {WORDS}", ["2 videos in one two three four five six", "seven"]),
    ],
)  # fmt: skip
def test_lines_of_the_log_are_wrapped_at_words_on_a_terminal(said, lines, capsys, monkeypatch):
    write_to_a_terminal(monkeypatch)
    with show_log(json=False, on_stderr=False):
        logging.getLogger("videomae2.tests").info(said)
    shown = [line.rstrip() for line in read_plain(capsys)]
    assert [line[: len(end)] for line, end in zip(shown, lines, strict=False)] == lines
    assert max(map(len, shown)) <= 40
