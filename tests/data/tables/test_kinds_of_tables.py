"""Tables as tools and data sets write them: read as they are, or refused with what to do."""

import json
import math
import unicodedata

import numpy as np
import pytest

from videomae2.data.loading.labels import LabelConfig, read_multilabel
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.preview import preview_manifest
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def write_table(folder, text, name="list.csv", files=("a.mp4", "b.mp4")):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    (folder / name).write_text(text)
    return folder / name


def read(folder, text, name="list.csv", files=("a.mp4", "b.mp4"), **options):
    return read_manifest(
        write_table(folder, text, name, files), **{"labels": "required", **options}
    )


def refuse(folder, text, name="list.csv", **options):
    with pytest.raises(ManifestError) as caught:
        read(folder, text, name, **options)
    return str(caught.value)


def spans(manifest):
    return [entry.format_window() for entry in manifest]


@pytest.mark.parametrize(
    ("header", "cells", "windows"),
    [
        ("start,end", ("0,10", "10.5,20"), ["[0s:10s]", "[10.5s:20s]"]),
        ("start,end", ("0:00,0:10", "0:10,1:02:03.5"), ["[0s:10s]", "[10s:3723.5s]"]),
        ("begin,stop", ("00:00:01.89,00:00:03", "1:00,2:00"), ["[1.89s:3s]", "[60s:120s]"]),
        ("start_time,end_time", ("0,10", "10,20"), ["[0s:10s]", "[10s:20s]"]),
        ("time_start,time_end", ("3,4", "4,"), ["[3s:4s]", "[4s:]"]),
        ("start_frame,stop_frame", ("0,10", "10,20"), ["[0:10]", "[10:20]"]),
        ("start,end_frame", ("5,10", "10,20"), ["[5:10]", "[10:20]"]),
        ("start_seconds,end", ("5,10", ",20"), ["[5s:10s]", "[0s:20s]"]),
        ("start,frames", ("0,10", "10,20"), ["[0:10]", "[10:30]"]),
        ("first,total_frames", ("0,10", "10,20"), ["[0:10]", "[10:30]"]),
        ("start,end", (",", ","), ["", ""]),
    ],
)
def test_units_are_told_by_name_and_value(tmp_path, header, cells, windows):
    first, second = cells
    text = f"path,label,{header}\na.mp4,x,{first}\nb.mp4,y,{second}\n"
    assert spans(read(tmp_path, text)) == windows


