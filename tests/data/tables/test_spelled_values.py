"""Numbers, flags and lists in other spellings, shares of a day, and headers of spreadsheets."""

import json

import pytest

from tests.data.tables.test_spelled_cells import read
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "01"), ("1", "1.0"), ("007", "7"), ("p1", "p01"), ("rec 3", "Rec_03")],
)
def test_numbers_with_other_zeros_are_one_question(tmp_path, first, second):
    with pytest.raises(ManifestError, match=r"zeros of numbers: one group or several"):
        read(tmp_path, [first, second, "x"], groups="person")
    assert len(set(read(tmp_path, [first, second], groups="person", spelling="same").groups)) == 1
    with pytest.raises(ManifestError, match="may mean the same"):
        read(tmp_path, [first, second, "x"], row_filter=f"person={first}")


@pytest.mark.parametrize(
    "pair", [("10", "1"), ("1.05", "1.5"), ("100", "10"), ("a0", "a"), ("0", "x")]
)
def test_other_numbers_are_others(tmp_path, pair):
    assert read(tmp_path, pair, groups="person").groups == list(pair)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("0", "False"), ("false", "0"), ("1", "TRUE"), ("yes", "1"), ("no", "N"), ("1", "1.0"),
        ("train", "train;val"), ("val", "train | val"), ("train", "['train']"), ("a", "A&b"),
    ],
)  # fmt: skip
def test_a_filter_asks_about_flags_and_lists(tmp_path, value, other):
    with pytest.raises(ManifestError, match="may mean the same: spelling same takes them"):
        read(tmp_path, [value, other, "z"], row_filter=f"person={value}")
    options = {"row_filter": f"person={value}", "spelling": "distinct"}
    assert read(tmp_path, [value, other, "z"], **options).paths == ["0.mp4"]


@pytest.mark.parametrize("other", ["10", "trainer", "test", "untrained", "train2", "on"])
def test_a_filter_leaves_others_out(tmp_path, other):
    for value in ("train", "1"):
        assert len(read(tmp_path, [value, other], row_filter=f"person={value}")) == 1


@pytest.mark.parametrize("rule", ["(x)?", "x*", "()", "(?=.)", "(a)|mp4"])
def test_a_pattern_that_finds_nothing_is_refused(tmp_path, rule):
    if rule == "(a)|mp4":
        assert read(tmp_path, ["p", "q"], groups=rule).groups == ["mp4", "mp4"]
        return
    with pytest.raises(ManifestError, match=r"finds nothing in 0\.mp4"):
        read(tmp_path, ["p", "q"], groups=rule)


def read_text(folder, text, name="list.csv", **options):
    (folder / name).write_text(text)
    options = {"labels": "required", "check_some_exist": False, **options}
    return read_manifest(folder / name, **options)


@pytest.mark.parametrize(
    "rows", [("1.15741E-05,2.31481E-05",), ("0,0.000231", "0.0001,0.0002"), ("0.001157,0.001273",)]
)
@pytest.mark.parametrize("header", ["start_time,end_time", "Start (s),End (s)"])
def test_shares_of_a_day_are_no_seconds(tmp_path, rows, header):
    text = f"path,label,{header}\n" + "".join(f"a.mp4,x,{row}\n" for row in rows)
    with pytest.raises(ManifestError, match=r"writes a second as 1\.16e-05 of a day"):
        read_text(tmp_path, text)
    assert len(read_text(tmp_path, text + "b.mp4,y,1,1.5\n")) == len(rows) + 1


@pytest.mark.parametrize("mark", [";", ",", "\t", "|"])
@pytest.mark.parametrize("line", ["sep={}", "SEP={}", '"sep={}"', "sep={}{}{}"])
def test_the_line_that_tells_excel_what_separates_is_none(tmp_path, mark, line):
    if mark == "|":
        mark = ";"
    rows = ["path,label", "a.mp4,x", "b.mp4,y"]
    text = "\n".join([line.format(mark, mark, mark), *(row.replace(",", mark) for row in rows)])
    assert read_text(tmp_path, text).class_names == ("x", "y")


@pytest.mark.parametrize(
    "text",
    [
        "74225;Spinning something\n78687;Pulling something\n",
        "34870;Drumming Fingers\n56557;Sliding\n9223;Stop\n",
        '"a";"walk"\n"b";"run"\n',
        "a1;walk;left\nb2;run;right\n",
    ],
)
def test_lists_with_semicolons_lack_a_header(tmp_path, text):
    for labels in ("required", "ignore"):
        with pytest.raises(ManifestError, match="looks like a table without a header"):
            read_text(tmp_path, text, labels=labels)


@pytest.mark.parametrize("text", ["left right.mp4 0\nup down.mp4 1\n", "my film 3\nhis film 4\n"])
def test_blanks_in_paths_are_named(tmp_path, text):
    with pytest.raises(ManifestError, match="a path with blanks must be in double quotes"):
        read_text(tmp_path, text, "list.txt")


def test_the_table_of_via_is_named(tmp_path):
    text = "# Exported using VIA\n# CSV_HEADER = metadata_id,file_list\n" + '"1_x","[""a.mp4""]"\n'
    with pytest.raises(ManifestError, match="looks like a table of VIA's"):
        read_text(tmp_path, text)


@pytest.mark.parametrize("column", ["video", "file"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("as_lines", [True, False])
def test_a_file_beside_its_bytes_is_its_path(tmp_path, column, count, as_lines):
    rows = [{column: {"path": f"{n}.mp4", "bytes": None}, "label": f"c{n}"} for n in range(count)]
    text = "\n".join(map(json.dumps, rows)) if as_lines else json.dumps(rows)
    manifest = read_text(tmp_path, text, "list.jsonl" if as_lines else "list.json")
    assert manifest.paths == [f"{n}.mp4" for n in range(count)]


@pytest.mark.parametrize("cell", ["?" * 5000, "'" + "x" * 5000 + "'", "[" + "a, " * 3000 + "b]"])
def test_long_cells_are_told_in_few_words(tmp_path, cell):
    with pytest.raises(ManifestError) as caught:
        read_text(tmp_path, f'path,label\na.mp4,"{cell}"\nb.mp4,y\n')
    assert len(str(caught.value)) < 600
