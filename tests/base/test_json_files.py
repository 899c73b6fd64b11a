import os

import pytest

from videomae2.base.json_files import parse_json, read_json, read_small_text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON: Expecting value at character 1"),
        ('{"a": 1,\n"b"}', "is no JSON: .* at line 2"),
        ("[" * 50_000, "is nested too deeply"),
        ('{"a":' * 100 + "1" + "}" * 100, "is nested too deeply"),
        ("[" * 200 + "]" * 200, "is nested too deeply"),
        ("9" * 5000, "has a number that is too long"),
        (b'"\xc3"', "is no UTF-8 text"),
    ],
)
def test_what_is_no_json_of_ours_is_a_sentence(text, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        parse_json(text)


@pytest.mark.parametrize("value", ["[1, [2, {}]]", '{"a": {"b": []}}', "null", '"x"', "1e5"])
def test_json_is_read(value, tmp_path):
    (tmp_path / "a.json").write_text(value)
    assert read_json(tmp_path / "a.json") == parse_json(value)


def test_what_cannot_be_read_is_said_without_numbers_of_the_system(tmp_path):
    (tmp_path / "latin").write_bytes(b"a\nb\xe9\n")
    for name, said in (("", "is a folder"), ("latin", "is no UTF-8 text, from line 2 on")):
        with pytest.raises(ValueError, match=said):
            read_small_text(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_small_text(tmp_path / "none")
    with (tmp_path / "large").open("wb") as file:
        os.ftruncate(file.fileno(), 2**40)
    with pytest.raises(ValueError, match="which is too much"):
        read_small_text(tmp_path / "large")