@pytest.mark.parametrize(
    "header",
    [
        "start_ms,end_ms", "onset,offset", "from,to", "t0,t1", "segment_start,segment_end",
        "Start Frame Index,End Frame Index", "start_time,until", "action_start_msec", "t_in,t_out",
        "in,out", "clip_in,clip_out", "in_point,out_point", "inpoint_ms,outpoint_ms", "time_in",
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_windows_under_other_names_are_not_left_out_in_silence(tmp_path, header, ending):
    names = ["video", "label", *header.split(",")]
    rows = [names, ["a.mp4", "x", "0", "9"], ["b.mp4", "y", "9", "12"]]
    text = "\n".join(",".join(row[: len(names)]) for row in rows)
    if ending == "jsonl":
        objects = [dict(zip(names, row, strict=False)) for row in rows[1:]]
        text = "\n".join(map(json.dumps, objects))
    message = refuse(tmp_path, text, f"list.{ending}")
    assert f"{names[-1].lower()} may be a window" in message
    assert "start_frame and stop_frame, or start_seconds" in message
    if ending == "csv":  # what somebody has asked for is what they say
        assert len(read(tmp_path, text, extra_columns=names[2:])) == 2


@pytest.mark.parametrize(
    "header", ["start_seconds,duration", "begin,clip_length", "start_frame,dur"]
)
def test_a_length_beside_a_start_is_not_guessed(tmp_path, header):
    first, second = ("0", "1") if "frame" in header else ("0.5", "1.5")
    text = f"path,label,{header}\na.mp4,x,{first},9\nb.mp4,y,{second},9\n"
    assert "or of the video: give the end as" in refuse(tmp_path, text)


@pytest.mark.parametrize(
    "header",
    [
        "duration",
        "length",
        "from",
        "offset",
        "start_date",
        "ending",
        "fps",
        "to",
        "last",
        "in",
        "out",
        "segment",
        "clip",
        "times",
        "inside",
        "output",
    ],
)
def test_other_columns_tell_no_window(tmp_path, header):
    manifest = read(tmp_path, f"path,label,{header}\na.mp4,x,3\nb.mp4,y,4\n")
    assert spans(manifest) == ["", ""]


@pytest.mark.parametrize("column", ["segment", "Timestamps", "time_range", "clip", "window"])
@pytest.mark.parametrize(
    "cell",
    [
        "[0.2, 0.6]", "(3, 9)", "0.2-0.6", "0:01 - 0:05", "1 to 2", "00:00:01,00:00:02", "1.5;2",
        "00:00:01.500 --> 00:00:02", "{'start': 1, 'end': 2}", "2s..3s", [0.2, 0.6],
        {"start": 1, "end": 2}, [{"ranges": [{"start": 1, "end": 20}], "timelinelabels": ["x"]}],
    ],
    ids=str,
)  # fmt: skip
def test_both_ends_of_a_window_in_one_cell_are_not_left_out(tmp_path, column, cell):
    rows = [{"path": f"{name}.mp4", "label": name, column: cell} for name in "ab"]
    text = json.dumps(rows)
    message = refuse(tmp_path, text, "list.json")
    assert f"{column.lower()} holds" in message
    assert "which may be the start and end of a window: give these as two columns" in message
    assert len(read(tmp_path, text, "list.json", extra_columns=(column,))) == 2


@pytest.mark.parametrize("cell", ["clip 4", "2024-01-02", "1700000000", "[]", "[1, 2, 3]", "a-b"])
def test_other_cells_are_no_window(tmp_path, cell):
    text = json.dumps([{"path": "a.mp4", "label": 0, "time": cell, "clip": cell}])
    assert spans(read(tmp_path, text, "list.json")) == [""]


@pytest.mark.parametrize("header", ["start,end", "begin,stop", "start,stop", "end"])
@pytest.mark.parametrize("name", ["list.csv", "list.json", "list.jsonl"])
def test_a_unit_is_never_guessed(tmp_path, header, name):
    columns = ["video", "label", *header.split(",")]
    rows = [["a.mp4", "x", 1, 10][: len(columns)], ["b.mp4", "y", 10, 20][: len(columns)]]
    text = "\n".join(",".join(map(str, row)) for row in [columns, *rows])
    if name != "list.csv":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        text = json.dumps(objects) if name == "list.json" else "\n".join(map(json.dumps, objects))
    message = refuse(tmp_path, text, name)
    assert "could count frames or seconds" in message
    assert "frame" in message.split("Call the columns")[1]
    assert "seconds" in message.split("Call the columns")[1]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("5,3", "end_time 3 is not behind the start 5"),
        ("5,5", "end_time 5 is not behind the start 5"),
        ("-1,5", "start_time is '-1', wanted seconds"),
        ("one,5", "start_time is 'one', wanted seconds"),
        ("nan,5", "start_time is 'nan', wanted seconds"),
        ("1e300,", "start_time is '1e300', wanted seconds"),
        ("0:75,5:00", "start_time is '0:75', wanted seconds"),
        ("00:00:01:12,5:00", "start_time has time codes that end in frames"),
    ],
)
def test_wrong_times_name_the_line_and_what_is_wanted(tmp_path, row, problem):
    message = refuse(tmp_path, f"path,label,start_time,end_time\na.mp4,x,{row}\n")
    assert "list.csv:2: " + problem in message


def test_units_that_differ_are_refused(tmp_path):
    message = refuse(tmp_path, "path,label,start_frame,end_time\na.mp4,x,0,10\n")
    assert "start_frame counts frames, and end_time seconds" in message


def test_a_window_in_time_is_part_of_what_an_entry_is(tmp_path):
    text = "path,label,start_time,end_time\na.mp4,x,{},10\nb.mp4,y,,\n"
    first, second = (read(tmp_path, text.format(start)) for start in (0, 1))
    assert first.digest() != second.digest()
    assert [entry.seconds for entry in first] == [(0.0, 10.0), None]
    assert [entry.seconds for entry in first.take(np.array([1, 0]))] == [None, (0.0, 10.0)]
    assert first[0].window != second[0].window


