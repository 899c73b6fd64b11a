import pytest

from videomae2.base.provenance import (
    PROVENANCE_FILE,
    compute_digest,
    diff_values,
    read_provenance,
    write_provenance,
)

VALUES = {"model": "abc", "views": {"clips": 5, "crops": 3}, "list": None}


def test_the_digest_is_of_the_values_and_not_of_their_order():
    assert compute_digest(VALUES) == compute_digest(dict(reversed(VALUES.items())))
    assert compute_digest(VALUES) != compute_digest(VALUES | {"list": "x"})
    assert len(compute_digest(VALUES)) == 16


def test_differences_are_named_with_both_values_nested_ones_by_dotted_names():
    other = {"model": "abc", "views": {"clips": 2, "crops": 3}, "seed": 0}
    assert diff_values(VALUES, VALUES) == []
    assert diff_values(VALUES, other) == [
        "views.clips: 5 before → 2 now",
        "list: None before → (absent) now",
        "seed: (absent) before → 0 now",
    ]


@pytest.mark.parametrize("mark", ["\n", "\t", "\x1b[2J", "\x9b"])
def test_a_difference_is_one_line_and_moves_no_terminal(mark):
    (text,) = diff_values({f"a{mark}": f"b{mark}c"}, {})
    assert mark not in text
    assert text.startswith("a\\")


def test_a_value_of_none_is_one_and_a_section_without_values_is_none():
    assert compute_digest({"a": None}) != compute_digest({})
    assert diff_values({"a": None}, {}) == ["a: None before → (absent) now"]
    assert diff_values({"a": {}}, {}) == diff_values({}, {"a": {"b": {}}}) == []
    assert diff_values({"a": 1}, {"a": {}}) == ["a: 1 before → (absent) now"]


@pytest.mark.parametrize("values", [VALUES, {"videos": "a\udcffb/日本"}])
def test_what_was_written_is_read_again(values, tmp_path):
    """Also paths that are no UTF-8."""
    assert read_provenance(tmp_path) is None
    write_provenance(tmp_path, values)
    assert read_provenance(tmp_path) == values


@pytest.mark.parametrize("text", ["[1]", "{", "\x00"])
def test_a_file_that_is_not_ours_is_an_error(text, tmp_path):
    (tmp_path / PROVENANCE_FILE).write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011  the caller says what is wrong and where
        read_provenance(tmp_path)
