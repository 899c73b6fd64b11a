"""Files of any name go through every command, and come out readable and exact."""

import csv
import json
import os
import re

import pytest

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from videomae2.cli.main import main

pytestmark = pytest.mark.usefixtures("reads_here")

NAMES = [
    b"caf\xe9.mp4",
    "café.mp4".encode(),
    b"two\nlines.mp4",
    b"red\x1b[31m.mp4",
    b"a,b;c\"d' e.mp4",
    b"-flag.mp4",
    b"=1+1.mp4",
    b"x" * 251 + b".mp4",
]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    save_rigged(folder / "model")
    plain = write_levels(folder / "plain.mp4", levels((20, 255)))
    for label in ("dark", "bright"):
        (folder / "videos" / label).mkdir(parents=True)
        for name in NAMES:
            path = os.fsencode(folder / "videos" / label) + b"/" + name
            with open(path, "wb") as file:
                file.write(plain.read_bytes())
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    monkeypatch.chdir(place)

    def run(*words):
        code = main([*map(str, words), "--device", "cpu"])
        said = capsys.readouterr()
        said.out.encode()
        assert not _CONTROL.search(said.out + said.err)
        return code, said.out, said.err

    return run


def test_predict_says_every_name(run):
    code, out, err = run("predict", "model", "videos/bright", "--clips", "1", "--crops", "1")
    assert (code, err) == (0, "")
    assert r"videos/bright/caf\xe9.mp4" in out
    assert r"red\x1b[31m.mp4" in out


def test_what_json_says_can_be_given_back(run, place):
    words = ("--clips", "1", "--crops", "1", "--json")
    code, out, _ = run("predict", "model", "videos/bright", *words)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    paths = [line["video"] for line in lines]
    assert {os.fsencode(os.path.basename(path)) for path in paths} == set(NAMES)
    code, again, _ = run("predict", "model", *paths, *words)
    assert code == 0
    assert [json.loads(line)["video"] for line in again.splitlines()] == paths


def test_what_a_table_says_can_be_given_back(run, place):
    from videomae2.data.manifests.read import read_manifest

    manifest = read_manifest(place / "videos", labels="required")
    table = place / "videos" / "table.csv"
    with open(table, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows(
            [("path", "label"), *((p, p.split("/")[0]) for p in manifest.paths)]
        )
    try:
        again = read_manifest(table, labels="required")
        assert sorted(again.paths) == sorted(manifest.paths)
        assert all(os.path.exists(entry.path) for entry in again)
    finally:
        table.unlink()


def test_evaluate_writes_every_name(run, place):
    views = ("--views.clips", "1", "--views.crops", "1", "--n-resamples", "100")
    code, _, err = run("evaluate", "model", "videos", "--out", "evaluated", *views)
    assert code == 0, err
    lines = (place / "evaluated" / "predictions.jsonl").read_text("utf-8").splitlines()
    videos = [json.loads(line)["video"] for line in lines]
    assert {os.fsencode(os.path.basename(video)) for video in videos} == set(NAMES)
    page = next((place / "evaluated").glob("*.html")).read_text("utf-8")
    assert r"caf\xe9.mp4" in page
    assert not _CONTROL.search(page)


def test_time_lines_are_written_for_every_name(run, place):
    timeline = ("--timeline", "--window-seconds", "0.4", "--hop-seconds", "0.4")
    code, _, err = run("predict", "model", "videos/bright", *timeline, "--out", "lines")
    assert code == 0, err
    written = [path.name for path in (place / "lines").rglob("*.timeline.json")]
    assert len(written) == len(NAMES)
    assert all(len(os.fsencode(name)) <= 255 for name in written)


def test_time_lines_of_other_videos_stay(run, place):
    timeline = ("--timeline", "--window-seconds", "0.4", "--hop-seconds", "0.4", "--out", "same")
    for _ in range(2):  # once more replaces what is of the same video
        for label in ("dark", "bright"):
            assert run("predict", "model", f"videos/{label}/café.mp4", *timeline)[0] == 0
    videos = {
        path.name: json.loads(path.read_text("utf-8"))["video"]
        for path in (place / "same").rglob("*.timeline.json")
    }
    assert videos == {
        "café.timeline.json": "videos/dark/café.mp4",
        "café-2.timeline.json": "videos/bright/café.mp4",
    }