def test_kinetics_is_found_by_id_and_times(tmp_path):
    files = ("run/AAAAAAAAAAA_000003_000013.mp4", "walk/BBBBBBBBBBB_000100_000110.webm")
    rows = "run,AAAAAAAAAAA,3,13,train\nwalk,BBBBBBBBBBB,100,110,train\nwalk,CCCCCCCCCCC,1,11,val\n"
    manifest = read(tmp_path, "label,youtube_id,time_start,time_end,split\n" + rows, files=files)
    assert manifest.paths[:2] == list(files)
    assert spans(manifest) == ["", "", ""]  # the file is the window
    parts, missing = manifest.warnings
    assert "rows of every split are taken (2 train, 1 val)" in parts
    assert missing == f"1 of 3 have no file in {tmp_path}, such as CCCCCCCCCCC_000001_000011"
    kept = read(
        tmp_path, "label,youtube_id,time_start,time_end,split\n" + rows, files=files,
        row_filter="split=train",
    )  # fmt: skip
    assert len(kept) == 2


def test_echonet_lacks_endings_and_its_folder(tmp_path):
    files = [f"Videos/0X{number:04X}.avi" for number in range(3)]
    text = "FileName,EF,Split\n" + "".join(f"0X{n:04X},{40 + n}.5,TRAIN\n" for n in range(3))
    manifest = read(tmp_path, text, files=files, labels="ignore", extra_columns=["EF"])
    assert manifest.paths == files
    assert manifest.columns == {"EF": ["40.5", "41.5", "42.5"]}
    by_root = read(tmp_path, text, files=files, labels="ignore", root=tmp_path / "Videos")
    assert by_root.paths == [file.removeprefix("Videos/") for file in files]


def test_a_name_that_two_files_have_is_refused(tmp_path):
    message = refuse(tmp_path, "id,label\n1,x\n2,y\n", files=["a/1.mp4", "b/1.webm", "2.mp4"])
    assert "1 could be a/1.mp4 or b/1.webm" in message


def test_something_something_is_read_by_its_templates(tmp_path):
    rows = [
        {"id": "1", "label": "holding a cup", "template": "Holding [something]",
         "placeholders": ["a cup"]},
        {"id": "2", "label": "pushing a pen", "template": "Pushing [something]",
         "placeholders": ["a pen"]},
    ]  # fmt: skip
    manifest = read(tmp_path, json.dumps(rows), "train.json", files=("1.webm", "2.webm"))
    assert (manifest.paths, manifest.class_names) == (
        ["1.webm", "2.webm"], ("Holding something", "Pushing something"),
    )  # fmt: skip


def test_a_table_of_hugging_face_is_read(tmp_path):
    manifest = read(tmp_path, "file_name,label\na.mp4,x\nb.mp4,y\n", "metadata.csv")
    assert manifest.paths == ["a.mp4", "b.mp4"]


def test_ucf101_numbers_from_1(tmp_path):
    from videomae2.data.manifests.class_names import read_class_names

    (tmp_path / "classInd.txt").write_text("1 ApplyEyeMakeup\n2 Archery\n3 Band Marching\n")
    names = read_class_names(tmp_path / "classInd.txt")
    assert names == ("ApplyEyeMakeup", "Archery", "Band Marching")
    text = "Archery/a.avi 2\nBand/b.avi 3\n"
    manifest = read(tmp_path, text, "train.txt", files=("Archery/a.avi", "Band/b.avi"),
                    class_names=names, first_label=1)  # fmt: skip
    assert manifest.labels.tolist() == [1, 2]


@pytest.mark.parametrize("name", ["brush_hair_test_split1.txt", "a_test_split3.txt"])
def test_splits_of_hmdb51_are_not_taken_for_classes(tmp_path, name):
    message = refuse(tmp_path, "a.mp4 1\nb.mp4 2\n", name)
    assert "is a split of HMDB51" in message


