"""Pages, folders and measurements look as they did: words and tags, files, tables."""

import re

import pytest

from tests.snapshots.test_commands import BENCH, CALLS, EVALUATE, TIMELINE
from tests.snapshots.texts import EXPECTED, page_text

PAGES = {f"pages/{name}" for name in ("evaluate", "demo", "folders", "timeline", "bench")}
QUICK = "--repeats 1 --reads 2 --peak-seconds 0.01 --masking dual --num-workers 0"
SYNTHETIC = "--synthetic-videos 1 --synthetic-frames 66"


@pytest.fixture(scope="module", autouse=True)
def _plots():
    """Pages are drawn whole, as users see them."""


@pytest.fixture(scope="module")
def judged(place):
    """The folder of an evaluation."""
    place.call(f"{EVALUATE} --out judged")
    return place.folder / "judged"


def contents(place, *names):
    """Files of text one after the other, with their names."""
    return "\n".join(f"-- {name}\n{(place.folder / name).read_text()}" for name in names)


def without_measurements(text):
    """Put # for numbers and for what multiplies matrices, and two blanks between columns."""
    text = re.sub(r"(?<![\w.])\d[\d.,x+e]*%?|\b(onednn|default)\b", "#", text)
    return re.sub(r"(?<=\S) {2,}(?=\S)", "  ", text)


def test_the_page_of_an_evaluation_shows_what_it_showed(place, judged, changes):
    assert changes("pages/evaluate", place.steady(page_text(judged / "report.html"))) == ""


def test_folders_hold_what_they_held(place, judged, changes):
    paths = [*(place.folder / "runs").rglob("*"), *judged.rglob("*")]
    names = sorted(str(path.relative_to(place.folder)) for path in paths if path.is_file())
    held = contents(place, "runs/tuned/run.yaml", "judged/predictions.jsonl")
    assert changes("pages/folders", place.steady("\n".join([*names, held]))) == ""


def test_files_of_a_time_line_hold_what_they_held(place, changes):
    place.call(f"{TIMELINE} --out line")
    names = [f"line/long.timeline.{kind}" for kind in ("json", "csv", "windows.csv", "srt")]
    assert changes("pages/timeline", place.steady(contents(place, *names))) == ""


@pytest.mark.slow
def test_the_demo_says_and_shows_what_it_did(place, changes, monkeypatch):
    from tests.commands.test_demo import shortened
    from videomae2.cli import demo

    stages = demo.build_stages
    monkeypatch.setattr(demo, "build_stages", lambda *folders: shortened(stages(*folders)))
    monkeypatch.setattr("sys.argv", ["videomae2"])
    said = place.call("demo --out demo --videos 60")
    page = place.steady(page_text(place.folder / "demo" / "report.html"))
    assert changes("pages/demo", f"{said}\n{page}") == ""


@pytest.mark.slow
def test_a_bench_prints_the_tables_that_it_printed(place, changes):
    words = f"{BENCH} {QUICK} {SYNTHETIC}"
    said = [place.call(words), place.call(f"{words} --json --parts model")]
    assert changes("pages/bench", without_measurements("\n".join(said))) == ""


def test_every_text_that_is_kept_is_compared():
    kept = {str(path.relative_to(EXPECTED).with_suffix("")) for path in EXPECTED.rglob("*.txt")}
    assert kept == PAGES.union(CALLS)
