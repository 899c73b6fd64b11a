import csv
import json
import re
import shutil

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.logs import watching_jobs
from videomae2.commands.timeline import TimelineFolder
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.sliding import SlidingWindows
from videomae2.errors import ConfigError
from videomae2.inference.inputs import VideoInput, expand_inputs
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import Timeline, TimelineConfig, compute_timeline
from videomae2.metrics.timeline_smoothing import TimeBins, compute_activations, find_segments
from videomae2.models.task_type import LabelSpace
from videomae2.reports.timeline import format_clock, write_timeline_picture
from videomae2.reports.timeline_text import (
    build_timeline_json,
    write_segments_csv,
    write_srt,
    write_windows_csv,
)
from videomae2.reports.timeline_video import select_frames

pytestmark = pytest.mark.usefixtures("reads_here")


def line(scores, *, names=("jump", "run", "wave"), answers="multilabel", every=2.0):
    """A time line with a window every few seconds, none over another."""
    scores = np.array(scores, dtype=np.float64)
    starts = np.arange(len(scores)) * every
    found = TimeBins(np.append(starts, starts[-1] + every), scores)
    outputs = LabelSpace(answers, scores.shape[1], names)
    joined = []
    if outputs.classification_type is not None:
        joined = find_segments(
            found,
            compute_activations(scores, outputs.classification_type, threshold=0.5, hysteresis=0.1),
        )
    return Timeline(
        video="films/long.mp4",
        outputs=outputs,
        length_seconds=float(starts[-1] + every),
        windows=SlidingWindows(np.zeros((len(scores), 1), np.int64), starts, starts + every),
        scores=scores,
        bins=found,
        segments=joined,
    )


OVERLAPPING = [[0.9, 0.0, 0.0], [0.9, 0.8, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.7]]


def read_srt(text):
    """What a strict reader of subtitles takes: (number, from, to in ms, lines)."""
    found = []
    for block in text.removesuffix("\n").split("\n\n"):
        number, times, *lines = block.split("\n")
        match = re.fullmatch(
            r"(\d\d+):(\d\d):(\d\d),(\d{3}) --> (\d\d+):(\d\d):(\d\d),(\d{3})", times
        )
        at = [int(group) for group in match.groups()]
        first, last = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (at[:4], at[4:]))
        found.append((int(number), first, last, lines))
    return found


def test_subtitles_never_overlap_and_name_all_that_holds(tmp_path):
    text = write_srt(line(OVERLAPPING), tmp_path / "a.srt").read_text()
    assert read_srt(text) == [
        (1, 0, 2000, ["jump 90%"]),
        (2, 2000, 4000, ["jump 90%", "run 80%"]),
        (3, 4000, 6000, ["run 80%"]),
        (4, 8000, 10000, ["wave 70%"]),
    ]


def test_subtitles_count_hours_and_keep_to_their_format(tmp_path):
    odd = line([[0.9], [0.1]], names=("a -->\n b\r\n\nc",), every=3661.0 * 30)
    ((number, first, last, lines),) = read_srt(write_srt(odd, tmp_path / "a.srt").read_text())
    assert (number, first, last) == (1, 0, 3661_000 * 30)
    assert lines == [r"a → b\x0d c 90%"]
    assert "30:30:30,000" in (tmp_path / "a.srt").read_text()


def test_nothing_holds_no_subtitles(tmp_path):
    assert write_srt(line([[0.1, 0.2, 0.3]]), tmp_path / "a.srt").read_text() == ""


def test_numbers_stand_in_every_file(tmp_path):
    numbers = line([[1.0, -2.5], [3.0, 4.0]], names=None, answers="regression")
    (first, second) = read_srt(write_srt(numbers, tmp_path / "a.srt").read_text())
    assert first[1:] == (0, 2000, ["number 0 1", "number 1 -2.5"])
    assert second[1:3] == (2000, 4000)
    text = write_segments_csv(numbers, tmp_path / "a.csv").read_text()
    rows = list(csv.reader(text.splitlines()))
    assert rows[:2] == [["start_seconds", "stop_seconds", "number 0", "number 1"],
                        ["0.0", "2.0", "1.0", "-2.5"]]  # fmt: skip
    assert build_timeline_json(numbers)["values"][1] == {
        "start": 2.0, "stop": 4.0, "numbers": {"number 0": 3.0, "number 1": 4.0},
    }  # fmt: skip
    write_timeline_picture(numbers, tmp_path / "a.png")


