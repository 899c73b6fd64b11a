"""No small file takes long, takes memory, opens others, or ends in words that are not ours.

Of each kind a few inputs by default, and 500 in the slow test; the same every time. Each is read in
a child. Outcomes: right, refused in a sentence of ours, or failed.
"""

import sys
from pathlib import Path

import pytest

from tests.fuzz import (
    inputs_annotations,
    inputs_frames,
    inputs_lists,
    inputs_media,
    inputs_settings,
    inputs_state,
    inputs_weights,
)
from tests.fuzz.harness import Child, Report, run
from tests.fuzz.kinds import Kind
from tests.fuzz.readers import READERS

SOURCES = (inputs_lists, inputs_annotations, inputs_settings, inputs_state, inputs_weights,
           inputs_media, inputs_frames)  # fmt: skip
_FEW, _MANY = 2, 500
_NEVER_READ = {"song.mp4", "playlist.mp4"}  # no picture, and files that name others


def list_kinds() -> list[Kind]:
    return [kind for source in SOURCES for kind in source.build_kinds()]


def check(count: int, place: Path) -> None:
    report = Report()
    with Child() as child:
        for kind in list_kinds():
            run(child, kind, kind.draw(count), place, report)
    sys.stdout.write(f"\n{report}\n")
    shown = "\n".join(report.failures[:40])
    assert not report.failures, f"{report}\n{len(report.failures)} failed, such as\n{shown}"
    unread = {name for name, outcomes in report.counts.items() if not outcomes["right"]}
    assert unread == _NEVER_READ, "what is damaged says little where not even whole files are read"


def test_every_kind_has_a_reader():
    assert {kind.name for kind in list_kinds()} == set(READERS)


@pytest.mark.timeout(400)  # some ten seconds of an idle core
def test_a_few_of_each_kind(tmp_path):
    check(_FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_of_each_kind(tmp_path):
    check(_MANY, tmp_path)
