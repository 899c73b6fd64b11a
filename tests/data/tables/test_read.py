"""Tables with a header: formats, columns, labels, and what wrong rows are told."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


@pytest.fixture
def read(tmp_path):
    """Write a table and read it without looking for its videos."""

    def read(text: str, name: str = "table.csv", **wishes):
        path = tmp_path / name
        path.write_text(text)
        return read_manifest(path, check_some_exist=False, **wishes)

    return read


@pytest.fixture
def message(read):
    """Read a table that must fail; give the message without the path of the table."""

    def message(text: str, name: str = "table.csv", **wishes) -> str:
        with pytest.raises(ManifestError) as caught:
            read(text, name, **wishes)
        return str(caught.value).replace(str(caught.value.path), "table")

    return message


def labels(manifest):
    return [entry.label for entry in manifest]


def write_parquet(path: Path, columns: dict[str, list]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_the_delimiter_is_found_in_the_header(read, delimiter, name):
    text = delimiter.join(["Path ", "label"]) + "\n" + delimiter.join(["my a.mp4", "3"]) + "\n"
    manifest = read(text, name, labels="required")
    assert (manifest.paths, labels(manifest)) == (["my a.mp4"], [3])


@pytest.mark.parametrize("column", ["path", "video", "file", "filename", "FileName"])
def test_every_name_of_the_path_column_is_known(read, column):
    assert read(f"{column}\na.mp4\nb.mp4\n").paths == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("column", ["label", "class", "category", "class_name"])
def test_names_become_sorted_classes(read, column):
    manifest = read(f"path,{column}\na.mp4,run\nb.mp4,jump\nc.mp4,run\n", labels="required")
    assert manifest.class_names == ("jump", "run")
    assert labels(manifest) == [1, 0, 1]


def test_the_origin_lists_columns_that_are_not_used(read):
    manifest = read("path,label,speaker,rep\na.mp4,0,F01,1\n", labels="required")
    assert manifest.description.startswith(
        "CSV table of 1 entries, columns path, label; not used: speaker, rep, paths relative to"
    )


def test_labels_are_left_out_unless_wanted(read):
    manifest = read("path,label\na.mp4,nonsense\nb.mp4,0\n")
    assert labels(manifest) == [None, None]
    assert manifest.class_names is None


def test_a_row_may_have_no_label_unless_labels_are_needed(read, message):
    text = "path,label\na.mp4,3.0\nb.mp4,\nc.mp4,-1\n"  # as pandas writes a column with a gap
    assert labels(read(text, labels="if-present")) == [3, None, None]
    assert message(text, labels="required") == (
        "table:3: b.mp4 has no label, and labels are needed\n"
        "table:4: c.mp4 has no label, and labels are needed"
    )


def test_a_second_column_names_the_labels(read, message):
    text = "path,label,class_name\na.mp4,2,fight\nb.mp4,0,calm\n"
    manifest = read(text, labels="required")
    assert (labels(manifest), manifest.class_names) == ([2, 0], ("calm", "1", "fight"))
    problem = message(text + "c.mp4,0,noisy\n", labels="required")
    assert problem == "table:4: label 0 is called 'noisy', elsewhere 'calm'"
    problem = message(text, labels="required", class_names=("a", "b", "c"))
    assert problem.startswith("table:2: label 2 is called 'fight', elsewhere 'c'")


def test_known_classes_fix_the_labels(read, message):
    names = ("walk", "run", "jump")
    manifest = read("path,class\na.mp4,jump\n", labels="required", class_names=names)
    assert (labels(manifest), manifest.class_names) == ([2], names)
    problem = message("path,class\na.mp4,fly\n", labels="required", class_names=names)
    assert problem == (
        "table:2: class 'fly' (1 video) is not known\n  known  3: walk, run, jump\n  found  1: fly"
    )
    problem = message("path,label\na.mp4,0\nb.mp4,3\n", labels="required", class_names=names)
    assert problem == "table:3: label is 3, but there are 3 classes, from 0"


def test_a_class_that_is_not_known_is_told_once_and_the_lists_whole(message):
    known = tuple(f"class {n}" for n in range(20))
    rows = "".join(f"{n}.mp4,{name}\n" for n, name in enumerate(["fly", "swim"] * 30))
    lines = message("path,label\n" + rows, labels="required", class_names=known).split("\n")
    assert lines[0] == "table:2: class 'fly' (30 videos) is not known"
    assert lines[1] == "table:3: class 'swim' (30 videos) is not known"
    assert lines[2:] == [f"  known  20: {', '.join(known)}", "  found  2: fly, swim"]
    rows = "".join(f"{n}.mp4,strange {n}\n" for n in range(14))
    lines = message("path,label\n" + rows, labels="required", class_names=known).split("\n")
    assert lines[10] == "and 4 more problems"
    assert lines[11].startswith("  known  20: class 0, class 1, ")


def test_kinetics_is_read_by_the_names_of_its_annotations(read, message):
    known = load_public_classes("kinetics-400")
    text = "path,label\na.mp4,hugging\nb.mp4,abseiling\nc.mp4,dying hair\nd.mp4,hugging\n"
    manifest = read(text, labels="required", class_names=known)
    assert manifest.class_names == known
    assert labels(manifest) == [158, 0, known.index("dyeing hair"), 158]
    assert "; dying hair is dyeing hair, hugging is hugging baby" in manifest.description
    large = load_public_classes("kinetics-710")
    manifest = read(text, labels="required", class_names=large)
    assert labels(manifest)[0] == large.index("hugging (not baby)")
    both = text + "e.mp4,hugging baby\n"  # two names of one list are two classes
    problem = message(both, labels="required", class_names=known)
    assert problem.startswith("table:2: class 'hugging' (2 videos) is not known\n  known  400: abs")
    assert "'dying hair'" in message(text, labels="required", class_names=known[1:])


def test_numbers_and_names_do_not_mix(message):
    problem = message("path,label\na.mp4,0\nb.mp4,run\n", labels="if-present")
    assert problem == "table:3: label is 'run', wanted a whole number, as in the rows before"
    problem = message("path,label\na.mp4,run\nb.mp4,7\n", labels="if-present")
    assert problem == "table:3: label is 7, a number, but the rows before have names of classes"


def test_two_columns_of_names_are_refused(message):
    problem = message("path,label,category\na.mp4,x,y\n", labels="if-present")
    assert (
        problem
        == "table: columns label, category all tell the label: wanted numbers, names or both"
    )


def test_windows_of_videos_and_of_frame_folders(read):
    manifest = read("path,start,num_frames\na.mp4,10,50\nb.mp4,5,\nframes/c,,30\nframes/d,7,9\n")
    found = [(entry.first, entry.frames, entry.is_frames) for entry in manifest]
    assert found == [(10, 50, False), (5, None, False), (1, 30, True), (7, 9, True)]
    assert manifest.frame_name == "img_{:05}.jpg"


def test_a_count_without_a_start_is_no_window_of_a_video(read):
    manifest = read("path,frames\na.mp4,0\nfolder,30\n")
    found = [(entry.first, entry.frames, entry.is_frames) for entry in manifest]
    assert found == [(0, None, False), (1, 30, True)]


def test_rows_can_be_kept_by_a_column(read, message):
    text = "path,Split\na.mp4,train\nb.mp4,test\n"
    manifest = read(text, row_filter="split=test")
    assert manifest.paths == ["b.mp4"]
    assert manifest[0].location.endswith("table.csv:3")
    assert "rows with split=test" in manifest.description
    assert (
        message(text, row_filter="split=dev")
        == "table: no row has 'dev' in the column split: it has 'test', 'train'"
    )
    problem = message(text, row_filter="part=dev")
    assert problem == "table: its columns are path, split; wanted 'part'"


def test_a_quoted_cell_may_hold_anything(read):
    manifest = read('path,label\r\n"a, ""b""\nc.mp4",1\r\n\r\n"d.mp4",2\r\n', labels="required")
    assert manifest.paths == ['a, "b"\nc.mp4', "d.mp4"]
    assert manifest.lines.tolist() == [3, 5]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,label\na.mp4,1,2\n", "table:2: 3 cells, but the header has 2"),
        ("path,label\n,1\n", "table:2: the column path is empty"),
        ("path,frames,first\na.mp4,0,3\n", "table:2: frames is 0, wanted a whole number from 1"),
        ("path,first\na.mp4,-1\n", "table:2: first is -1, wanted a whole number from 0"),
        ("path,first\na.mp4,2.5\n", "table:2: first is '2.5', wanted a whole number"),
        ("path,path\na.mp4,b.mp4\n", "table:1: the header has more than one column path"),
        ("path,file\na.mp4,b.mp4\n", "table: columns path and file both tell the path: rename"),
        ('path,label\n"a.mp4,1\n', "from here on it is no ','-separated table"),
        ("path,label\n", "table: it names no video"),
    ],
)
def test_a_wrong_table_is_told_what_is_wrong(message, text, problem):
    assert problem in message(text)


def test_problems_are_reported_together(message):
    text = "path,first\n" + ",1\n" * 5 + "".join(f"a.mp4,x{n}\n" for n in range(11))
    lines = message(text).split("\n")
    assert lines[0] == "table:2: the column path is empty (and 4 more lines)"
    assert lines[9] == "table:15: first is 'x8', wanted a whole number"
    assert lines[10:] == ["and 2 more problems"]


def test_a_table_without_a_path_column_lists_what_it_has(message):
    problem = message("name,label\na.mp4,1\n", layout="table")
    want = "wanted one called path, video, file, filename, file_name"
    assert problem == f"table: its columns are name, label; {want}"


def test_a_table_without_labels_lists_what_it_has(message):
    problem = message("path,target\na.mp4,1\n", labels="required")
    want = "labels are needed, in one called label or class or category or class_name or choice"
    assert problem == f"table: its columns are path, target; {want}"


def test_json_lines_are_read(read):
    text = '{"video": "my a.mp4", "label": 1}\n\n{"video": "b.mp4", "x": [1], "label": null}\n'
    manifest = read(text, "t.jsonl", labels="if-present")
    assert (manifest.paths, labels(manifest)) == (["my a.mp4", "b.mp4"], [1, None])
    assert manifest.lines.tolist() == [1, 3]
    assert "not used: x" in manifest.description
    assert read(text, "t.json").paths == manifest.paths


def test_wrong_json_lines_are_named(message):
    text = '{"path": "a.mp4"}\n{"path": \n["b.mp4"]\n{"label": 2}\n'
    lines = message(text, "t.jsonl").split("\n")
    assert lines[0].startswith("table:2: is no JSON: Expecting value")
    assert lines[1].startswith('table:3: wanted an object such as {"path": "a.mp4"')
    assert lines[2] == "table:4: the column path is empty"


def test_parquet_is_read(tmp_path):
    columns = {"Path": ["a.mp4", "my b.mp4"], "label": [1.0, None], "other": [b"x", b"y"]}
    path = write_parquet(tmp_path / "t.parquet", columns)
    manifest = read_manifest(path, labels="if-present", check_some_exist=False)
    assert (manifest.paths, labels(manifest)) == (["a.mp4", "my b.mp4"], [1, None])
    assert manifest[1].location == f"{path}:2"
    assert manifest.description.startswith(
        "Parquet table of 2 entries, columns path, label; not used: o"
    )


def test_a_file_that_is_no_parquet_is_told(message):
    pytest.importorskip("pyarrow")
    assert message("path\n", "t.parquet").startswith("table: is damaged, or no Parquet file; ")


def test_parquet_without_pyarrow_names_the_extra(message, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    text = "table: reading Parquet needs pyarrow: pip install 'videomae2[tables]'"
    assert message("", "t.parquet") == text


CELLS = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1)
PATHS = CELLS.filter(lambda name: name == name.strip(" \t") and bool(name.strip()))
ROWS = st.lists(st.tuples(PATHS, st.integers(0, 2**31 - 1)), min_size=1, max_size=5)


@given(ROWS, st.sampled_from(",;\t"))
def test_what_was_written_as_csv_is_read(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("path", "label"), *rows])
    manifest = read_manifest(path, labels="required", check_some_exist=False)
    assert list(zip(manifest.paths, labels(manifest), strict=True)) == rows


@given(ROWS)
def test_what_was_written_as_json_lines_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round_trip.jsonl"
    lines = [json.dumps({"path": name, "label": label}) for name, label in rows]
    path.write_text("\n".join(lines))
    manifest = read_manifest(path, labels="required", check_some_exist=False)
    assert list(zip(manifest.paths, labels(manifest), strict=True)) == rows


def test_cells_of_other_columns_can_be_had(read, message):
    text = "path,Speed,fold\na.mp4,1.5,x\nb.mp4,,y\nc.mp4,2,x\n"
    manifest = read(text, extra_columns=("speed",), row_filter="fold=x")
    assert manifest.columns == {"speed": ["1.5", "2"]}
    assert manifest.take(np.array([1])).columns == {"speed": ["2"]}
    assert "its columns are path, speed, fold; wanted height too" in message(
        text, extra_columns=("speed", "height")
    )
