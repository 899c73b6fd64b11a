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


def test_differences_name_nested_values_and_what_came_or_went():
    new = {"model": "abc", "views": {"clips": 4, "crops": 3}, "precision": "bf16"}
    assert diff_values(VALUES, new) == [
        "views.clips: 5 -> 4",
        "precision: (absent) -> bf16",
        "list: None -> (absent)",
    ]
    assert diff_values(VALUES, VALUES) == []


def test_a_value_that_is_none_differs_from_none_at_all():
    assert diff_values({}, {"list": None}) == ["list: (absent) -> None"]


def test_what_was_written_is_read_again(tmp_path):
    assert read_provenance(tmp_path) is None
    write_provenance(tmp_path, VALUES)
    assert read_provenance(tmp_path) == VALUES


@pytest.mark.parametrize("text", ["[1]", "{", "\x00"])
def test_a_file_that_is_not_ours_is_an_error(text, tmp_path):
    (tmp_path / PROVENANCE_FILE).write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011  the caller says what is wrong and where
        read_provenance(tmp_path)
