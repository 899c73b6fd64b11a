"""Plans and columns: aligned in a pipe, wrapped to a terminal's width, JSON when asked."""

import json
import sys

from videomae2.base.summary import Summary
from videomae2.cli.terminal import print_pairs, print_plan

PLAN = Summary((("model", "tiny"), ("videos", "a.mp4 " * 12)))


def write_to_a_terminal(monkeypatch):
    """Make standard output, as it is now, a terminal of 40 columns without colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")


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