def test_tables_and_json_say_the_same(tmp_path):
    found = line(OVERLAPPING, names=("jump, high", "run", "wave"))
    text = write_segments_csv(found, tmp_path / "a.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    entry = json.loads(json.dumps(build_timeline_json(found)))
    assert [row["name"] for row in rows] == ["jump, high", "run", "wave"]
    for row, segment in zip(rows, entry["segments"], strict=True):
        assert float(row["start_seconds"]) == segment["start"]
        assert float(row["stop_seconds"]) == segment["stop"]
        assert float(row["probability"]) == pytest.approx(segment["probability"])
    assert (entry["windows"], entry["hop_seconds"], entry["seconds"]) == (5, 2.0, 10.0)
    table = np.genfromtxt(
        write_windows_csv(found, tmp_path / "w.csv"), delimiter=",", skip_header=1
    )
    assert np.array_equal(table[:, 2:], OVERLAPPING)


def test_the_picture_has_a_row_for_each_class_that_holds(tmp_path):
    few = write_timeline_picture(line([[0.9, 0.1, 0.1]] * 3), tmp_path / "few.png")
    many = write_timeline_picture(line(OVERLAPPING), tmp_path / "many.png")
    assert height_of(many) > height_of(few)


def height_of(path):
    with Image.open(path) as picture:
        return picture.height


def test_a_picture_takes_any_name(tmp_path):
    strange = line(OVERLAPPING, names=("$x_{", "a" * 90, "日本"))
    plain = write_timeline_picture(line(OVERLAPPING), tmp_path / "plain.png")
    assert height_of(write_timeline_picture(strange, tmp_path / "strange.png")) == height_of(plain)


@pytest.mark.parametrize(
    ("seconds", "decimals", "said"),
    [(7.0, 0, "0:07"), (760.4, 0, "12:40"), (3730.0, 0, "1:02:10"), (59.999, 2, "1:00.00"),
     (3600.5, 1, "1:00:00.5"), (0.04, 2, "0:00.04")],
)  # fmt: skip
def test_moments_in_words(seconds, decimals, said):
    assert format_clock(seconds, decimals=decimals) == said


def test_a_film_runs_as_fast_as_the_video():
    rate, _, shown = select_frames(np.arange(100) / 50, 2.0)
    assert (rate, len(shown)) == (30, 60)
    assert shown[:6].tolist() == [0, 1, 3, 5, 6, 8]
    rate, _, shown = select_frames(np.arange(10) / 5, 1.0)
    assert (rate, shown.tolist()) == (5, [0, 1, 2, 3, 4])
    rate, _, shown = select_frames(np.array([0, 0.1, 0.2, 0.8, 0.9]), 1.0)
    assert shown.tolist() == [0, 1, 2, 2, 2, 2, 2, 2, 3, 4]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    save_rigged(folder / "model")
    write_levels(folder / "a.mp4", levels((30, 0), (30, 255)))
    return folder


def test_a_film_shows_the_video_and_what_holds(place, tmp_path):
    (video,) = expand_inputs([place / "a.mp4"])
    predictor = Predictor(place / "model", device="cpu")
    found = compute_timeline(predictor, video, TimelineConfig())
    with watching_jobs() as jobs:
        written = TimelineFolder(tmp_path / "out").write(predictor, video, found, with_video=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.timeline.csv", "a.timeline.json", "a.timeline.mp4", "a.timeline.png",
        "a.timeline.srt", "a.timeline.windows.csv",
    ]  # fmt: skip
    with av.open(str(written["video"])) as box:
        frames = [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]
        assert box.streams.video[0].average_rate == 25
    assert len(frames) == 60
    brightness = [frame[100, frame.shape[1] // 2].mean() for frame in frames]
    assert max(brightness[:30]) < 20
    assert min(brightness[30:]) > 235
    change = round(found.segments[0].stop_seconds * 25)
    panels = [frame[240:300].astype(int) for frame in frames]
    before, after = panels[change - 2], panels[change + 2]
    assert np.abs(before - after).max() > 100  # the other class leads, in its own colour
    assert np.abs(panels[2] - panels[10]).max() < 40
    assert (jobs[-1].done, jobs[-1].total) == (pytest.approx(2.4), pytest.approx(2.4))


def test_files_of_videos_with_one_name_do_not_overwrite_each_other(place, tmp_path, monkeypatch):
    monkeypatch.setattr("videomae2.commands.timeline.write_timeline_picture", lambda _, path: path)
    folder, found = TimelineFolder(tmp_path), line(OVERLAPPING)
    model = Predictor(place / "model", device="cpu")
    bases = []
    for video in (
        VideoInput(Entry("x/001.mp4")),
        VideoInput(Entry("y/001.mp4")),
        VideoInput(Entry("z/001.avi")),
        VideoInput(Entry("data/c/001.mp4"), relative_path="c/001.mp4"),
        VideoInput(Entry("x/b.1.mp4")),
        VideoInput(Entry("x/b.2.mp4")),
    ):
        files = folder.write(model, video, found, with_video=False)
        bases.append(str(files["json"].relative_to(tmp_path)).removesuffix(".timeline.json"))
    assert bases == ["001", "001-2", "001-3", "c/001", "b.1", "b.2"]


@pytest.mark.parametrize("ending", ["json", "csv", "windows.csv", "srt", "png", "mp4"])
def test_files_of_others_are_not_written_over(place, tmp_path, monkeypatch, ending):
    model = Predictor(place / "model", device="cpu")
    mine = tmp_path / f"001.timeline.{ending}"
    mine.write_text("subtitles of somebody")
    video, found = VideoInput(Entry("films/long.mp4"), relative_path="001.mp4"), line(OVERLAPPING)
    monkeypatch.setattr("videomae2.commands.timeline.write_timeline_picture", lambda _, path: path)
    for _ in range(2):  # the second call writes its own anew
        folder = TimelineFolder(tmp_path)
        written = folder.write(model, video, found, with_video=False)
        assert written["srt"].name == "001-2.timeline.srt"
    assert mine.read_text() == "subtitles of somebody"


def test_a_folder_that_cannot_be_written_to_is_one_error(place, tmp_path):
    (tmp_path / "file").write_text("")
    (video,) = expand_inputs([place / "a.mp4"])
    with pytest.raises(ConfigError, match=r"cannot write to .*file.*choose another --out"):
        TimelineFolder(tmp_path / "file").write(
            Predictor(place / "model", device="cpu"), video, line(OVERLAPPING), with_video=False
        )  # fmt: skip


@pytest.mark.parametrize("change", ["model", "window", "hop"])
def test_time_lines_by_another_model_or_of_other_windows_are_numbered(
    place, tmp_path, monkeypatch, change
):
    monkeypatch.setattr("videomae2.commands.timeline.write_timeline_picture", lambda _, path: path)
    shutil.copytree(place / "model", tmp_path / "other")
    first, video = Predictor(place / "model", device="cpu"), VideoInput(Entry("films/long.mp4"))
    second = Predictor(tmp_path / "other", device="cpu") if change == "model" else first
    found = {"model": line(OVERLAPPING), "hop": line(OVERLAPPING[:1])}.get(
        change, line(OVERLAPPING, every=1.0)
    )
    names = [
        TimelineFolder(tmp_path).write(*each, with_video=False)["json"].name
        for each in [
            (first, video, line(OVERLAPPING)),
            (second, video, found),
            (first, video, line(OVERLAPPING)),
            (second, video, found),
        ]
    ]
    assert names == ["long.timeline.json", "long-2.timeline.json"] * 2
