"""Which names of columns tell of a window: by their words and units, whatever is between them."""

import json

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.data.tables.window_names import parse_window_name
from videomae2.errors import ManifestError

READ_IN_SECONDS = [
    ("Start (seconds)", "End (seconds)"), ("begin [sec]", "stop [sec]"), ("StartTime", "EndTime"),
    ("start-timestamp", "end-timestamp"), ("Start, s", "Stop, s"), ("{start}.s", "{end}.s"),
    ("time_begin", "time_stop"), ("START__SEC", "END__SEC"), ("Start: time", "End: time"),
]  # fmt: skip
READ_IN_FRAMES = [
    ("Start (frame)", "Stop (frame)"), ("startFrame", "stopFrame"), ("begin-frame", "end-frame"),
    ("[Frame] start", "[Frame] end"),
]  # fmt: skip
ASKED = [
    ("Start (min)", "End (min)"), ("Begin/ms", "End/ms"), ("start__frames", "end__frames"),
    ("surgery_start", "surgery_end"), ("rally.begin", "rally.stop"), ("startIdx", "stopIdx"),
    ("annotation onset", "annotation offset"), ("onset_in_s", "offset_in_s"), ("inicio", "fin"),
    ("weekstart", "weekend"), ("s1_start", "s1_end"), ("start_2", "end_2"),
    ("first_frame_no", "end_fr"),
    ("time.from", "time.to"), ("lower (s)", "upper (s)"), ("frame_min", "frame_max"),
    ("entered_at_start", "left_at_end"), ("start_tc", "end_tc"), ("Von_start", "Bis_ende"),
    ("anfang", "ende"), ("clip in", "clip out"), ("t-start [ms]", "t-stop [ms]"),
    ("Start Time - hh:mm:ss", "End Time - msec"), ("trialstart", "trialend"),
]  # fmt: skip
SINGLE = [
    "time", "Frame", "frame_idx", "Time (s)", "timestamp", "event time", "mid_time", "peakframe",
    "center (sec)", "clip_center_frame", "apex_frame", "pts", "time_ms", "video_timestamp",
]  # fmt: skip
HONEST = [
    "restart", "weekend", "timeout", "framework", "send", "trend", "gender", "duration", "length_s",
    "upload_time", "timestamp_of_upload", "lead_time", "frame_rate", "num_of_frames", "first_name",
    "start_date", "end_date", "x_min", "end_x", "start_lat", "end_diastolic_volume", "center",
    "center_id", "friend", "backend", "dependent", "startup", "endless", "attendance", "entry_id",
    "finished", "stopped", "resolution", "fps", "recommended", "score", "in", "age_at_start",
]  # fmt: skip


def read(tmp_path, columns, rows=(("1.5", "2.5"), ("2", "3")), ending="csv", **options):
    names = ["path", "label", *columns]
    cells = [[f"{n}.mp4", f"c{n}", *row[: len(columns)]] for n, row in enumerate(rows)]
    if ending == "csv":
        text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [names, *cells])
    else:
        text = json.dumps([dict(zip(names, row, strict=True)) for row in cells])
    (tmp_path / f"list.{ending}").write_text(text)
    options = {"labels": "required", "check_some_exist": False, **options}
    return read_manifest(tmp_path / f"list.{ending}", **options)


@pytest.mark.parametrize("columns", READ_IN_SECONDS)
def test_seconds_are_read_whatever_is_around_the_words(tmp_path, columns):
    assert [entry.seconds for entry in read(tmp_path, columns)] == [(1.5, 2.5), (2.0, 3.0)]


@pytest.mark.parametrize("columns", READ_IN_FRAMES)
def test_frames_are_read_whatever_is_around_the_words(tmp_path, columns):
    manifest = read(tmp_path, columns, rows=[("1", "5"), ("2", "9")])
    assert [(entry.first, entry.frames) for entry in manifest] == [(1, 4), (2, 7)]


@pytest.mark.parametrize("columns", ASKED)
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_is_not_clear_is_asked(tmp_path, columns, ending):
    with pytest.raises(ManifestError, match="may be a window, and what they count is not known"):
        read(tmp_path, columns, ending=ending)
    assert len(read(tmp_path, columns, ending=ending, extra_columns=columns)) == 2


@pytest.mark.parametrize("column", SINGLE)
def test_a_moment_beside_a_label_is_asked(tmp_path, column):
    with pytest.raises(ManifestError, match="may be when the label holds, and the whole video"):
        read(tmp_path, [column])
    assert len(read(tmp_path, [column], extra_columns=[column])) == 2
    for other in ("2024-01-02 10:00:01", "1700000000", "morning", ""):
        assert len(read(tmp_path, [column], rows=[(other,), (other,)])) == 2


@pytest.mark.parametrize("column", HONEST)
def test_other_names_are_other_things(tmp_path, column):
    assert [entry.seconds for entry in read(tmp_path, [column])] == [None, None]


@pytest.mark.parametrize("columns", [("start", "end"), ("onset", "finish"), ("from", "to")])
@pytest.mark.parametrize("cells", [("Rome", "Oslo"), ("2024-01-02", "2024-03-04"), ("", "nan")])
def test_what_holds_no_times_is_no_window(tmp_path, columns, cells):
    if columns == ("start", "end"):
        columns = ("q_start", "q_end")
    assert len(read(tmp_path, columns, rows=[cells, cells])) == 2


@pytest.mark.parametrize("labels", ["ignore", "required"])
@pytest.mark.parametrize("column", ["phase", "note", "surgery state", "labels", "x"])
@pytest.mark.parametrize(
    "cell",
    [
        [{"ranges": [{"start": 1, "end": 20}], "timelinelabels": ["grow"]}],
        {"segments": [[0.5, 2.5]]},
        {"t_start": 0.5, "t_end": 1.5},
        [{"tag": {"onset": 3, "duration": 2}}],
        {"segment": "0:01-0:05"},
        {"startTime": "00:01", "endTime": "00:02", "label": "x"},
    ],
)
def test_windows_within_cells_of_any_column_are_asked(tmp_path, labels, column, cell):
    with pytest.raises(ManifestError, match="which may be the start and end of a window"):
        read(tmp_path, [column], rows=[("",), (cell,)], ending="json", labels=labels)


@pytest.mark.parametrize(
    "cell",
    [
        {"from": "web", "to": "disk"}, {"start_date": "2024-01-02", "end_date": "2024-01-03"},
        {"size": [320, 240]}, [1, 2], {"box": {"x": 1, "y": 2}}, "[draft]", "{", {"fps": 25},
    ],
)  # fmt: skip
def test_other_objects_in_cells_are_other_things(tmp_path, cell):
    assert len(read(tmp_path, ["meta"], rows=[(cell,), (cell,)], ending="json")) == 2


@pytest.mark.parametrize(
    "columns", [("start_lat", "end_lat"), ("Start Score", "End Score"), ("age_start", "age_end")]
)
def test_starts_and_ends_of_other_things_are_no_window(tmp_path, columns):
    assert len(read(tmp_path, columns)) == 2


def test_the_words_of_one_name_are_one_role():
    assert parse_window_name("start_end") is None
    assert parse_window_name("to_from") is None