ARCHIVES = {
    "v.zip": (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
    "v.npz": (b"PK\x03\x04" + bytes(26) + b"arr_0.npy" + bytes(60), "an archive of NumPy arrays"),
    "v.xlsx": (b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "a spreadsheet"),
    "v.tar": (bytes(257) + b"ustar\x0000" + bytes(300), "a tar archive"),
    "v.csv": (b"\x1f\x8b\x08" + bytes(30), "a gzip archive"),
    "v.dcm": (bytes(128) + b"DICM" + bytes(200), "DICOM"),
    "v.h5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "HDF5"),
    "v.txt": (b"%PDF-1.4\n", "a PDF document"),
    "list": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    "v.xml": (b'<?xml version="1.0"?>\n<annotations/>', "XML or HTML"),
    "v.html": (b"<!DOCTYPE html><html></html>", "XML or HTML"),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("labels", ["ignore", "required"])
def test_what_is_no_list_is_named_with_a_remedy(tmp_path, name, labels):
    content, kind = ARCHIVES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=f"is {kind}") as caught:
        read_manifest(tmp_path / name, labels=labels)
    assert "UTF-8" not in str(caught.value)


@pytest.mark.parametrize("ending", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_lines_and_encodings_of_spreadsheets(tmp_path, ending, encoding, separator):
    text = ending.join(
        separator.join(row) for row in (("path", "label"), ("ä.mp4", "x"), ("b.mp4", "y"))
    )
    (tmp_path / "list.csv").write_bytes((text + ending).encode(encoding))
    (tmp_path / "b.mp4").touch()
    manifest = read_manifest(tmp_path / "list.csv", labels="required")
    assert (manifest.paths, manifest.class_names) == (["ä.mp4", "b.mp4"], ("x", "y"))


def test_text_with_nul_is_refused(tmp_path):
    assert "holds NUL characters" in refuse(tmp_path, "path,label\na.mp4,x\0\n")


# ---- labels


LISTS = [
    ('["walk", "wave"]', ["walk", "wave"]),
    ("['walk', 'wave']", ["walk", "wave"]),
    ("[]", []),
    ('["walk"]', ["walk"]),
    ("walk;wave", ["walk", "wave"]),
    ("walk; wave;", ["walk", "wave"]),
    ("walk|wave", ["walk", "wave"]),
    ("walk, on a path", ["walk, on a path"]),
]


@pytest.mark.parametrize(("cell", "names"), LISTS)
def test_lists_of_labels_in_a_cell(tmp_path, cell, names):
    text = "\n".join(json.dumps({"path": f"{place}.mp4", "label": label})
                     for place, label in enumerate((cell, "sit")))  # fmt: skip
    path = write_table(tmp_path, text, "tags.jsonl", files=("0.mp4",))
    data = read_multilabel((SourceConfig(path=path),), LabelConfig())
    targets = data.targets[0]
    assert [data.class_names[i] for i in np.flatnonzero(targets[0])] == sorted(names)
    assert set(data.class_names) == {*names, "sit"}


def test_lists_of_json_are_lists_of_labels(tmp_path):
    rows = [["walk"], ["walk", "wave"], None, []]
    text = "\n".join(json.dumps({"path": f"{n}.mp4", "label": row}) for n, row in enumerate(rows))
    path = write_table(tmp_path, text, "tags.jsonl", files=("0.mp4",))
    data = read_multilabel((SourceConfig(path=path),), LabelConfig())
    assert data.targets[0].tolist() == [[1, 0], [1, 1], [0, 0], [0, 0]]


def test_commas_between_labels_are_not_guessed(tmp_path):
    text = 'path,label\na.mp4,"walk,wave"\nb.mp4,walk\n0.mp4,wave\n'
    path = write_table(tmp_path, text)
    with pytest.raises(ManifestError, match="could be one label or 2"):
        read_multilabel((SourceConfig(path=path),), LabelConfig())


def test_a_list_is_no_class(tmp_path):
    message = refuse(tmp_path, 'path,label\na.mp4,"[""walk"", ""wave""]"\nb.mp4,walk\n')
    assert "list.csv:2: label is a list of 2 names, walk, wave; one class is wanted" in message
    assert read(tmp_path, "path,label\na.mp4,['walk']\nb.mp4,sit\n").class_names == ("sit", "walk")


CAFE = [unicodedata.normalize(form, "Café") for form in ("NFC", "NFD")]
SPELLINGS = [
    (CAFE, "how their letters are encoded"),
    (["Walk", "walk"], "case"),
    (["going  up", "going up"], "blanks"),
    (["walk_left", "walk left"], "blanks, _ or - between words"),
    (["walk-left", "Walk_left"], "blanks, _ or - between words and case"),
    (["step\N{EN DASH}2", "step 2"], "blanks, _ or - between words"),
    ([CAFE[1], "café "], "how their letters are encoded"),
]


@pytest.mark.parametrize(("names", "difference"), SPELLINGS[:-1])
def test_two_spellings_of_a_class_are_one_question(tmp_path, names, difference):
    text = "path,label\n" + "".join(f"{n}.mp4,{name}\n" for n, name in enumerate([*names, "sit"]))
    files = ["0.mp4", "1.mp4", "2.mp4"]
    message = refuse(tmp_path, text, files=files)
    assert f"differ only in {difference}: one class or several?" in message
    one = read(tmp_path, text, files=files, spelling="same")
    assert (one.labels[0], len(one.class_names)) == (one.labels[1], 2)
    assert len(read(tmp_path, text, files=files, spelling="distinct").class_names) == 3


@pytest.mark.parametrize(
    "names", [("-1 x", "1 x"), ("_a", "a"), ("left-", "left"), ("x12", "x1-2")]
)
def test_what_is_not_between_words_tells_classes_apart(tmp_path, names):
    text = "path,label\n" + "".join(f"{n}.mp4,{name}\n" for n, name in enumerate(names))
    assert len(read(tmp_path, text, files=["0.mp4", "1.mp4"]).class_names) == 2


@pytest.mark.parametrize("names", [pair for pair, _ in SPELLINGS])
def test_a_known_class_in_another_spelling_is_asked_for(tmp_path, names):
    known, spelled = names
    for name in (spelled, "sit"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        (tmp_path / "videos" / name / "a.mp4").touch()
    wanted = {"labels": "required", "class_names": (known, "sit")}
    with pytest.raises(ManifestError, match="differ only in") as caught:
        read_manifest(tmp_path / "videos", **wanted)
    assert "is not known" not in str(caught.value)
    manifest = read_manifest(tmp_path / "videos", **wanted, spelling="same")
    assert sorted(manifest.labels.tolist()) == [0, 1]
    assert manifest.class_names == (known, "sit")


def test_files_named_twice_are_counted(tmp_path):
    rows = "a.mp4,x\nb.mp4,y\na.mp4,y\nb.mp4,y\n"
    manifest = read(tmp_path, "path,label\n" + rows)
    assert manifest.warnings == (
        "1 videos stand there with several labels, such as a.mp4 (lines 2, 4): x and y",
        "1 videos stand there more than once, such as b.mp4",
    )
    windows = "a.mp4,x,0,10\na.mp4,y,10,10\n"
    assert read(tmp_path, "path,label,first,frames\n" + windows).warnings == ()


def test_a_number_far_beyond_the_videos_is_no_class(tmp_path):
    from videomae2.data.manifests.class_names import infer_classes

    manifest = read(tmp_path, "a.mp4 0\nb.mp4 2000000000\n", "list.txt")
    with pytest.raises(ManifestError, match=r"list.txt:2: label 2000000000 would make"):
        infer_classes(manifest)


# ---- what plans show


def test_a_plan_shows_what_was_read_as_what(tmp_path):
    rows = "a.mp4,pour,0,1:10.5,x\nb.mp4,stir,10,,y\na.mp4,stir,71,80,z\nb.mp4,stir,0,1,z\n"
    manifest = read(tmp_path, "video,label,start,end,notes\n" + rows)
    (row,) = preview_manifest(manifest).rows
    assert row == (
        "columns",
        "video: video, label: class, start: window from (s), end: window until (s)\n"
        "  video  window       class\n"
        "  a.mp4  0 to 70.5 s  pour\n"
        "  b.mp4  from 10 s    stir\n"
        "  a.mp4  71 to 80 s   stir",
    )


def test_a_folder_has_no_columns_to_show(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").touch()
    assert preview_manifest(read_manifest(tmp_path, labels="required")).rows == ()


def test_an_end_that_is_not_given_is_infinite(tmp_path):
    manifest = read(tmp_path, "path,label,start_time\na.mp4,x,1.5\nb.mp4,y,\n")
    assert manifest[0].seconds == (1.5, math.inf)
