"""Groups and filtered values in several spellings, or in none."""

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

SPELLINGS = [
    ("Ann", "ann", "case"),
    ("p 1", "p  1", "blanks"),
    ("p_1", "p-1", "blanks, _ or - between words"),
    ("Zoë", "Zoe\u0308", "how their letters are encoded"),
    ("rec1", "rec\u200b1", "characters that are not shown"),
]


def read(folder, cells, **options):
    rows = "".join(f"{n}.mp4,x,{cell}\n" for n, cell in enumerate(cells))
    (folder / "list.csv").write_text("path,label,person\n" + rows)
    options = {"labels": "required", "check_some_exist": False, **options}
    return read_manifest(folder / "list.csv", **options)


@pytest.mark.parametrize(("first", "second", "difference"), SPELLINGS)
@pytest.mark.parametrize("rule", ["person", "^(.+)_"])
def test_two_spellings_of_a_group_are_one_question(tmp_path, first, second, difference, rule):
    def read_groups(**options):
        if rule == "person":
            return read(tmp_path, [first, second, first, "Bob"], groups=rule, **options).groups
        rows = "".join(f"{g}_{n}.mp4 0\n" for n, g in enumerate([first, second, first, "Bob"]))
        (tmp_path / "list.txt").write_text(rows.replace(" 0", "\t0"))
        path = tmp_path / "list.txt"
        return read_manifest(path, groups=rule, check_some_exist=False, **options).groups

    with pytest.raises(ManifestError) as caught:
        read_groups()
    assert f"differ only in {difference}: one group or several? spelling same or" in str(
        caught.value
    )
    assert "(2 videos) and" in str(caught.value)
    assert read_groups(spelling="same") == [first, first, first, "Bob"]
    assert read_groups(spelling="distinct") == [first, second, first, "Bob"]


@pytest.mark.parametrize("nothing", ["", " ", "NaN", "None", "N/A"])
def test_a_row_without_its_group_is_an_error(tmp_path, nothing):
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, ["p1", nothing, "p2", nothing], groups="person")
    assert "the group person is empty in 2 rows (lines 3, 5): fill it in" in str(caught.value)
    assert read(tmp_path, ["p1", nothing]).groups is None


@pytest.mark.parametrize(
    ("value", "other"),
    [("train", "Train"), ("TRAIN", "train"), ("a b", "a  b"), ("a_b", "a-b"), ("1", "1.0")],
)
def test_a_filter_leaves_no_other_spelling_out_unasked(tmp_path, value, other):
    def read_rows(**options):
        cells = [value, other, "val", other]
        return read(tmp_path, cells, row_filter=f"person={value}", **options).paths

    with pytest.raises(ManifestError) as caught:
        read_rows()
    assert f"1 row with '{value}' in the column person, and '{other}' (2 rows) may" in str(
        caught.value
    )
    assert read_rows(spelling="same") == ["0.mp4", "1.mp4", "3.mp4"]
    assert read_rows(spelling="distinct") == ["0.mp4"]
    assert read(tmp_path, [value, "val", "Val"], row_filter=f"person={value}").paths == ["0.mp4"]


def test_a_filter_that_only_other_spellings_match_asks(tmp_path):
    with pytest.raises(ManifestError, match="0 rows with 'VAL' in the column person, and 'val'"):
        read(tmp_path, ["train", "val"], row_filter="person=VAL")
