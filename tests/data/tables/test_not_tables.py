"""What is not seen as a table is named in one sentence; one cause of many lines is said once."""

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

BORIS = "Observation id\tMedia file\tFPS\tSubject\tBehavior\tStart (s)\tStop (s)\n"
BORIS_ROW = "o0\tv00.mp4\t25\tx\trun\t0.1\t0.6\n"


def refuse(folder, text, name="list.csv"):
    (folder / name).write_text(text)
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder / name, labels="required", check_some_exist=False)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize("name", ["list.csv", "list.txt", "list.tsv"])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "# made by x\npath,label\na.mp4,run\n",
            ":1: a comment stands above the header: remove this",
        ),
        (
            "# x\n# y\n\nvideo\tclass\na.mp4\trun\n",
            ":1: a comment stands above the header: remove the",
        ),
        ("#path,label\na.mp4,run\n", ":1: the header begins with #: remove the #"),
        ("# filename;label\na.mp4;run\n", ":1: the header begins with #: remove the #"),
        (BORIS + BORIS_ROW * 2, "; of BORIS's, rename Media file to path, Behavior to label"),
        ("Clip name\tWho\na.mp4\tAnn\nb.mp4\tBob\n", "but its columns are clip name, who; wanted"),
        ("v00,0902,0.1,0.2,0.5,0.9,1,0\nv01,0903,0.1,0.2,0.5,0.9,2,1\n", "looks like AVA's annot"),
        ("v00,0902,,,,\nv01,0903,1,,,\n", "looks like a table without a header"),
        ("v00,1\nv01,0\n", "looks like a table without a header"),
        ("a.mp4,run\nb.mp4,sit\n", "looks like a table without a header"),
    ],
)
def test_a_table_that_is_not_seen_as_one_is_named(tmp_path, text, problem, name):
    assert problem in refuse(tmp_path, text, name)


@pytest.mark.parametrize(
    "text",
    ["#a.mp4\t0\nb.mp4\t1\n", "a,1.mp4\t0\nb,2.mp4\t1\n", "Ann, 1.mp4\t0\n"],
)
def test_lists_are_still_lists(tmp_path, text):
    (tmp_path / "list.txt").write_text(text)
    read_manifest(tmp_path / "list.txt", check_some_exist=False)


@pytest.mark.parametrize(
    ("start", "stop", "cause"),
    [
        ("0,1", "0,6", "start_time has decimal commas: write 0.5 for 0,5"),
        ("0.1", "0,6", "end_time has decimal commas"),
        (
            "00:00:00:05",
            "00:00:00:20",
            "start_time has time codes that end in frames (hh",
        ),
        ("01:00:00;05", "01:00:00;20", "start_time has time codes that end in frames"),
        ("", "00:00:02:20", "end_time has time codes that end in frames"),
    ],
)
def test_one_cause_is_one_line(tmp_path, start, stop, cause):
    text = "path;start_time;end_time;label\n"
    text += "".join(f'{n}.mp4;"{start}";"{stop}";x\n' for n in range(12))
    message = refuse(tmp_path, text)
    assert f"list.csv:2: {cause}" in message
    assert message.endswith("(and 11 more lines)")


def test_rows_of_another_width_are_one_line(tmp_path):
    message = refuse(tmp_path, "path,label\n" + "a.mp4,0,1\n" * 5)
    assert message == "list.csv:2: 3 cells, but the header has 2 (and 4 more lines)"
