"""Released lists: every format, its traps, and what wrong lines are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


@pytest.fixture
def read(tmp_path):
    """Write a list and read it without looking for its videos."""

    def read(text: str | bytes, **wishes):
        path = tmp_path / "list.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_manifest(path, check_some_exist=False, **wishes)

    return read


def rows(manifest):
    return [
        (path, entry.first, entry.frames, entry.label, entry.is_frames)
        for path, entry in zip(manifest.paths, manifest, strict=True)
    ]


@pytest.fixture
def message(read):
    """Read a list that must fail; give the message without the path of the list."""

    def message(text: str | bytes, **wishes) -> str:
        with pytest.raises(ManifestError) as caught:
            read(text, **wishes)
        return str(caught.value).replace(str(caught.value.path), "list")

    return message


def test_a_pretraining_list_mixes_video_files_and_frame_folders(read):
    manifest = read("a.mp4 0 -1\nAVA/frames/x 9601 300\nb.mkv 17 -1\n")
    assert rows(manifest) == [
        ("a.mp4", 0, None, None, False),
        ("AVA/frames/x", 9601, 300, None, True),
        ("b.mkv", 0, None, None, False),
    ]
    assert manifest.frame_name == "img_{:05}.jpg"
    assert manifest.description.startswith("pretrain-list of 3 entries")


def test_the_fourth_column_of_a_pretraining_list_is_read_only_if_wanted(read):
    text = "a.mp4 0 -1 7\nb.mp4 0 -1\n"
    assert [entry.label for entry in read(text, layout="pretrain-list")] == [None, None]
    assert [e.label for e in read(text, labels="if-present", layout="pretrain-list")] == [7, None]
    assert rows(read("a.mp4 0 -1 anything\n"))[0][3] is None


def test_a_video_list_has_labels_and_no_frame_names(read):
    manifest = read("a.mp4 1\nb.mp4 0\n", labels="required")
    assert rows(manifest) == [("a.mp4", 0, None, 1, False), ("b.mp4", 0, None, 0, False)]
    assert manifest.frame_name is None
    assert manifest.class_names is None


def test_labels_are_left_out_unless_wanted(read):
    assert [entry.label for entry in read("a.mp4 1\n")] == [None]


def test_a_frames_list_starts_at_number_one(read):
    text = "some/folder 120 0\nother.avi 99 5\n"
    assert rows(read(text, labels="required"))[1] == ("other.avi", 1, 99, 5, True)


def test_a_frame_name_is_taken_in_both_notations(read):
    text = "folder 1 300\nfolder 301 300\n"
    for name in ("image_{:06}.jpg", "image_%06d.jpg", "image_{:06d}.jpg"):
        manifest = read(text, layout="pretrain-list", frame_name=name)
        assert manifest.frame_name == "image_{:06}.jpg"
    with pytest.raises(ManifestError, match=r"frame_name is 'image.jpg', wanted one place"):
        read(text, layout="pretrain-list", frame_name="image.jpg")


def test_paths_alone_may_hold_blanks(read):
    assert read("my video 1.mp4\nb c.MOV\n\n").paths == ["my video 1.mp4", "b c.MOV"]


def test_quoted_paths_may_hold_blanks_and_quotes(read):
    assert rows(read('"my video.mp4" 3\n"a ""b"".mp4"  4\n', labels="required")) == [
        ("my video.mp4", 0, None, 3, False),
        ('a "b".mp4', 0, None, 4, False),
    ]


def test_tabs_part_columns_whose_paths_hold_blanks(read):
    assert rows(read("my folder\t9601\t300\nb.mp4\t0\t-1\n"))[0] == (
        "my folder",
        9601,
        300,
        None,
        True,
    )


def test_byte_order_mark_and_windows_line_ends_are_survived(read):
    assert read(b"\xef\xbb\xbfa.mp4 1\r\n\r\nb.mp4 0\r\n").paths == ["a.mp4", "b.mp4"]


def test_a_hash_starts_no_comment(read):
    assert read("#1.mp4 1\n").paths == ["#1.mp4"]


def test_a_path_may_hold_what_other_splitters_split_at(read):
    paths = ["a\u00a0b.mp4", "c\u2028d.mp4", "e\x0bf.mp4"]
    assert read("".join(f"{path} 0\n" for path in paths)).paths == paths


def test_three_columns_that_fit_two_formats_are_refused(message):
    assert message("folder 1 300\nother 301 300\n") == (
        "list:1: three columns of numbers after a path, two formats fit; choose a layout:"
        " pretrain-list = 'path start total [label]', total -1 for a video file"
        " or frames-list = 'folder total_frames label'"
    )


def test_three_columns_that_fit_no_format_are_refused(message):
    assert "no format fits all lines" in message("folder 0 300\nother 301 0\n")


def test_needed_labels_settle_what_three_columns_mean(read):
    manifest = read("folder 7 300\nother 9 300\n", labels="required")
    assert [(entry.frames, entry.label) for entry in manifest] == [(7, 300), (9, 300)]


def test_a_label_zero_settles_what_three_columns_mean(read):
    assert [entry.frames for entry in read("folder 7 300\nother 9 0\n")] == [7, 9]


def test_too_many_columns_are_told_about_quotes(message):
    text = message("my videos of summer day/a.mp4 0 -1\n")
    assert text.startswith("list:1: 7 columns, wanted pretrain-list = 'path start total [label]'")
    assert text.endswith('in double quotes, as in "my videos/a.mp4" 0 -1')


def test_wrong_lines_are_reported_together_and_the_rest_is_counted(message):
    text = "a.mp4 0\n" * 30 + "a b c.mp4 0\n"
    text += "".join(f"b.mp4 x{n}\n" for n in range(11))
    lines = message(text).split("\n")
    assert lines[0].startswith("list:31: 4 columns, wanted 'path label', or a path alone")
    assert lines[1].startswith("list:32: label is 'x0', wanted a whole number; names of classes")
    assert lines[9].startswith("list:40: ")
    assert lines[10:] == ["and 2 more problems"]


@pytest.mark.parametrize(
    ("line", "layout", "problem"),
    [
        ("a 0 0", "pretrain-list", "start 0 and total 0, wanted start from 0 and total from 1"),
        ("a -1 5", "pretrain-list", "start -1 and total 5, wanted"),
        ("a x 5", "pretrain-list", "start is 'x', wanted a whole number"),
        ("a 0 5.5", "pretrain-list", "total is '5.5', wanted a whole number"),
        ("a 0 1_0", "pretrain-list", "total is '1_0', wanted a whole number"),
        ("a 0 99999999999", "pretrain-list", "total is 99999999999, wanted a whole number from"),
        ("a 0", "pretrain-list", "2 columns, wanted 'path start total"),
        ("a 0 1", "frames-list", "total_frames is 0, wanted a whole number from 1"),
        ("a 3", "frames-list", "2 columns, wanted 'folder total_frames label'"),
        ("a -2", "video-list", "label is -2, wanted a whole number from -1"),
        ("\t1", "video-list", "the path is empty"),
        ('"" 1', "video-list", "the path is empty"),
    ],
)
def test_a_wrong_line_is_named(message, line, layout, problem):
    text = message(f"ok 1 1\n{line}\n" if layout != "video-list" else f"ok 1\n{line}\n",
                   layout=layout)  # fmt: skip
    assert text.startswith("list:")
    assert problem in text


def test_needed_labels_that_are_missing_are_named(message):
    text = message("a.mp4 1\nb.mp4 -1\nc.mp4\n", labels="required")
    assert text == (
        "list:2: b.mp4 has no label, and labels are needed\n"
        "list:3: c.mp4 has no label, and labels are needed"
    )


def test_labels_are_held_against_the_known_classes(read, message):
    names = ("walk", "run")
    assert read("a.mp4 1\n", labels="required", class_names=names).class_names == names
    text = message("a.mp4 0\nb.mp4 2\n", labels="required", class_names=names)
    assert text == "list:2: label is 2, but there are 2 classes, from 0"


@pytest.mark.parametrize("numbers", [(1, 2), (1, 1), (2, 2)])
def test_numbers_that_may_begin_at_1_are_noticed(read, message, numbers):
    text = "".join(f"{place}.mp4 {number}\n" for place, number in enumerate(numbers))
    wanted = {"labels": "required", "class_names": ("walk", "run")}
    remedy = "if the numbers begin at 1, say first_label 1"
    if max(numbers) > 1:
        assert f"from 0; no video has label 0: {remedy}" in message(text, **wanted)
    else:
        assert read(text, **wanted).warnings[0] == f"no video has label 0, 'walk': {remedy}"
    manifest = read(text, **wanted, first_label=1)
    assert manifest.labels.tolist() == [number - 1 for number in numbers]
    assert not manifest.warnings


def test_a_number_below_the_first_label_is_refused(message):
    text = message("a.mp4 1\nb.mp4 0\n", labels="required", first_label=1)
    assert text == "list:2: label is 0, and first_label says that they begin at 1"


def test_an_empty_list_is_refused(message):
    assert message("\n \n") == "list: the list is empty"
    assert message("\n", layout="video-list") == "list: it names no video"


def test_text_that_is_no_utf8_names_the_line(message):
    assert message(b"a.mp4 0\nb\xfc.mp4 1\n") == (
        "list:2: byte 0xfc is no UTF-8; save the list as UTF-8 text"
    )


def test_lookalikes_are_named(message):
    assert "looks like a table without a header" in message("my a.mp4,0\nb.mp4,1\n")
    assert "looks like a JSON array" in message('["a.mp4", "b.mp4"]')
    assert "is XML or HTML" in message('<?xml version="1.0"?><annotations></annotations>')


@pytest.mark.parametrize("rows", ["my a.mp4,0\nmy b.mp4,1\n", "a.mp4,0\n", '"my a.mp4",0\n'])
def test_a_header_without_a_column_of_paths_is_told_what_is_missing(message, rows):
    assert message("vid,cls\n" + rows) == (
        "list:1: looks like a table, but its columns are vid, cls;"
        " wanted one called path, video, file, filename, file_name"
    )


NAMES = st.text(
    st.characters(exclude_characters='\t\n\r\0"', exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name == name.strip(" ") and not name.startswith("\ufeff"))
COUNTS = st.integers(1, 2**31 - 1)
WINDOWS = st.lists(st.tuples(NAMES, COUNTS, COUNTS, COUNTS | st.none()), min_size=1, max_size=5)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@given(WINDOWS, st.sampled_from("\t "), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_what_was_written_is_read(tmp_path_factory, windows, blank, end):
    path = tmp_path_factory.getbasetemp() / "round_trip.txt"
    lines = [
        blank.join([name if blank == "\t" else quoted(name), str(first), str(frames)]
                   + ([] if label is None else [str(label)]))
        for name, first, frames, label in windows
    ]  # fmt: skip
    path.write_bytes((end.join(lines) + end).encode())
    manifest = read_manifest(path, layout="pretrain-list", labels="if-present",
                             check_some_exist=False)  # fmt: skip
    assert rows(manifest) == [
        (name, first, frames, label, True) for name, first, frames, label in windows
    ]


@given(st.lists(st.tuples(NAMES, st.integers(0, 1000)), min_size=1, max_size=5))
def test_a_quoted_video_list_is_detected_and_read(tmp_path_factory, videos):
    path = tmp_path_factory.getbasetemp() / "video_list.txt"
    path.write_text("".join(f"{quoted(name)} {label}\n" for name, label in videos), "utf-8")
    manifest = read_manifest(path, labels="required", check_some_exist=False)
    assert manifest.paths == [name for name, _ in videos]
    assert manifest.labels.tolist() == [label for _, label in videos]
